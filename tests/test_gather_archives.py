"""Gather: an archive gives what its unpacked folder gives, path aside."""

import shutil
from pathlib import Path

import pytest

from stages import gather
from stages.common import tables
from stages.common.gather_params import GatherParams
from stages.common.pages import thumbnails
from stages.common.pixels import png
from stages.common.rows import Photograph, Source, Unreadable
from tests.archives import KINDS, files_of, pack
from tests.conftest import noise

PARAMS = GatherParams(source="source", more={}, max_megapixels=1)
NAMES = ("gathered.csv", "unreadable.csv", "sources.csv", "thumbnails", "numbers.json", "c.csv")


def gathered(source: Path) -> tuple[list[Photograph], list[Unreadable], dict[str, bytes]]:
    """Both tables; and every other file that the stage leaves."""
    out = source.with_name(source.name + " out")
    gather.main(source, *(out / name for name in NAMES), PARAMS)
    kept = tables.read(out / "gathered.csv", Photograph)
    refused = tables.read(out / "unreadable.csv", Unreadable)
    left = files_of(out)
    for name in NAMES[:2]:
        del left[name]
    return kept, refused, left


@pytest.fixture
def folder(photographs: Path, tmp_path: Path) -> Path:
    """Photographs in two sections, and what real folders hold besides."""
    source = tmp_path / "source"
    shutil.copytree(photographs, source)
    whole = next(photographs.rglob("*.jpg")).read_bytes()
    (source / "objects" / "cut ü.jpg").write_bytes(whole[:5000])
    (source / "objects" / "notes.txt").write_text("ask before publishing\n")
    (source / "empty.png").write_bytes(b"")
    (source / "source.yaml").write_text("name: mine\nlicence: CC0\nredistribute: yes\n")
    return source


@pytest.mark.parametrize("kind", KINDS)
def test_an_archive_gives_what_its_folder_gives(
    folder: Path, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", "2" if kind == "tgz" else "0")
    kept, refused, left = gathered(folder)
    assert (len(kept), len(refused)) == (6, 4)
    packed = pack(tmp_path / "packed" / f"all.{kind}", files_of(folder))
    kept_packed, refused_packed, left_packed = gathered(packed.parent)
    inside = f"{packed.name}/"
    assert [row._replace(path=row.path.removeprefix(inside)) for row in kept_packed] == kept
    assert [row._replace(path=row.path.removeprefix(inside)) for row in refused_packed] == refused
    assert all(row.path.startswith(inside) for row in [*kept_packed, *refused_packed])
    assert left_packed == left
    assert {row.source for row in kept} == {"mine"}


def test_what_is_known_of_a_file_is_known_of_a_member(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gathered(folder)
    capsys.readouterr()
    pack(tmp_path / "packed" / "all.tar.gz", files_of(folder))
    gathered(tmp_path / "packed")
    assert " · 0 decoded, 6 known · " in capsys.readouterr().out


def test_bad_members_and_archives_have_a_reason_and_the_rest_a_row(tmp_path: Path) -> None:
    good = png.encode(noise(40, 40))
    pack(tmp_path / "in" / "a.zip", {"../x.png": good, "ok.png": good, "s/b.zip": b"PK\x03\x04\0"})
    (tmp_path / "in" / "no.tar.gz").write_bytes(b"nothing of the kind")
    kept, refused, left = gathered(tmp_path / "in")
    assert [(row.path, row.section) for row in kept] == [("a.zip/ok.png", ".")]
    assert [(row.path, row.reason, row.detail) for row in refused] == [
        ("a.zip/../x.png", "unreadable", "its name leads out of the archive"),
        ("a.zip/s/b.zip", "not an image", "no known image format, begins with 50 4b 03 04 00"),
        (
            "no.tar.gz",
            "unreadable",
            "no tar archive, or a damaged one: its compressed stream ends early, or is damaged",
        ),
    ]
    assert thumbnails.PHOTOGRAPHS in "".join(left)


def test_a_source_that_has_no_image_is_in_no_table(folder: Path) -> None:
    (folder / "none").mkdir()
    (folder / "none" / "source.yaml").write_text("name: B\nlicence: CC0\nredistribute: no\n")
    gathered(folder)
    table = folder.with_name("source out") / "sources.csv"
    assert tables.read(table, Source) == [Source("mine", "", "CC0", "", "yes", "")]
