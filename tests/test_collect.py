"""Collect: the kept photographs, and only they, as plain PNG."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import collect
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import changed
from stages.common.pixels.images import decode, pixels_sha256
from stages.common.rows import Collected, Decision, Photograph, Unreadable, section_of
from stages.common.subimages_params import Files, Written
from tests.conftest import encoded, noise


def collected(tmp_path: Path, photographs: dict[str, tuple[bytes, bool]]) -> list[Collected]:
    """Run the stage on files and whether they are kept; gives its rows."""
    rows, listed = [], []
    for rank, (name, (content, kept)) in enumerate(photographs.items(), start=1):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        section = section_of(name)
        rows.append(Decision(rank, name, section, sha256, len(content), 0.5, kept, "", ""))
        pixels = decode(content)
        height, width, _ = pixels.shape
        facts = (width, height, len(content), "", pixels_sha256(pixels), "")
        listed.append(Photograph(name, section, sha256, *facts))
    tables.write(tmp_path / "gathered.csv", Photograph, listed)
    tables.write(tmp_path / "unreadable.csv", Unreadable, [])
    tables.write(tmp_path / "in.csv", Decision, rows)
    run(tmp_path)
    return tables.read(tmp_path / "out.csv", Collected)


def run(tmp_path: Path, written: Files = "all") -> None:
    names = ("in", "gathered.csv", "unreadable.csv", "in.csv", "hr", "out.csv", "m.json")
    collect.main(*(tmp_path / name for name in names), Written(files=written))


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(30, 40, 5), "JPEG", exif=exif)


def test_kept_photographs_leave_the_door_as_plain_png(tmp_path: Path) -> None:
    grey = np.arange(1200, dtype=np.uint16).reshape(30, 40) * 50
    photographs = {
        "s/16 bit.png": (encoded(grey, "PNG"), True),
        "s/alpha.png": (encoded(np.dstack([noise(9, 7), noise(9, 7, 1)[:, :, 0]]), "PNG"), True),
        "s/dropped.png": (encoded(noise(9, 7, 2), "PNG"), False),
        "turned.jpg": (turned(), True),
    }
    rows = collected(tmp_path, photographs)
    files = sorted(
        p.relative_to(tmp_path / "hr").as_posix() for p in (tmp_path / "hr").rglob("*.png")
    )
    assert [row.path for row in rows] == files
    assert {row.photograph for row in rows} == {n for n, (_, kept) in photographs.items() if kept}
    for row in rows:
        content = photographs[row.photograph][0]
        assert row.photograph_sha256 == hashlib.sha256(content).hexdigest()
        assert row.pixels == pixels_sha256(decode(content))
        with Image.open(tmp_path / "hr" / row.path) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (row.width, row.height))
            assert image.info == {}
            assert np.asarray(image).tolist() == decode(content).tolist()
    assert next((r.width, r.height) for r in rows if r.photograph == "turned.jpg") == (30, 40)
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics == {"photographs": 3, "megapixels": round((1200 + 63 + 1200) / 1e6, 3)}


def test_names_that_would_meet_stay_apart(tmp_path: Path) -> None:
    """Real-ESRGAN writes a.jpg and a.png to one name, and the last one wins without a word."""
    names = ["s/a.jpg", "s/a.png", "s/deeper/a.jpg", "s/ä.jpg", "ś/a.jpg", "a.jpg", "s/山.jpg"]
    photographs = {name: (encoded(noise(8, 8, i), "PNG"), True) for i, name in enumerate(names)}
    rows = collected(tmp_path, photographs)
    assert len({row.path for row in rows}) == len(names)
    for row in rows:
        expected = decode(photographs[row.photograph][0])
        assert decode((tmp_path / "hr" / row.path).read_bytes()).tolist() == expected.tolist()


def test_names_whose_hashes_begin_alike_stay_apart(tmp_path: Path) -> None:
    """Of 100,000 photographs with names as 山.jpg, which all become `image`, some have."""
    hashes = {"山.png": "0123abcd" + "1" * 56, "川.png": "0" * 64, "谷.png": "0123abcd" + "2" * 56}
    for name in hashes:
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_bytes(bytes(9))
    listed = [Photograph(name, ".", sha, 9, 9, 9, "", sha, "") for name, sha in hashes.items()]
    kept = [Decision(1, row.path, ".", row.sha256, 9, 0.5, True, "", "") for row in listed]
    tables.write(tmp_path / "gathered.csv", Photograph, listed)
    tables.write(tmp_path / "unreadable.csv", Unreadable, [])
    tables.write(tmp_path / "in.csv", Decision, kept)
    run(tmp_path, "kept")
    assert {row.photograph: row.path for row in tables.read(tmp_path / "out.csv", Collected)} == {
        "山.png": "image-0123abcd11111111.png",
        "川.png": "image-00000000.png",
        "谷.png": "image-0123abcd22222222.png",
    }


def test_a_photograph_that_changed_since_is_told(tmp_path: Path) -> None:
    collected(tmp_path, {"a.png": (encoded(noise(8, 8), "PNG"), True)})
    path = tmp_path / "in" / "a.png"
    path.write_bytes(path.read_bytes()[::-1])  # of the same size
    for written in (tmp_path / "hr").iterdir():
        written.unlink()
    with pytest.raises(UserError) as raised:
        run(tmp_path)
    assert str(raised.value) == changed([path])


def test_what_gather_has_not_seen_is_told(tmp_path: Path) -> None:
    """DVC hashes the folder after `gather`, and would never run it again for such a file."""
    collected(tmp_path, {"a.png": (encoded(noise(8, 8), "PNG"), True)})
    (tmp_path / "in" / "late.jpg").write_bytes(b"came in the last moment")
    with pytest.raises(UserError) as raised:
        run(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path / 'in'} has changed since it was gathered: late.jpg: run `dvc repro --force "
        "gather@images`, then `dvc repro`"
    )


def test_a_full_disk_is_foreseen(tmp_path: Path, tiny_disk: Callable[[str], Path]) -> None:
    disk = tiny_disk("size=64k")
    photograph = Photograph("a.png", ".", "0" * 64, 4000, 3000, 9, "", "", "")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(bytes(9))
    tables.write(tmp_path / "gathered.csv", Photograph, [photograph])
    tables.write(tmp_path / "unreadable.csv", Unreadable, [])
    decisions = [Decision(1, "a.png", ".", "0" * 64, 9, 0.5, True, "", "")]
    tables.write(tmp_path / "in.csv", Decision, decisions)
    paths = (tmp_path / name for name in ("in", "gathered.csv", "unreadable.csv", "in.csv"))
    with pytest.raises(UserError, match=r"/hr: this stage needs 6 MB at least, and 0 MB is free: "):
        outs = (disk / "hr", tmp_path / "out.csv", tmp_path / "m.json")
        collect.main(*paths, *outs, Written(files="all"))
    assert list(disk.iterdir()) == []


def test_old_photographs_in_the_way_are_told(tmp_path: Path) -> None:
    collected(tmp_path, {"a.png": (encoded(noise(8, 8), "PNG"), True)})
    before = sorted((tmp_path / "hr").iterdir())
    with pytest.raises(UserError, match="must be empty"):
        run(tmp_path)
    assert sorted((tmp_path / "hr").iterdir()) == before
