"""Multiscale: the sizes of Real-ESRGAN, Pillow's Lanczos, and never an enlarged pixel."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages import multiscale
from stages.common import tables
from stages.common.files import sha256_of
from stages.common.pixels import png
from stages.common.pixels.images import Pixels, pixels_sha256, read
from stages.common.rows import Collected, Rejected, Scaled
from stages.common.subimages_params import Written
from stages.multiscale import MultiscaleParams, sizes
from tests.conftest import noise, sha256_of_png
from tests.strategies import scale_factors, scalings, sides, with_changes

FACEUP = MultiscaleParams(scales=[1, 0.75], shortest_edge=512)


def scaled(
    tmp_path: Path, pictures: dict[str, Pixels], params: MultiscaleParams
) -> tuple[list[Scaled], list[Rejected]]:
    """Run the stage; gives its tables."""
    rows = []
    for i, (name, pixels) in enumerate(pictures.items()):
        png.write(tmp_path / "hr" / name, pixels)
        height, width, _ = pixels.shape
        sha256 = sha256_of_png(pixels)
        photograph = (pixels_sha256(pixels), f"{name}.jpg", f"{i:064x}")
        rows.append(Collected(name, "s", sha256, width, height, *photograph))
    tables.write(tmp_path / "in.csv", Collected, rows)
    multiscale.main(
        tmp_path / "hr",
        tmp_path / "in.csv",
        tmp_path / "out",
        tmp_path / "out.csv",
        tmp_path / "rejected.csv",
        tmp_path / "m.json",
        params,
        Written(files="all"),
    )
    written = tables.read(tmp_path / "out.csv", Scaled)
    refused = tables.read(tmp_path / "rejected.csv", Rejected)
    files = [p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*.png")]
    assert sorted(files) == [row.path for row in written]
    for row in written:
        assert row.sha256 == sha256_of(tmp_path / "out" / row.path)
    assert len(written) + len(refused) == len(pictures) * len(sizes(100, 100, params))
    return written, refused


@given(sides, sides, scale_factors)
def test_a_scale_truncates_both_sides(width: int, height: int, scale: float) -> None:
    """Real-ESRGAN, generate_multiscale_DF2K.py: int(width * scale), int(height * scale)."""
    params = MultiscaleParams(scales=[scale], shortest_edge=None)
    (size,) = sizes(width, height, params).values()
    assert size == (max(1, int(width * scale)), max(1, int(height * scale)))


@given(sides, sides, st.integers(1, 3000))
def test_the_shortest_edge_is_met_and_the_other_truncated(
    width: int, height: int, edge: int
) -> None:
    """The same script: ratio = height / width, the long side is int(edge * ratio), or 1 / ratio."""
    params = MultiscaleParams(scales=[1], shortest_edge=edge)
    size = sizes(width, height, params)[f"{edge}px"]
    if width < height:
        assert size == (edge, int(edge * (height / width)))
    else:
        assert size == (int(edge * (width / height)), edge)
    assert min(size) == edge


def test_the_sizes_of_faceup() -> None:
    assert sizes(1024, 1024, FACEUP) == {"1": (1024, 1024), "0.75": (768, 768), "512px": (512, 512)}
    assert sizes(1025, 771, FACEUP) == {"1": (1025, 771), "0.75": (768, 578), "512px": (680, 512)}


@given(sides, sides, scalings)
def test_nothing_is_enlarged_and_no_size_is_written_twice(
    tmp_path_factory: pytest.TempPathFactory, width: int, height: int, params: MultiscaleParams
) -> None:
    width, height = width // 40 + 1, height // 40 + 1
    if params.shortest_edge is not None:
        params = with_changes(params, shortest_edge=params.shortest_edge // 40 + 1)
    written, refused = scaled(tmp_path_factory.mktemp("m"), {"a.png": noise(height, width)}, params)
    seen = [(row.width, row.height) for row in written]
    assert len(set(seen)) == len(seen)
    assert all(w <= width and h <= height for w, h in seen)
    wanted = set(sizes(width, height, params).values())
    assert {size for size in wanted if size[0] <= width and size[1] <= height} == set(seen)
    assert {row.reason for row in refused} <= {"would enlarge", "same size"}


def test_pixels_are_those_of_lanczos(tmp_path: Path, sample_pixels: list[Pixels]) -> None:
    params = MultiscaleParams(scales=[0.5, 1 / 3], shortest_edge=200)
    written, _ = scaled(tmp_path, {"s/a.png": sample_pixels[0]}, params)
    assert [row.scale for row in written] == ["0.5", "0.333333", "200px"]
    for row in written:
        pillow = Image.fromarray(sample_pixels[0])
        expected = pillow.resize((row.width, row.height), Image.Resampling.LANCZOS)
        assert np.array_equal(read(tmp_path / "out" / row.path), np.asarray(expected))


def test_the_rows_say_where_an_image_comes_from(tmp_path: Path) -> None:
    written, refused = scaled(tmp_path, {"s/a-0.png": noise(60, 80)}, FACEUP)
    hashes = [sha256_of(tmp_path / "out" / "s" / f"a-0T{i}.png") for i in range(2)]
    photograph = ("s/a-0.png.jpg", "0" * 64, pixels_sha256(noise(60, 80)), 80, 60)
    assert written == [
        Scaled("s/a-0T0.png", "s", hashes[0], "1", 80, 60, *photograph),
        Scaled("s/a-0T1.png", "s", hashes[1], "0.75", 60, 45, *photograph),
    ]
    detail = "512px: from 80x60 to 682x512 px"
    assert refused == [Rejected("s/a-0T2.png", "would enlarge", detail)]
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert metrics == {"photographs": 1, "images": 2, "skipped": {"would enlarge": 1}}


def test_a_size_that_is_there_already_is_skipped_with_its_name(tmp_path: Path) -> None:
    params = MultiscaleParams(scales=[1, 0.5, 0.501], shortest_edge=60)
    written, refused = scaled(tmp_path, {"a.png": noise(60, 80), "b.png": noise(120, 160)}, params)
    assert [row.path for row in written] == ["aT0.png", "aT1.png", "bT0.png", "bT1.png"]
    assert refused == [
        Rejected("aT2.png", "same size", "0.501: 40x30 px, as aT1.png"),
        Rejected("aT3.png", "same size", "60px: 80x60 px, as aT0.png"),
        Rejected("bT2.png", "same size", "0.501: 80x60 px, as bT1.png"),
        Rejected("bT3.png", "same size", "60px: 80x60 px, as bT1.png"),
    ]


def test_scale_1_is_the_same_file(tmp_path: Path) -> None:
    scaled(tmp_path, {"s/a.png": noise(60, 80)}, FACEUP)
    assert (tmp_path / "hr/s/a.png").samefile(tmp_path / "out/s/aT0.png")
    assert not (tmp_path / "hr/s/a.png").samefile(tmp_path / "out/s/aT1.png")


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (3, 2)])
def test_the_smallest_pictures_keep_a_pixel(tmp_path: Path, shape: tuple[int, int]) -> None:
    params = MultiscaleParams(scales=[0.1], shortest_edge=1)
    written, _ = scaled(tmp_path, {"a.png": noise(*shape)}, params)
    for row in written:
        assert read(tmp_path / "out" / row.path).shape == (row.height, row.width, 3)


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = {f"{name}.png": noise(50 + i, 60, i) for i, name in enumerate("cab")}
    params = MultiscaleParams(scales=[1, 0.5], shortest_edge=40)
    outs = []
    for count in ("0", "2"):
        monkeypatch.setenv("SRSET_WORKERS", count)
        tables_of_run = scaled(tmp_path / count, pictures, params)
        files = {p.name: p.read_bytes() for p in (tmp_path / count / "out").iterdir()}
        outs.append((tables_of_run, files))
    assert outs[0] == outs[1]
    assert len(outs[0][1]) == 9
