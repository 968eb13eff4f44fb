"""Surrogates: any name can be told in UTF-8, sorts as before, and comes back."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stages.common import surrogates
from stages.common.surrogates import escaped, restored

# bytes that are not UTF-8, what stands for them, and what sorts just before and after
names = st.text(
    st.sampled_from("a\ud7ff\udc80\udce9\udcff\ue000\ue069\ue07f\ue080\ue081\uffff🏔"), max_size=6
)


@given(names)
def test_an_escaped_name_is_utf8_and_comes_back(name: str) -> None:
    assert restored(escaped(name)) == name
    assert surrogates.is_valid(escaped(name))


@given(names, names)
def test_escaped_names_sort_as_before(one: str, other: str) -> None:
    assert (escaped(one).encode() < escaped(other).encode()) == (one < other)


def test_a_name_without_such_bytes_stays() -> None:
    assert escaped("Zürich 山.jpg") == "Zürich 山.jpg"
    assert not surrogates.is_valid("Z\udcfcrich")


def test_a_file_is_utf8_or_copied(tmp_path: Path) -> None:
    source, target = tmp_path / "a.csv", tmp_path / "b.csv"
    content = b"path\r\nZ\xfcrich\n" + "山".encode() * 1_000_000
    source.write_bytes(content)
    assert not surrogates.is_utf8(source)
    surrogates.copy(source, target)
    assert surrogates.is_utf8(target)
    assert restored(target.read_bytes().decode()).encode(errors="surrogateescape") == content
