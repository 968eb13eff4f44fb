"""Lists: what they say comes out as it was written, in either dialect."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.sets import listings
from stages.common.sets.faults import Fault
from stages.common.sets.listings import Entry

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]) | st.just(" "), min_size=1).filter(
    lambda name: name == name.strip()
)
SIZES = st.tuples(*[st.integers(1, 9999)] * 3)


def read(folder: Path, name: str, text: str) -> tuple[list[Entry], list[Fault]]:
    (folder / name).write_text(text, newline="")
    return listings.read_all(folder)[name]


@given(rows=st.dictionaries(NAMES, SIZES, min_size=1), space=st.sampled_from(["", " "]))
def test_meta_info_with_sizes(
    rows: dict[str, tuple[int, int, int]], space: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "".join(f"{n} ({h},{space}{w},{space}{c})\r\n" for n, (h, w, c) in rows.items())
    found = read(tmp_path_factory.mktemp("m"), "meta_info_set.txt", text)
    assert found == ([Entry(name, size=size) for name, size in rows.items()], [])


@given(names=st.lists(NAMES.map(lambda name: f"{name}.png"), min_size=1))
def test_meta_info_of_names_alone(
    names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = read(tmp_path_factory.mktemp("m"), "meta_info.txt", "\n".join(names))
    assert found == ([Entry(name) for name in names], [])


@given(rows=st.dictionaries(NAMES, st.floats(0, 1).map(lambda x: round(x, 6)), min_size=1))
def test_scores_with_and_without_an_average(
    rows: dict[str, float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = "".join(f"{name}\t{score:.6f}\n" for name, score in rows.items())
    mean = sum(rows.values()) / len(rows)
    end = f"Average hyperiqa score of a b with {len(rows)} images is: {mean:.6f}\n"
    expected = ([Entry(name, score=score) for name, score in rows.items()], [])
    folder = tmp_path_factory.mktemp("s")
    assert read(folder, "hyperiqa_score.txt", text) == expected
    assert read(folder, "hyperiqa_score.txt", text + end) == expected


@pytest.mark.parametrize("before", ["", "set/", "mine/"])
def test_names_are_from_the_folder_on_that_has_most_of_them(before: str) -> None:
    entries = [Entry(f"{before}{i}.png") for i in range(3)]
    present = {"set/0.png", "set/1.png"} if before != "mine/" else {"0.png", "1.png"}
    tops = ["set/", "", "-mine/"]
    top = "" if before == "mine/" else "set/"
    found = listings.resolved("meta_info.txt", entries, [], tops, present)
    assert list(found.entries) == [f"{top}{i}.png" for i in range(3)]


def test_another_kind_of_list_is_told_in_one_line(tmp_path: Path) -> None:
    entries, (fault,) = read(tmp_path, "my_scores.txt", "name,score\na,1\nb,2\n")
    assert entries == []
    assert fault == Fault(
        "my_scores.txt", "unreadable", "no line as such a list has them", "`name<TAB>score`"
    )
