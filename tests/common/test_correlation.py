"""Rank correlation: of ranks alone, and as others compute it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.correlation import rank_correlation
from tests.common.archive.sets import decisions

NUMBERS = st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), min_size=2, max_size=30)


@given(NUMBERS)
def test_a_rank_correlation_is_of_ranks_alone(pairs: list[tuple[int, int]]) -> None:
    a, b = [float(x) for x, _ in pairs], [float(y) for _, y in pairs]
    found = rank_correlation(a, b)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert found is None
        return
    assert found is not None
    assert -1 <= found <= 1
    assert rank_correlation(b, a) == found
    assert rank_correlation([x**3 for x in a], [y + 7 for y in b]) == found
    assert rank_correlation([-x for x in a], b) == -found
    assert rank_correlation(a, a) == 1


def test_a_rank_correlation_as_a_book_has_it() -> None:
    """Without ties 1 - 6 sum(d²) / (n (n² - 1)); here 1 - 6 * 8 / 60."""
    assert rank_correlation([1, 2, 3, 4], [2, 4, 1, 3]) == 1 - 6 * 10 / 60
    assert rank_correlation([1, 1, 2], [1, 2, 3]) == pytest.approx(3**0.5 / 2)


def test_a_better_tile_of_the_small_set_is_a_larger_file() -> None:
    rows = decisions(["a", "b", "c"], 1)
    assert rank_correlation([r.hyperiqa for r in rows], [r.bytes for r in rows]) == 1
