"""Inspection: which names are told; the rest is in tests/tools/test_check_set.py."""

import os

from hypothesis import given
from hypothesis import strategies as st

from stages.common.files import plain_name
from stages.common.sets import inspection

LATIN = os.fsdecode(b"\xe9")


@given(st.lists(st.text(), unique=True))
def test_names_that_this_project_gives_have_no_fault(names: list[str]) -> None:
    plain = {plain_name(name).casefold() for name in names}
    assert list(inspection.names(f"{name}.png" for name in plain)) == []


def test_each_kind_of_name_is_told() -> None:
    names = ["a b.png", "c\t.png", f"{LATIN}.png", "d.e.png", "f.g/h.png", "é.png", "e\u0301.png"]
    names += ["I.png", "i.png", "ok/it's-&-🌄.png"]
    assert [(fault.path, fault.got) for fault in inspection.names(names)] == [
        ("a b.png", "a blank"),
        ("c\t.png", "control characters"),
        (f"{LATIN}.png", "bytes that are no UTF-8"),
        ("d.e.png", "a dot before its suffix"),
        ("f.g/h.png", "a dot before its suffix"),
        ("e\u0301.png", "nearly the name of é.png"),
        ("i.png", "nearly the name of I.png"),
    ]
