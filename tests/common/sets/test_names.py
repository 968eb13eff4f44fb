"""Names: what is shown of them is one line, and what is passed stays in its folder."""

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.sets import names


@given(
    st.text(alphabet=st.characters(exclude_categories=[]) | st.sampled_from("./\\:"), max_size=30)
)
def test_a_name_without_fault_stays_in_its_folder(path: str) -> None:
    if names.fault(path) is None:
        assert os.path.normpath(f"/in/{path}") == f"/in/{path}"
        assert PurePosixPath(path).parts == tuple(path.split("/"))
        assert len(f"{path}.".splitlines()) == 1


@given(st.binary(max_size=30).map(os.fsdecode) | st.text(max_size=30))
def test_a_shown_name_is_one_line_of_valid_text(name: str) -> None:
    shown = names.shown(name)
    assert len(f"{shown}.".splitlines()) == 1
    shown.encode()


@pytest.mark.parametrize("name", ["a b.png", 'it\'s "&" 🌄👩‍🚀.png', "ü.png", "-rf"])
def test_odd_names_are_let_through_and_shown_as_they_are(name: str) -> None:
    assert (names.fault(name), names.shown(name)) == (None, name)
