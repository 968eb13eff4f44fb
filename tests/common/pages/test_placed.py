"""Where some tiles' thumbnails are: as all rows say."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.common import tables
from stages.common.errors import UserError
from stages.common.pages import placed, thumbnails
from stages.common.rows import Tile

PARENTS = ("a/p.png", "a/p, q.png", "a/\udce4.png")


def tile(parent: str, i: int, left: int, top: int) -> Tile:
    path = f"{parent.removesuffix('.png')}_s{i:03d}.png"
    return Tile(path, "a", "0" * 64, parent, "1", 900, 900, left, top, 8, 8, "p.jpg", "0" * 64)


@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    boxes=st.lists(
        st.tuples(st.sampled_from(PARENTS), st.integers(0, 9), st.integers(0, 9)), max_size=150
    ),
    some=st.sets(st.integers(0, 149)),
)
def test_some_tiles_are_where_all_rows_say(
    boxes: list[tuple[str, int, int]], some: set[int], tmp_path: Path
) -> None:
    rows = [tile(parent, i, left, top) for i, (parent, left, top) in enumerate(boxes)]
    tables.write(tmp_path / "tiles.csv", Tile, rows)
    paths = [row.path for i, row in enumerate(rows) if i in some]
    every = thumbnails.places(rows)
    found = placed.places(tmp_path / "tiles.csv", [*paths, "none.png"], tmp_path)
    assert found == {path: every[path] for path in paths}


def test_a_table_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tiles\.csv is missing: run `dvc repro`"):
        placed.places(tmp_path / "tiles.csv", [], tmp_path)
