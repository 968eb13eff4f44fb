"""Dataset: tiles numbered by rank, a smaller set a prefix of a larger, text that trainers read."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages import dataset
from stages.common import tables
from stages.common.errors import UserError
from stages.common.files import changed, sha256_of
from stages.common.params import faults
from stages.common.pixels import png
from stages.common.rows import Decision, Lineage, Tile, TileFile
from stages.common.subimages_params import Written
from stages.dataset import DatasetParams, kept_tiles, lineage, meta_info, score_list
from tests.conftest import noise, sha256_of_png
from tests.strategies import sha256

NAME = DatasetParams(name="faces_10-k")
SCORER = {"model": "builtin", "device": "cpu", "precision": "fp32"}


def tiles_and_verdicts(count: int, kept: int) -> tuple[list[Tile], list[Decision]]:
    """Tiles t00, t01, ... of which the last is the best."""
    tiles = [
        Tile(
            f"s/t{i:02}.png",
            "s",
            f"{i:064x}",
            f"s/p{i % 3}T0.png",
            "0.75",
            60,
            50,
            i,
            2 * i,
            8,
            9,
            f"s/p{i % 3}.jpg",
            f"{i % 3:064x}",
            "mine",
        )
        for i in range(count)
    ]
    best_first = reversed(tiles)
    decisions = [
        Decision(
            rank,
            t.path,
            t.section,
            t.pixels,
            10,
            1 - rank / 100,
            rank <= kept,
            "" if rank <= kept else "below",
            "",
        )
        for rank, t in enumerate(best_first, start=1)
    ]
    return tiles, decisions


def made(tmp_path: Path, count: int, kept: int, changed: Sequence[int] = ()) -> list[Lineage]:
    """Run the stage; gives its lineage. Tiles whose numbers are `changed` have other pixels."""
    tiles, decisions = tiles_and_verdicts(count, kept)
    for i, tile in enumerate(tiles):
        pixels = noise(9, 8, i + 100 * (i in changed))
        png.write(tmp_path / "tiles" / tile.path, pixels)
    written = [TileFile(t.path, sha256_of_png(noise(9, 8, i)), 10) for i, t in enumerate(tiles)]
    tables.write(tmp_path / "tiles.csv", Tile, tiles)
    tables.write(tmp_path / "files.csv", TileFile, written)
    tables.write(tmp_path / "decisions.csv", Decision, decisions[::-1])  # in no helpful order
    tables.write_numbers(tmp_path / "score.json", {"images": count, "scorer": SCORER})
    names = (
        "photographs",
        "tiles",
        "files.csv",
        "tiles.csv",
        "decisions.csv",
        "score.json",
        "out",
        "m.json",
    )
    paths = (tmp_path / name for name in names)
    dataset.main(*paths, NAME, Written(files="all"))
    return tables.read(tmp_path / "out" / "lineage.csv", Lineage)


def test_the_best_tile_is_0_png(tmp_path: Path) -> None:
    rows = made(tmp_path, 12, 7)
    images = tmp_path / "out" / NAME.name
    assert sorted(int(path.stem) for path in images.iterdir()) == list(range(7))
    assert [row.name for row in rows] == [f"{i}.png" for i in range(7)]
    assert [row.tile for row in rows] == [f"s/t{11 - i:02}.png" for i in range(7)]
    for row in rows:
        tile, copy = tmp_path / "tiles" / row.tile, images / row.name
        assert copy.read_bytes() == tile.read_bytes()
        assert not copy.samefile(tile)  # a person may turn one of them
        assert row.sha256 == sha256_of(copy)
    assert rows[0] == Lineage(
        "0.png",
        sha256_of(images / "0.png"),
        1 - 1 / 100,
        "s/t11.png",
        "0.75",
        11,
        22,
        8,
        9,
        "s",
        "s/p2.jpg",
        f"{2:064x}",
        "mine",
    )
    texts = [path for path in (tmp_path / "out").iterdir() if path.is_file()]
    assert json.loads((tmp_path / "m.json").read_text()) == {
        "tiles": 7,
        "photographs": 3,
        "sha256": {path.name: sha256_of(path) for path in texts},
    }
    assert json.loads((tmp_path / "out" / "scorer.json").read_text()) == SCORER


def test_a_smaller_set_is_a_prefix_of_a_larger(tmp_path: Path) -> None:
    small, large = made(tmp_path / "10", 20, 10), made(tmp_path / "15", 20, 15)
    assert large[:10] == small
    for row in small:
        files = [tmp_path / count / "out" / NAME.name / row.name for count in ("10", "15")]
        assert files[0].read_bytes() == files[1].read_bytes()
    for name in ("meta_info.txt", "lineage.csv"):
        whole = (tmp_path / "15" / "out" / name).read_text()
        assert whole.startswith((tmp_path / "10" / "out" / name).read_text())


def test_the_texts_that_trainers_and_readers_take(tmp_path: Path) -> None:
    made(tmp_path, 3, 2)
    out = tmp_path / "out"
    assert (out / "meta_info.txt").read_text() == "0.png (9,8,3)\n1.png (9,8,3)\n"
    assert (out / "hyperiqa_score.txt").read_text() == (
        "0.png\t0.990000\n1.png\t0.980000\n"
        "Average hyperiqa score of faces_10-k with 2 images is: 0.985000\n"
    )
    header, *rows = (out / "lineage.csv").read_text().splitlines()
    assert header == (
        "name,sha256,hyperiqa,tile,scale,left,top,width,height,section,photograph,"
        "photograph_sha256,source"
    )
    digest = sha256_of_png(noise(9, 8, 2))
    assert rows[0] == f"0.png,{digest},0.990000,s/t02.png,0.75,2,4,8,9,s,s/p2.jpg,{2:064x},mine"


@given(st.lists(st.tuples(st.integers(0, 10**6), sha256), min_size=1, max_size=20))
def test_a_line_for_each_image_as_a_trainer_reads_it(scores: list[tuple[int, str]]) -> None:
    rows = [
        Lineage(f"{i}.png", digest, score / 10**6, "t", "1", 0, 0, 512, 256, "s", "p", digest)
        for i, (score, digest) in enumerate(scores)
    ]
    lines = meta_info(rows).splitlines()
    read = [(line.split(" ")[0], line.split(" ")[1]) for line in lines]  # BasicSR's reading
    assert read == [(row.name, "(256,512,3)") for row in rows]
    *each, average = score_list(rows, "x").splitlines()
    assert [line.split("\t") for line in each] == [[r.name, f"{r.hyperiqa:.6f}"] for r in rows]
    mean = math.fsum(score for score, _ in scores) / len(scores) / 10**6
    assert abs(float(average.rpartition(" ")[2]) - mean) <= 0.51e-6
    assert average.startswith(f"Average hyperiqa score of x with {len(rows)} images is: ")


def test_tiles_that_are_not_the_ones_that_were_cut_are_named(tmp_path: Path) -> None:
    with pytest.raises(UserError) as raised:
        made(tmp_path, 12, 7, changed=[11, 8, 0])  # the last of them is not kept
    assert str(raised.value) == changed(
        [tmp_path / "tiles" / "s" / f"t{i}.png" for i in ("11", "08")]
    )
    assert not (tmp_path / "out" / "lineage.csv").exists()


def test_only_kept_tiles_have_a_lineage() -> None:
    tiles, decisions = tiles_and_verdicts(6, 4)
    kept = {decision.path for decision in decisions if decision.kept}
    numbered = kept_tiles(decisions, tiles)
    rows = lineage(decisions, numbered, dict.fromkeys(numbered, ""))
    assert {row.tile for row in rows} == kept


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "a.b", "ü", "validation", "a\n"])
def test_a_name_that_does_not_fit_is_told(name: str) -> None:
    (message,) = faults(DatasetParams, "dataset", {"name": name})
    assert message.startswith("dataset.name must ")
    assert message.endswith(f", got {name!r}")


def test_an_old_dataset_in_the_way_is_told(tmp_path: Path) -> None:
    made(tmp_path, 3, 2)
    with pytest.raises(UserError, match="must be empty"):
        made(tmp_path, 3, 3)
