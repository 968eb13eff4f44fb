"""The rules beside score and count: limits, near-duplicates, and variety among tiles."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stages.common.cutoff_params import (
    ImagesCutoff,
    Limit,
    NearDuplicates,
    SectionCutoff,
    Shares,
    TilesCutoff,
)
from stages.common.cutoffs import NEAR_DUPLICATE, decide
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.rows import (
    Decision,
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)
from tests.row_by_row import Candidate, Known, columns, decided, of_images, of_tiles, ranked, told
from tests.strategies import photographs_with_likes, scored_images, tiles_with_variety

Images = tuple[list[Candidate], list[Score]]


def images(**scores: float) -> list[Decision]:
    candidates = [Candidate(f"s/{name}", "s", name * 2, 100) for name in scores]
    return ranked(candidates, [Score(f"s/{n}", n * 2, x) for n, x in scores.items()])


def photographs(**values: object) -> ImagesCutoff:
    plain: dict[str, object] = {"count": None, "min_score": None, "report_at": None}
    plain |= {"limits": {}, "near_duplicates": None, "per_section": {}}
    return ImagesCutoff(**(plain | values))


def pieces(**values: object) -> TilesCutoff:
    plain: dict[str, object] = {"count": None, "min_score": None, "report_at": None}
    plain |= {"limits": {}, "overlap": None, "per_photograph": None, "scales": None}
    return TilesCutoff(**(plain | {"per_section": {}} | values))


def tile(name: str, photograph: str = "p", scale: str = "1", left: int = 0) -> Tile:
    path = f"s/{name}"
    parent = f"{photograph} {scale}"
    return Tile(path, "s", "", parent, scale, 80, 80, left, 0, 8, 8, photograph, photograph)


def measured(**blocks: float) -> list[ImageMeasures]:
    return [ImageMeasures(f"s/{n}", "", x, 0.5, 1.0, 0.0, 0.0, 90) for n, x in blocks.items()]


def reasons(rows: list[Decision]) -> dict[str, tuple[str, str]]:
    return {row.path[2:]: (row.reason, row.detail) for row in rows if not row.kept}


def message_of(rows: list[Decision], cutoff: ImagesCutoff | TilesCutoff, known: Known) -> str:
    with pytest.raises(UserError) as raised:
        decided(rows, cutoff, "cutoff.x", known)
    return str(raised.value)


@given(scored_images(), st.data())
def test_the_columns_decide_as_is_told_row_by_row(drawn: Images, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([photographs_with_likes, tiles_with_variety]))
    rule, known = data.draw(kind(drawn[0]))
    rows = ranked(*drawn)
    reserved = data.draw(st.lists(st.sampled_from([row.path for row in rows]), max_size=2))
    left_out = [LeftOut(row.sha256, "why") for row in rows if data.draw(st.integers(0, 9)) == 0]
    expected = told(rows, rule, known, reserved, left_out)
    try:
        assert decided(rows, rule, "cutoff.x", known, reserved, left_out) == expected
    except UserError:
        found = decide(columns(rows, known, reserved, left_out), rule)
        assert found.kept.tolist() == [row.kept for row in expected]


@given(scored_images(), st.data())
def test_no_two_kept_photographs_are_alike_and_every_dropped_one_names_a_better_kept_one(
    drawn: Images, data: st.DataObject
) -> None:
    cutoff, known = data.draw(photographs_with_likes(drawn[0]))
    try:
        rows = decided(ranked(*drawn), cutoff, "cutoff.images", known)
    except UserError:
        assume(False)
    by_path = {row.path: row for row in rows}
    for row in rows:
        likes = [other for other, _ in known.alike.get(row.path, [])]
        assert not row.kept or not any(by_path[other].kept for other in likes)
        if row.reason == NEAR_DUPLICATE:
            named = by_path[row.detail.partition(": ")[2]]
            assert named.path in likes
            assert named.kept
            assert named.rank < row.rank


@given(scored_images(), st.data())
def test_variety_holds_among_kept_tiles(drawn: Images, data: st.DataObject) -> None:
    cutoff, known = data.draw(tiles_with_variety(drawn[0]))
    try:
        rows = decided(ranked(*drawn), cutoff, "cutoff.subimages", known)
    except UserError:
        assume(False)
    kept = [known.tiles[row.path] for row in rows if row.kept]
    paths = {t.path for t in kept}
    for t in kept:
        assert not any(other in paths for other, _ in known.alike.get(t.path, []))
        for name, limit in cutoff.limits.items():
            value = getattr(known.measures[t.path], name)
            assert limit.min is None or value >= limit.min
            assert limit.max is None or value <= limit.max
    if cutoff.per_photograph is not None:
        assert max(Counter(t.photograph for t in kept).values()) <= cutoff.per_photograph
    if cutoff.scales is not None:
        for group in {cutoff.group(t.section) for t in kept}:
            most = cutoff.most(group)
            own = Counter(t.scale for t in kept if cutoff.group(t.section) == group)
            if most is not None:
                quotas = cutoff.scales.most(most)
                assert all(own[scale] <= quotas[scale] for scale in quotas)


def test_a_limit_drops_with_its_name_and_value_before_the_ranks_count() -> None:
    rows = images(a=0.9, b=0.8, c=0.7, d=0.6)
    cutoff = photographs(count=2, limits={"blocks": Limit(max=0.05), "noise": Limit(min=1.0)})
    known = of_images(measured(a=0.3, b=0.05, c=0.050001, d=0.0), [], cutoff)
    assert reasons(decided(rows, cutoff, "cutoff.images", known)) == {
        "a": ("blocks above 0.05", "0.300000"),
        "c": ("blocks above 0.05", "0.050001"),
    }


def test_the_best_of_near_duplicates_stays_whatever_their_sections() -> None:
    candidates = [Candidate("a/1", "a", "1", 9), Candidate("b/2", "b", "2", 9)]
    candidates.append(Candidate("b/3", "b", "3", 9))
    scores = [Score("a/1", "1", 0.9), Score("b/2", "2", 0.8), Score("b/3", "3", 0.7)]
    near = NearDuplicates(bits=32, distance=0.1)
    pairs = [Neighbours("a/1", "b/2", 120, 0.05), Neighbours("b/2", "b/3", 32, 0.9)]

    def found(**values: object) -> list[tuple[str, str]]:
        cutoff = photographs(near_duplicates=near, **values)
        rows = decided(ranked(candidates, scores), cutoff, "x", of_images([], pairs, cutoff))
        return [(row.reason, row.detail) for row in rows]

    dropped = (NEAR_DUPLICATE, "120 of 256 bits, distance 0.050: a/1")
    assert found() == [("", ""), dropped, ("", "")]  # b/3 is like b/2 alone, which is not kept
    left_out = {"a": SectionCutoff(count=0)}  # what is not kept stands in nobody's way
    assert found(per_section=left_out)[1:] == [
        ("", ""),
        (NEAR_DUPLICATE, "32 of 256 bits, distance 0.900: b/2"),
    ]


def test_what_is_like_a_reserved_photograph_is_not_trained_on() -> None:
    rows = images(a=0.9, b=0.8, c=0.7)
    cutoff = photographs(near_duplicates=NearDuplicates(bits=32, distance=0.1))
    known = of_images([], [Neighbours("s/a", "s/c", 9, 0.5)], cutoff)
    found = decided(rows, cutoff, "x", known, reserved=["s/c"])
    assert reasons(found) == {
        "a": (NEAR_DUPLICATE, "9 of 256 bits, distance 0.500: s/c"),
        "c": ("reserved for validation", ""),
    }


def test_overlapping_tiles_make_room_for_others() -> None:
    rows = images(a=0.9, b=0.8, c=0.7, d=0.6)
    cutoff = pieces(count=2, overlap=0.5)
    tiles = [tile("a"), tile("b", left=1), tile("c", left=4), tile("d", "q")]
    known = of_tiles([], tiles, cutoff)
    assert reasons(decided(rows, cutoff, "x", known)) == {
        "b": ("overlap above 0.5", "0.78 shared: s/a"),
        "d": ("below the best 2", "rank 3"),
    }


def test_a_photograph_gives_so_many_tiles_and_no_more() -> None:
    rows = images(a=0.9, b=0.8, c=0.7, d=0.6)
    cutoff = pieces(per_photograph=1)
    known = of_tiles([], [tile("a"), tile("b", "q"), tile("c"), tile("d")], cutoff)
    assert reasons(decided(rows, cutoff, "x", known)) == {
        "c": ("beyond 1 of a photograph", "rank 2 of its photograph"),
        "d": ("beyond 1 of a photograph", "rank 3 of its photograph"),
    }


def test_scales_share_a_count() -> None:
    rows = images(a=0.9, b=0.8, c=0.7, d=0.6)
    tiles = [tile("a"), tile("b"), tile("c"), tile("d", scale="0.75")]
    cutoff = pieces(count=3, scales=Shares(shares={1: 0.5, 0.75: 0.5}))
    assert cutoff.scales is not None
    assert cutoff.scales.most(3) == {"1": 2, "0.75": 1}
    assert reasons(decided(rows, cutoff, "x", of_tiles([], tiles, cutoff))) == {
        "c": ("beyond 50% at scale 1", "rank 3 at its scale")
    }
    other = pieces(count=3, scales=Shares(shares={"512px": 0.5}))
    assert message_of(rows, other, of_tiles([], tiles, other)) == (
        "cutoff.x.scales.shares names 512px, but the scales are 0.75, 1: correct it"
    )


@given(st.integers(0, 1000), st.lists(st.integers(0, 10), min_size=1, max_size=4))
def test_quotas_add_up(count: int, parts: list[int]) -> None:
    assume(sum(parts))
    shares = Shares(shares={f"{i}": part / sum(parts) for i, part in enumerate(parts)})
    quotas = shares.most(count)
    assert abs(sum(quotas.values()) - count) <= (sum(shares.shares.values()) != 1)
    assert all(abs(n - shares.shares[scale] * count) <= 1 for scale, n in quotas.items())


def test_a_count_out_of_reach_says_how_far_it_goes_and_why() -> None:
    rows = images(a=0.9, b=0.8, c=0.7, d=0.6)
    tiles = [tile("a"), tile("b", left=1), tile("c", left=1), tile("d", "q")]
    measures = [TileMeasures(t.path, "", 0.1 if t.path == "s/d" else 0.9, 0, 0, 9) for t in tiles]
    cutoff = pieces(count=2, overlap=0.5, limits={"bits": Limit(min=0.3)})
    known = of_tiles(measures, tiles, cutoff)
    assert message_of(rows, cutoff, known) == (
        "cutoff.x.count asks for 2, but of 4 images only 1 can be kept (2 overlap above 0.5, 1 "
        "bits below 0.3): lower it, loosen what holds it back, or set it to null for all"
    )
    # with a least score the count is the most there may be, and what a person leaves out is known
    for ends in (pieces(**(dict(cutoff) | {"min_score": 0.1})), pieces(count=3, overlap=0.5)):
        found = decided(rows, ends, "x", known, left_out=[LeftOut("s/b", "")])
        assert next(row.path for row in found if row.kept) == "s/a"
