"""Release: one archive, the same bytes each time, readable by others; no leak into validation."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import py7zr
import pytest

from stages import release
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import changed
from stages.common.pixels import png
from stages.common.tables import Lineage, Validation
from stages.release import check_apart
from tests.conftest import noise, sha256_of_png


def lineage(name: str, photograph: str) -> Lineage:
    digest = hashlib.sha256(photograph.encode()).hexdigest()
    number = int(name.removesuffix(".png"))
    sha256 = sha256_of_png(noise(40, 40, number))
    return Lineage(name, sha256, 0.5, "t.png", "1", 0, 0, 40, 40, ".", photograph, digest)


def chosen(photograph: str, scale: str = "hr") -> Validation:
    digest = hashlib.sha256(photograph.encode()).hexdigest()
    sha256 = sha256_of_png(noise(40, 40, 50))
    return Validation(f"{scale}/v.png", ".", sha256, scale, 40, 40, 0.5, photograph, digest)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A dataset of 12 tiles and a validation image, ready to be packed."""
    for i in range(12):
        png.write(tmp_path / "dataset" / "faces" / f"{i}.png", noise(40, 40, i))
    (tmp_path / "dataset" / "meta_info.txt").write_text("0.png (40,40,3)\n" * 12)
    (tmp_path / "dataset" / "hyperiqa_score.txt").write_text("0.png\t0.5\n")
    rows = [lineage(f"{i}.png", "a.jpg") for i in range(12)]
    tables.write(tmp_path / "dataset" / "lineage.csv", Lineage, rows)
    for folder in ("hr", "x2"):
        png.write(tmp_path / "validation" / folder / "v.png", noise(40, 40, 50))
    tables.write(
        tmp_path / "validation.csv", Validation, [chosen("v.jpg", s) for s in ("hr", "x2")]
    )
    return tmp_path


def pack(parts: Path, out: str = "release") -> Path:
    """Run the stage; gives the archive."""
    release.main(
        parts / "dataset",
        parts / "validation",
        parts / "validation.csv",
        "faces",
        parts / out,
        parts / "m.json",
    )
    return parts / out / "faces.7z"


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_another_program_reads_the_same_files(parts: Path) -> None:
    with py7zr.SevenZipFile(pack(parts)) as archive:
        names = archive.getnames()
        archive.extractall(parts / "unpacked")
    expected = contents(parts / "dataset")
    expected |= {f"validation/{n}": c for n, c in contents(parts / "validation").items()}
    assert [path.name for path in (parts / "unpacked").iterdir()] == ["faces"]
    assert contents(parts / "unpacked" / "faces") == expected
    assert sorted(names) == sorted(f"faces/{name}" for name in expected)
    inside = {name.split("/")[1] for name in names}
    assert inside == {"faces", "validation", "lineage.csv", "meta_info.txt", "hyperiqa_score.txt"}


def test_members_follow_their_folders_and_names(parts: Path) -> None:
    with py7zr.SevenZipFile(pack(parts)) as archive:
        names = archive.getnames()
    inside = [name for name in names if not name.startswith("faces/validation/")]
    in_order = sorted(inside, key=lambda name: name.split("/"))
    assert names == [*in_order, "faces/validation/hr/v.png", "faces/validation/x2/v.png"]


def test_images_are_stored_as_they_are(parts: Path) -> None:
    path = pack(parts)
    with py7zr.SevenZipFile(path) as archive:
        assert archive.archiveinfo().method_names == ["COPY"]
    raw = path.read_bytes()
    files = contents(parts / "dataset") | contents(parts / "validation")
    assert [name for name, content in files.items() if raw.count(content) == 0] == []


def test_the_same_files_make_the_same_bytes(parts: Path) -> None:
    first = pack(parts, "one").read_bytes()
    for i, path in enumerate(
        sorted(parts.glob("dataset/**/*")) + sorted(parts.glob("validation/**/*"))
    ):
        os.utime(path, (10**9 + 7 * i, 10**9 + 7 * i))
        path.chmod(0o700 if path.is_dir() else (0o444, 0o600, 0o755)[i % 3])
    assert pack(parts, "two").read_bytes() == first
    shutil.move(parts / "dataset", parts / "moved")  # another order of the folder's entries
    for path in sorted(contents(parts / "moved"), reverse=True):
        target = parts / "dataset" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parts / "moved" / path, target)
    assert pack(parts, "three").read_bytes() == first


def test_other_files_make_other_bytes(parts: Path) -> None:
    first = pack(parts, "one").read_bytes()
    (parts / "dataset" / "meta_info.txt").write_text("0.png (40,40,4)\n" * 12)
    assert pack(parts, "two").read_bytes() != first


def test_the_sums_can_be_checked(parts: Path) -> None:
    path = pack(parts)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert (path.parent / "SHA256SUMS").read_text() == f"{digest}  faces.7z\n"
    done = subprocess.run(
        ["sha256sum", "-c", "SHA256SUMS"], cwd=path.parent, capture_output=True, text=True
    )
    assert (done.stdout, done.returncode) == ("faces.7z: OK\n", 0)
    assert sorted(p.name for p in path.parent.iterdir()) == ["SHA256SUMS", "faces.7z"]
    assert json.loads((parts / "m.json").read_text()) == {
        "files": 12 + 3 + 2,
        "bytes": path.stat().st_size,
        "sha256": digest,
    }


def test_a_linked_image_is_packed_with_its_content(parts: Path) -> None:
    """DVC links files where its cache is on another disk and cache.type allows it."""
    target = parts / "dataset" / "faces" / "0.png"
    plain = pack(parts, "plain").read_bytes()
    shutil.move(target, parts / "elsewhere.png")
    target.symlink_to(parts / "elsewhere.png")
    assert pack(parts, "linked").read_bytes() == plain


def test_a_set_without_validation_is_packed(parts: Path) -> None:
    shutil.rmtree(parts / "validation")
    (parts / "validation").mkdir()
    tables.write(parts / "validation.csv", Validation, [])
    with py7zr.SevenZipFile(pack(parts)) as archive:
        assert [name for name in archive.getnames() if "validation" in name] == []


def test_what_is_not_as_its_table_lists_it_ends_the_stage_with_its_name(parts: Path) -> None:
    tile, image = parts / "dataset" / "faces" / "7.png", parts / "validation" / "x2" / "v.png"
    for path in (tile, image):
        content = bytearray(path.read_bytes())
        content[100] ^= 1
        path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        pack(parts)
    assert str(raised.value) == changed([tile, image])
    assert not (parts / "release").exists()


def test_a_photograph_in_training_and_validation_ends_the_stage(parts: Path) -> None:
    rows = [chosen("v.jpg"), chosen("a.jpg")]
    tables.write(parts / "validation.csv", Validation, rows)
    with pytest.raises(UserError) as raised:
        pack(parts)
    message = "a.jpg would be trained on and validated with: run `dvc repro validation`"
    assert str(raised.value) == message
    assert not (parts / "release").exists()


def test_a_photograph_is_known_by_its_content_and_not_by_its_name() -> None:
    same_name = chosen("v.jpg")._replace(photograph="a.jpg")
    assert check_apart([lineage("0.png", "a.jpg")], [same_name]) is None
    other_name = chosen("a.jpg")._replace(photograph="copy.jpg")
    with pytest.raises(UserError, match=r"^copy\.jpg would be"):
        check_apart([lineage("0.png", "a.jpg")], [other_name])
