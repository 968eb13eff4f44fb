"""Known: what data/known_sets.csv holds is whole, and photographs are compared with all of it."""

from collections import Counter

import pytest

from stages.common import tables
from stages.common.near import known
from stages.common.near.alike import NUMBERS, Look
from stages.common.near.embedder import Embedder, embedded, squeezed
from stages.common.near.known import Evaluated, Known, evaluated
from stages.common.pixels.images import read
from stages.common.pixels.likeness import dhash
from tests.conftest import REPOSITORY

TABLE = tables.read(REPOSITORY / known.FILE, Known)


def test_every_image_of_every_set_is_there() -> None:
    whole = [row for row in TABLE if row.view == known.WHOLE]
    assert Counter(row.set for row in whole) == {
        "Set5": 5,
        "Set14": 14,
        "BSD100": 100,
        "Urban100": 100,
        "Kodak": 24,
    }
    assert tuple(dict.fromkeys(row.set for row in TABLE)) == known.SETS
    assert len({(row.set, row.image, row.view) for row in TABLE}) == len(TABLE)
    for row in TABLE:
        lengths = [len(column) for column in row[3:]]
        assert lengths == [64, 64, 64, 2 * NUMBERS]


def test_a_view_is_compared_as_it_is_and_mirrored() -> None:
    row = Known("Set5", "bird", "whole", "00", "0" * 64, "f" * 64, "01" * NUMBERS)
    assert list(evaluated([row])) == [
        Evaluated("Set5 bird", "00", Look("0" * 64, "01" * NUMBERS)),
        Evaluated("Set5 bird", "00", Look("f" * 64, "01" * NUMBERS)),
    ]


def test_the_table_says_where_it_comes_from() -> None:
    text = (REPOSITORY / known.FILE.with_suffix(".md")).read_text()
    for name in known.SETS:
        assert name in text


@pytest.mark.long
def test_no_sample_photograph_is_told_to_be_in_a_set(compiled_embedder: Embedder) -> None:
    from stages.common.near.alike import EVALUATION, is_near
    from stages.common.near.search import closest

    paths = sorted((REPOSITORY / "data" / "samples").glob("[lo]*/*.jpg"))
    pixels = [read(path) for path in paths]
    codes = embedded(((None, squeezed(each)) for each in pixels), compiled_embedder)
    looks = [Look(dhash(p), code.hex()) for p, (_, code) in zip(pixels, codes, strict=True)]
    others = [image.look for image in evaluated(TABLE)]
    for path, (_, bits, _, distance) in zip(paths, closest(looks, others), strict=True):
        assert not is_near(bits, distance, EVALUATION), path
