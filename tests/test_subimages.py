"""Subimages: the windows of BasicSR, tile for tile, and every pixel where it was."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stages import subimages
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import files_below
from stages.common.pages import thumbnails
from stages.common.pixels import png
from stages.common.pixels.images import read
from stages.common.rows import Rejected, Scaled, Tile, TileFile
from stages.subimages import SubimagesParams, offsets
from tests.conftest import noise, sha256_of_png
from tests.strategies import sides, windows, with_changes

FACEUP = SubimagesParams(size=512, step=240, threshold=0, spacing="step", files="all")


def basicsr(side: int, params: SubimagesParams) -> list[int]:
    """BasicSR's rule restated: https://github.com/XPixelGroup/BasicSR, extract_subimages.py.

    Window after window while one fits; then one at the edge, where the strip that is left over is
    wider than the threshold.
    """
    starts, position = [], 0
    while position + params.size <= side:
        starts.append(position)
        position += params.step
    left_over = side - (starts[-1] + params.size)
    return [*starts, side - params.size] if left_over > params.threshold else starts


def tiles_of(params: SubimagesParams, *squares: int) -> int:
    return sum(len(offsets(side, params)) ** 2 for side in squares)


@given(windows, sides)
def test_windows_are_those_of_basicsr(params: SubimagesParams, side: int) -> None:
    assume(side >= params.size)
    stepped = with_changes(params, spacing="step", files="all")
    assert offsets(side, stepped) == basicsr(side, stepped)


@given(windows, sides)
def test_windows_stay_inside_and_are_never_the_same(params: SubimagesParams, side: int) -> None:
    assume(side >= params.size)
    starts = offsets(side, params)
    assert starts[0] == 0
    assert starts == sorted(set(starts))
    assert starts[-1] + params.size <= side


@given(windows, sides)
def test_windows_leave_no_more_bare_than_the_threshold(params: SubimagesParams, side: int) -> None:
    assume(side >= params.size)
    params = with_changes(params, step=min(params.step, params.size))
    covered = np.zeros(side, bool)
    for start in offsets(side, params):
        covered[start : start + params.size] = True
    assert (~covered).sum() <= params.threshold
    if params.spacing == "step":
        edge = int(covered.sum())  # what is bare is one strip, at the end
        assert covered[:edge].all()


@given(windows, sides)
def test_even_spacing_gives_as_many_windows_without_near_copies(
    params: SubimagesParams, side: int
) -> None:
    assume(side >= params.size)
    step = offsets(side, with_changes(params, spacing="step"))
    even = offsets(side, with_changes(params, spacing="even"))
    assert len(even) == len(step)
    assert (even[0], even[-1]) == (0, side - params.size if len(even) > 1 else 0)
    gaps = np.diff(even)
    assert len(gaps) == 0 or gaps.max() - gaps.min() <= 1
    if len(gaps) and step[-1] == side - params.size:
        assert gaps.min() >= np.diff(step).min()


def test_the_windows_of_faceup() -> None:
    assert offsets(1024, FACEUP) == [0, 240, 480, 512]
    assert offsets(768, FACEUP) == [0, 240, 256]
    assert offsets(512, FACEUP) == [0]
    even = with_changes(FACEUP, spacing="even")
    assert offsets(1024, even) == [0, 171, 341, 512]
    assert offsets(768, even) == [0, 128, 256]
    assert (tiles_of(FACEUP, 1024, 768, 512), tiles_of(even, 1024, 768, 512)) == (26, 26)


@pytest.mark.parametrize(
    ("steps", "tiles"),
    [
        (range(512, 600), 9),
        (range(256, 512), 14),
        (range(171, 256), 26),
        (range(128, 171), 35),
        (range(103, 128), 53),
    ],
)
def test_which_steps_give_how_many_tiles(steps: range, tiles: int) -> None:
    counts = {tiles_of(with_changes(FACEUP, step=step), 1024, 768, 512) for step in steps}
    assert counts == {tiles}


@pytest.mark.parametrize(
    ("thresholds", "tiles"), [(range(16), 26), (range(16, 32), 21), (range(32, 60), 14)]
)
def test_which_thresholds_give_how_many_tiles(thresholds: range, tiles: int) -> None:
    counts = {tiles_of(with_changes(FACEUP, threshold=t), 1024, 768, 512) for t in thresholds}
    assert counts == {tiles}


def all_tiles(
    tmp_path: Path, sizes: dict[str, tuple[int, int]], params: SubimagesParams
) -> list[Tile]:
    """Run the stage on noise of these sizes (width, height); gives its rows."""
    rows = []
    for i, (name, (width, height)) in enumerate(sizes.items()):
        png.write(tmp_path / "in" / name, noise(height, width, i))
        section = name.partition("/")[0] if "/" in name else "."
        sha256 = sha256_of_png(noise(height, width, i))
        photograph = (f"{name}.jpg", f"{i:064x}", f"{i + 1:064x}", 2 * width, 2 * height)
        rows.append(Scaled(name, section, sha256, "0.75", width, height, *photograph))
    tables.write(tmp_path / "in.csv", Scaled, rows)
    subimages.main(
        tmp_path,
        tmp_path / "in",
        tmp_path / "in.csv",
        tmp_path / "out",
        tmp_path / "tiles.csv",
        tmp_path / "files.csv",
        tmp_path / "rejected.csv",
        tmp_path / "thumbnails",
        tmp_path / "m.json",
        params,
    )
    return tables.read(tmp_path / "tiles.csv", Tile)


SMALL = SubimagesParams(size=32, step=20, threshold=0, spacing="step", files="all")


def test_tiles_hold_the_pixels_of_their_boxes(tmp_path: Path) -> None:
    sizes = {"s/aT0.png": (77, 64), "bT0.png": (32, 32), "s/cT1.png": (31, 90)}
    tiles = all_tiles(tmp_path, sizes, SMALL)
    files = sorted(
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")
    )
    assert [tile.path for tile in tiles] == files
    written = tables.read(tmp_path / "files.csv", TileFile)
    for tile, file in zip(tiles, written, strict=True):
        content = (tmp_path / "out" / tile.path).read_bytes()
        assert file == TileFile(tile.path, hashlib.sha256(content).hexdigest(), len(content))
        parent = read(tmp_path / "in" / tile.parent)
        box = parent[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
        assert read(tmp_path / "out" / tile.path).tolist() == box.tolist()
        assert box.shape == (32, 32, 3)
        assert (tile.photograph, tile.scale) == (f"{tile.parent}.jpg", "0.75")
        assert tile.section == ("s" if tile.parent.startswith("s/") else ".")
    a = [(t.path, t.top, t.left) for t in tiles if t.parent == "s/aT0.png"]
    places = [(top, left) for top in (0, 20, 32) for left in (0, 20, 40, 45)]
    assert a == [(f"s/aT0_s{i:03}.png", *place) for i, place in enumerate(places, start=1)]


def test_an_image_smaller_than_a_tile_is_a_row_with_a_reason(tmp_path: Path) -> None:
    tiles = all_tiles(tmp_path, {"a.png": (40, 40), "b.png": (31, 90), "c.png": (90, 31)}, SMALL)
    assert {tile.parent for tile in tiles} == {"a.png"}
    assert tables.read(tmp_path / "rejected.csv", Rejected) == [
        Rejected("b.png", "too small", "31x90 px, tiles are 32"),
        Rejected("c.png", "too small", "90x31 px, tiles are 32"),
    ]
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics == {"images": 3, "too_small": 2, "tiles": 4}


def test_more_than_999_tiles_keep_their_order(tmp_path: Path) -> None:
    params = SubimagesParams(size=8, step=1, threshold=0, spacing="step", files="all")
    tiles = all_tiles(tmp_path, {"a.png": (40, 39)}, params)
    assert len(tiles) == 33 * 32
    assert [tile.path for tile in tiles] == [f"a_s{i:04}.png" for i in range(1, 33 * 32 + 1)]
    assert [(t.top, t.left) for t in tiles] == sorted((t.top, t.left) for t in tiles)


def test_no_tile_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        all_tiles(tmp_path, {"a.png": (31, 31)}, SMALL)
    assert str(raised.value) == (
        "subimages.size: none of the 1 images is 32 px or more on both sides: lower it, or gather "
        "larger photographs"
    )


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = {f"{name}.png": (60 + i, 50) for i, name in enumerate("dbca")}
    outs = []
    for count in ("0", "2"):
        monkeypatch.setenv("SRSET_WORKERS", count)
        all_tiles(tmp_path / count, sizes, SMALL)
        folder = tmp_path / count
        outs.append(
            {
                path.relative_to(folder): path.read_bytes()
                for path in folder.rglob("*")
                if path.is_file()
            }
        )
    assert outs[0] == outs[1]
    assert len(outs[0]) == 4 + 4 + 5 + 4 * sum(1 for _ in range(3 * 2))
    assert Path("thumbnails/a_0.jpg") in outs[0]


def test_every_tile_has_its_cell_by_its_position_in_its_parent(tmp_path: Path) -> None:
    """More than a sheet of one parent, and a folder whose name holds what it can."""
    odd = 'a "b" & <c>\nd ü\udcff'
    sizes = {f"{odd}/aT0.png": (260, 210), "bT0.png": (32, 32), "cT0.png": (31, 31)}
    tiles = all_tiles(tmp_path, sizes, SMALL)
    folder = tmp_path / "thumbnails"
    assert set(files_below(folder)) == {f"{odd}/aT0_{i}.jpg" for i in range(3)} | {"bT0_0.jpg"}
    places = thumbnails.places(tiles)
    assert list(places) == [tile.path for tile in tiles]
    assert len(set(places.values())) == len(tiles) == 13 * 10 + 1
    for tile in tiles:
        sheet, cell = places[tile.path]
        left = cell % thumbnails.COLUMNS * thumbnails.SIDE + (thumbnails.SIDE - 32) // 2
        top = cell // thumbnails.COLUMNS * thumbnails.SIDE + (thumbnails.SIDE - 32) // 2
        shown = read(folder / sheet)[top : top + 32, left : left + 32].astype(int)
        others = [read(tmp_path / "out" / t.path).astype(int) for t in (tile, tiles[0])]
        near, far = (np.abs(grey(shown) - grey(other)).mean() for other in others)
        assert near < 25
        assert tile is tiles[0] or near < far / 2  # noise: no two tiles are alike


def grey(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Noise keeps its brightness in a JPEG, but not its colours."""
    return pixels @ (0.299, 0.587, 0.114)


@given(st.integers(1, 40), st.integers(8, 64), st.integers(0, 64))
def test_the_number_of_windows(step: int, size: int, extra: int) -> None:
    params = SubimagesParams(size=size, step=step, threshold=0, spacing="step", files="all")
    assert len(offsets(size + extra, params)) == 1 + math.ceil(extra / step)
