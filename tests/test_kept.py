"""`subimages.files`, all or kept: two ways to one set, to the last byte; `kept` writes no more."""

import shutil
from pathlib import Path

import pytest

from stages import collect, dataset, multiscale, subimages
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import ABOUT, files_below, sha256_of
from stages.common.pixels import pictures
from stages.common.pixels.images import pixels_sha256, read
from stages.common.rows import Decision, Folder, Photograph, Tile, Unreadable
from stages.common.subimages_params import Files, SubimagesParams, Written
from stages.dataset import DatasetParams
from stages.multiscale import MultiscaleParams

NAMES = ("landscape/bridge.jpg", "landscape/life.jpg", "objects/wine.jpg")
ON_THE_WAY = ("hr", "multiscale", "subimages")
SCALES = MultiscaleParams(scales=[1, 0.75], shortest_edge=300)
SIDE = 224  # px, of a tile


@pytest.fixture
def source(photographs: Path, tmp_path: Path) -> Path:
    """Three photographs in a folder, with the tables of them that the stages read."""
    rows = []
    for name in NAMES:
        path = tmp_path / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photographs / name, path)
        pixels = read(path)
        height, width, _ = pixels.shape
        facts = (width, height, path.stat().st_size, "", pixels_sha256(pixels), "")
        rows.append(Photograph(name, name.partition("/")[0], sha256_of(path), *facts))
    kept = [
        Decision(i, row.path, row.section, row.sha256, row.bytes, 0.5, True, "", "")
        for i, row in enumerate(rows, start=1)
    ]
    tables.write(tmp_path / "gathered.csv", Photograph, rows)
    tables.write(tmp_path / "unreadable.csv", Unreadable, [])
    tables.write(tmp_path / "images.csv", Decision, kept)
    tables.write_numbers(tmp_path / "scorer.json", {"scorer": {"model": "builtin"}})
    table = tmp_path / "folders.csv"
    tables.write(table, Folder, [Folder("", str(tmp_path / "source"), str(tmp_path / "stills"))])
    return table


def decided(tiles: list[Tile]) -> list[Decision]:
    """Ranks in no order of theirs, two of three kept."""
    ranked = sorted(tiles, key=lambda tile: tile.pixels)
    return [
        Decision(i, t.path, t.section, t.pixels, 1, round(1 - i / 1000, 6), i % 3 > 0, "", "")
        for i, t in enumerate(ranked, start=1)
    ]


def made(source: Path, files: Files) -> Path:
    """Run the four stages; gives their folder."""
    given, out = source.parent, source.parent / files
    windows = SubimagesParams(size=SIDE, step=120, threshold=0, spacing="even", files=files)
    written = Written(files=files)
    inputs = (given / name for name in ("gathered.csv", "unreadable.csv", "images.csv"))
    collect.main(source, *inputs, out / "hr", out / "hr.csv", out / "m.json", written)
    outs = ("multiscale", "multiscale.csv", "rejected.csv", "m.json")
    multiscale.main(
        out / "hr", out / "hr.csv", *(out / name for name in outs), params=SCALES, subimages=written
    )
    names = ("multiscale", "multiscale.csv", "subimages", "subimages.csv", "files.csv")
    names += ("tiles_rejected.csv", "thumbnails", "m.json")
    subimages.main(source, *(out / name for name in names), windows)
    tables.write(out / "cut.csv", Decision, decided(tables.read(out / "subimages.csv", Tile)))
    numbered(source, out, written)
    return out


def numbered(source: Path, out: Path, written: Written) -> None:
    """Run the last one."""
    names = ("subimages", "files.csv", "subimages.csv", "cut.csv", "../scorer.json")
    names += ("dataset", "m.json")
    dataset.main(source, *(out / name for name in names), DatasetParams(name="tiny"), written)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files_below(folder)}


def test_both_ways_make_the_same_set_and_kept_writes_no_image_on_the_way(source: Path) -> None:
    every, few = made(source, "all"), made(source, "kept")
    tiles = tables.read(every / "subimages.csv", Tile)
    assert {tile.photograph for tile in tiles} == set(NAMES)
    assert len({tile.pixels for tile in tiles}) == len(tiles)
    assert (every / "subimages.csv").read_bytes() == (few / "subimages.csv").read_bytes()
    assert contents(every / "dataset") == contents(few / "dataset")
    assert contents(every / "thumbnails") == contents(few / "thumbnails")
    assert len(files_below(every / "dataset" / "tiny")) == len(tiles) - len(tiles) // 3
    assert len(files_below(every / "subimages")) == len(tiles)
    assert [files_below(few / name) for name in ON_THE_WAY] == [[ABOUT]] * 3  # which says why


def test_workers_change_nothing_of_what_is_kept(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = contents(made(source, "kept"))
    shutil.rmtree(source.parent / "kept")
    monkeypatch.setenv("SRSET_WORKERS", "2")
    assert contents(made(source, "kept")) == alone


def test_a_photograph_that_changed_is_not_cut(source: Path) -> None:
    out = made(source, "kept")
    pictures.forget()
    changed = source.parent / "source" / NAMES[0]
    shutil.copyfile(source.parent / "source" / NAMES[1], changed)
    shutil.rmtree(out / "dataset")
    with pytest.raises(UserError, match=f"{NAMES[0]} has changed since"):
        numbered(source, out, Written(files="kept"))
