"""What one looks at to judge a cutoff, and whether size decides the score."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.pages import listed
from stages.common.pages.listed import MOST_PARTS, SHOWN, evenly, samples, size_correlation
from stages.common.rows import Decision, Photograph


def decision(rank: int, kept: bool = True, section: str = "s") -> Decision:
    reason = "" if kept else "below the best 3"
    return Decision(rank, f"{section}/{rank}", section, "", 10**6, 1 / rank, kept, reason, "")


def ranks(rows: list[Decision], **more: dict[str, str]) -> dict[str, list[int]]:
    pixels = {row.path: 1000 * row.rank for row in rows}  # the first have the most bytes a pixel
    return {
        name: [row.rank for row in some] for name, some in samples(rows, pixels, **more).items()
    }


@given(st.integers(1, 300), st.integers(0, 300))
def test_samples_are_the_ends_and_the_cut(count: int, kept: int) -> None:
    kept = min(kept, count)
    every = list(range(1, count + 1))
    found = ranks([decision(rank, kept=rank <= kept) for rank in every])
    expected = {
        "best": every[:SHOWN],
        "last kept": every[max(0, kept - SHOWN) : kept],
        "first dropped": every[kept : kept + SHOWN],
        "worst": every[max(0, count - SHOWN) :],
        "fewest bytes per pixel": every[:kept][: -SHOWN - 1 : -1],
    }
    parts = found.pop("section s", [])
    assert found == {name: some for name, some in expected.items() if some}
    assert (parts[:1], parts[-1:]) == (every[:kept][:1], every[:kept][-1:])


def test_each_section_and_scale_has_its_own() -> None:
    rows = [decision(rank, rank in (1, 2, 5), "aabbb"[rank - 1]) for rank in range(1, 6)]
    found = ranks(rows, scales={row.path: "1" if row.rank < 3 else "0.5" for row in rows})
    assert found["last kept"] == [1, 2, 5]
    assert found["first dropped"] == [3, 4]
    assert {name: some for name, some in found.items() if " " in name and "s" in name[:2]} == {
        "section a": [1, 2],
        "section b": [5],
        "scale 0.5": [5],
        "scale 1": [1, 2],
    }


def test_the_largest_sections_alone_have_sheets() -> None:
    rows = [decision(rank, section=f"{rank % 20:02d}") for rank in range(1, 51)]
    names = [name for name in ranks(rows) if name.startswith("section ")]
    largest = [f"section {i:02d}" for i in range(1, 11)]  # three images each, the others two
    assert names == [f"section {i:02d}" for i in range(MOST_PARTS - 1)] + names[-1:]
    assert set(largest) < set(names)
    assert len(names) == MOST_PARTS


@given(st.integers(1, 400))
def test_even_steps_go_from_the_first_to_the_last(count: int) -> None:
    rows = [decision(rank) for rank in range(1, count + 1)]
    found = [row.rank for row in evenly(rows)]
    assert (found[0], found[-1]) == (1, count)
    assert len(found) == min(count, SHOWN)
    steps = {b - a for a, b in itertools.pairwise(found)}
    assert max(steps, default=0) - min(steps, default=0) <= 1


def test_scores_that_follow_the_size_are_told() -> None:
    sides, scores = [10, 20, 30, 40, 40], [0.9, 0.8, 0.7, 0.6, 0.5]
    rows = [decision(i + 1)._replace(hyperiqa=s) for i, s in enumerate(scores)]
    photographs = [
        Photograph(row.path, "s", "00", side, side, 9, "", "", "")
        for row, side in zip(rows, sides, strict=True)
    ]
    empty = {name: [] for name in listed.Tables._fields}
    t = listed.Tables(**(empty | {"screened": photographs, "cutoff_images": rows}))
    assert size_correlation(t) == pytest.approx(-0.9746794)  # scipy.stats.spearmanr
    assert size_correlation(t._replace(cutoff_images=rows[:2])) == 0
    assert size_correlation(t._replace(cutoff_images=rows[3:] * 2)) == 0
