"""Collect: the kept photographs, and only they, as plain PNG."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from stages import collect
from stages.common import tables
from stages.common.errors import UserError
from stages.common.images import decode
from stages.common.tables import Collected, Verdict
from tests.conftest import encoded, noise


def collected(tmp_path: Path, photographs: dict[str, tuple[bytes, bool]]) -> list[Collected]:
    """Run the stage on files and whether they are kept; gives its rows."""
    rows = []
    for rank, (name, (content, kept)) in enumerate(photographs.items(), start=1):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        section = tables.section_of(name)
        rows.append(Verdict(rank, name, section, sha256, len(content), 0.5, kept, ""))
    tables.write(tmp_path / "in.csv", Verdict, rows)
    run(tmp_path)
    return tables.read(tmp_path / "out.csv", Collected)


def run(tmp_path: Path) -> None:
    paths = (tmp_path / name for name in ("in", "in.csv", "hr", "out.csv", "m.json"))
    collect.main(*paths)


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


def test_a_photograph_that_changed_since_is_told(tmp_path: Path) -> None:
    collected(tmp_path, {"a.png": (encoded(noise(8, 8), "PNG"), True)})
    (tmp_path / "in" / "a.png").write_bytes(encoded(noise(8, 8, 1), "PNG"))
    for path in (tmp_path / "hr").iterdir():
        path.unlink()
    with pytest.raises(UserError) as raised:
        run(tmp_path)
    assert str(raised.value) == (
        f"{tmp_path / 'in' / 'a.png'} has changed since it was listed: run `dvc repro`"
    )


def test_old_photographs_in_the_way_are_told(tmp_path: Path) -> None:
    collected(tmp_path, {"a.png": (encoded(noise(8, 8), "PNG"), True)})
    before = sorted((tmp_path / "hr").iterdir())
    with pytest.raises(UserError, match="must be empty"):
        run(tmp_path)
    assert sorted((tmp_path / "hr").iterdir()) == before
