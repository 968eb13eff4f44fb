"""The benchmark of what rules change: what is planted, and what is chosen."""

from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench import evidence_sets as sets
from bench.bench_measures import compressed
from bench.evidence_sets import Item
from stages.common import params
from stages.common.cutoff_params import CutoffParams
from stages.common.measures.bits import bits
from stages.common.measures.blocks import blocks
from stages.common.measures.detail import detail
from stages.common.near.alike import UNKNOWN, Look
from stages.common.pixels import images

CUTOFF = params.load(CutoffParams, "cutoff")
GOOD = {"blocks": 0.0, "detail": 0.1, "bits": 1.0}


def item(path: str, score: float, corner: tuple[int, int] = (0, 0), **measures: float) -> Item:
    photograph = PurePosixPath(path).stem.split("_")[0]
    return Item(path, score, GOOD | measures, photograph, corner)


def look(seed: int) -> Look:
    return Look(np.random.default_rng(seed).bytes(32).hex(), UNKNOWN)


def sharp() -> NDArray[np.uint8]:
    """A part of a sample at half its size, where nothing of JPEG's grid is left."""
    pixels = images.read(Path("data/samples/landscape/bridge.jpg"))
    half = images.resize(pixels, 1024, 576, Image.Resampling.LANCZOS)
    return half[:500, :500]


def test_each_rule_drops_what_it_is_for_and_the_score_chooses_last() -> None:
    some = [
        item("a", 0.9),
        item("b", 0.8, blocks=0.2),
        item("c", 0.7, detail=0.01),
        item("d", 0.6, bits=0.1),
        item("e", 0.5),
        item("f", 0.4),
    ]
    looks = {one.path: look(i) for i, one in enumerate(some)} | {"e": look(0)}
    kept = {
        rule: "".join(i.path for i in sets.photographs(some, [rule], CUTOFF, looks))
        for rule in sets.RULES
    }
    assert kept == {
        "blocks": "acdef",
        "detail": "abdef",
        "near-duplicates": "abcdf",
        "bits": "abcef",
    }
    together = sets.photographs(some[::-1], sets.RULES, CUTOFF, looks)
    assert [i.path for i in together] == ["a", "f"]
    assert [i.path for i in sets.photographs(some, sets.RULES, CUTOFF, looks, 0.5)] == ["a"]


def test_tiles_that_overlap_and_those_beyond_their_photographs_are_replaced_by_others() -> None:
    some = [
        item("a_0_0", 0.9, (0, 0)),
        item("a_55_0", 0.8, (55, 0)),  # 60% of their area is shared
        item("a_110_0", 0.7, (110, 0)),
        item("b_55_0", 0.6, (55, 0)),
    ]

    def names(*rules: str, cap: int | None = None) -> list[str]:
        return [i.path for i in sets.tiles(some, rules, CUTOFF, count=2, per_photograph=cap)]

    assert names() == ["a_0_0", "a_55_0"]
    assert names("overlap") == ["a_0_0", "a_110_0"]
    assert names(cap=1) == ["a_0_0", "b_55_0"]


def test_what_is_planted_is_what_its_rule_looks_for() -> None:
    pixels = sharp()
    assert blocks(pixels) <= 0.05 < blocks(compressed(pixels, 75))
    assert detail(pixels) >= 0.025 > detail(sets.enlarged(pixels))
    fewest, window = sets.flattest(pixels)
    assert window.shape == sets.middle(pixels).shape == (224, 224, 3)
    assert bits(window) == fewest < bits(sets.middle(pixels))
    assert [copy.shape for copy in sets.copies(pixels)] == [
        (500, 500, 3),
        (450, 450, 3),
        (450, 450, 3),
        (500, 500, 3),
    ]
    tiles = sets.windows(pixels)
    assert sorted(tiles)[-1] == (276, 276) and len(tiles) == 36
    np.testing.assert_array_equal(tiles[55, 110], pixels[110:334, 55:279])


def test_parts_share_no_photograph_and_are_the_same_in_any_order() -> None:
    some = [item(f"{i:03}", i / 100) for i in range(100)]
    found = sets.parts(some, 10, 0)
    assert {name: len(own) for name, own in found.items()} == {
        "held": 10,
        "base": 45,
        "jpeg": 15,
        "enlarged": 15,
        "spoilt": 45,
        "copied": 3,
    }
    whole = [i.path for name in ("held", "base", "spoilt") for i in found[name]]
    assert sorted(whole) == [i.path for i in some]
    assert found == sets.parts(some[::-1], 10, 0)


def test_a_set_is_told_by_its_members() -> None:
    some = [item(name, 0.5) for name in "abc"]
    found = sets.members(some, [some[:1], some[1:]])
    np.testing.assert_array_equal(found, [[1, 0, 0], [0, 1, 1]])
    assert sets.drawn(some, 2, 0) == sets.drawn(some, 2, 0) != sets.drawn(some, 2, 3)
