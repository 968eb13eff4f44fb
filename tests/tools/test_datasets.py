"""The catalogue of public sets: checked entry by entry, asked in the terminal, made a page."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stages.common import catalogue
from stages.common.catalogue import USES, WARNINGS, Asked, Set
from stages.common.errors import UserError
from stages.tools import datasets
from tests.conftest import REPOSITORY

SETS = catalogue.load(REPOSITORY / catalogue.LIST)
HERE = "https://example.org/set"
GOOD: dict[str, Any] = {
    "name": "Hills",
    "where": HERE,
    "use": ["landscapes"],
    "images": {"value": 1200, "source": HERE},
    "sizes": {"value": "1024x768", "short_edge": 768, "source": HERE},
    "licence": {"value": "CC-BY-4.0", "source": HERE},
    "redistribute": True,
    "leave_out": {"value": "test", "verified": False},
}


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    """Writes a list of sets, each as `GOOD` but for what is given."""

    def write(*changes: dict[str, Any]) -> Path:
        path = tmp_path / "datasets.yaml"
        path.write_text(yaml.safe_dump({"sets": [GOOD | change for change in changes]}))
        return path

    return write


def fault_of(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        catalogue.load(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_bare_yes_or_no_of_yaml_is_an_answer(listed: Callable[..., Path]) -> None:
    sets = catalogue.load(
        listed(
            {"name": "a", "redistribute": True},
            {"name": "b", "redistribute": False},
            {"name": "c", "redistribute": "unknown"},
        )
    )
    assert [one.redistribute for one in sets] == ["yes", "no", "unknown"]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"images": {"value": 5}}, "images must have either its source or `verified: no`"),
        (
            {"images": {"value": 5, "source": HERE, "verified": False}},
            "images must have either its source or `verified: no`",
        ),
        ({"images": {"value": "5", "source": HERE}}, "images.value must be a valid integer"),
        ({"images": {"value": 0, "source": HERE}}, "images.value must be greater than or equal"),
        ({"sizes": {"value": "large", "source": "a book"}}, "sizes.source must match pattern"),
        ({"licence": {"value": "free", "source": HERE}}, "licence.value must match pattern"),
        ({"use": ["cats"]}, f"use names cats, but there are {', '.join(USES)}"),
        ({"use": []}, "use must have at least 1 item"),
        ({"warnings": ["odd"]}, f"warnings names odd, but there are {', '.join(WARNINGS)}"),
        ({"redistribute": "perhaps"}, "redistribute must be 'yes', 'no' or 'unknown'"),
        ({"note": "two | columns"}, "note must match pattern"),
        ({"colour": "red"}, "colour is not a parameter"),
        (
            {"licence": {"value": "CC-BY-4.0", "verified": False}},
            " must have redistribute: unknown, as its licence is not verified",
        ),
    ],
)
def test_a_wrong_entry_is_refused_by_its_place(
    listed: Callable[..., Path], change: dict[str, Any], fault: str
) -> None:
    told = fault_of(listed({"name": "First"}, change))
    place, _, rest = told.partition("]")
    assert place == "sets[1"
    assert rest.removeprefix(".").startswith(fault)


def test_all_faults_are_told_at_once(listed: Callable[..., Path]) -> None:
    told = fault_of(listed({"use": ["cats"]}, {"name": "b", "where": "nowhere"}))
    assert re.findall(r"sets\[\d\]\.\w+", told) == ["sets[0].use", "sets[1].where"]


def test_a_set_that_comes_twice_is_refused(listed: Callable[..., Path]) -> None:
    told = fault_of(listed({}, {"name": "hills"}))
    assert told.startswith("sets must name each set once, but hills comes twice")


def test_warnings_follow_from_size_and_licence(listed: Callable[..., Path]) -> None:
    small = {"value": "511x600", "short_edge": 511, "source": HERE}
    licence = {"value": "CC-BY-NC-SA-4.0", "source": HERE}
    (one, other) = catalogue.load(
        listed({"sizes": small, "licence": licence, "warnings": ["links only"]}, {"name": "b"})
    )
    assert one.all_warnings == ["non-commercial", "too small", "links only"]
    assert other.all_warnings == []


@pytest.mark.parametrize(
    ("licence", "asked", "fits"),
    [
        ("CC-BY-4.0", "CC-BY", True),
        ("CC-BY-4.0", "cc-by-4.0", True),
        ("CC-BY-4.0", "CC-BY-2.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY", False),
        ("CC-BY-NC-SA-4.0", "CC-BY*", True),
        ("CC0-1.0", "cc0", True),
        ("LicenseRef-SA-1B", "sa-1b", True),
        (None, "none", True),
        (None, "CC-BY", False),
    ],
)
def test_a_licence_is_found_with_and_without_version(
    listed: Callable[..., Path], licence: str | None, asked: str, fits: bool
) -> None:
    (one,) = catalogue.load(listed({"licence": {"value": licence, "source": HERE}}))
    assert catalogue.has_licence(one, asked) is fits


def test_a_set_of_unknown_size_only_may_be_large_enough(listed: Callable[..., Path]) -> None:
    unknown = {"sizes": {"verified": False}}
    sets = catalogue.load(listed({"name": "a"}, {"name": "b"} | unknown))
    found = catalogue.fitting(sets, Asked(min_side=768))
    assert [[one.name for one in some] for some in found] == [["a"], ["b"]]
    found = catalogue.fitting(sets, Asked(min_side=769))
    assert [[one.name for one in some] for some in found] == [[], ["b"]]


def test_a_table_marks_what_is_not_verified_and_says_where_a_set_is(
    listed: Callable[..., Path],
) -> None:
    sets = catalogue.load(
        listed(
            {"images": {"value": 1200, "verified": False}},
            {
                "name": "Faces",
                "use": ["faces"],
                "sizes": {"verified": False},
                "licence": {"value": "LicenseRef-own", "source": HERE},
                "redistribute": False,
                "leave_out": {"source": HERE},
                "warnings": ["made by restoration", "on request"],
            },
        )
    )
    assert datasets.answer(sets, Asked()) == (
        "set    images  edge  licence    pass on  look out\n"
        "Hills  1,200?   768  CC-BY-4.0  yes      leave out test?\n"
        f"  {HERE}\n"
        "Faces   1,200     ?  own        no       made by restoration; on request\n"
        f"  {HERE}\n"
        "\n"
        "2 of 2 sets · ? is not verified · more in docs/datasets.md"
    )
    with pytest.raises(UserError, match=r"none of 2 sets in docs/datasets\.yaml fits"):
        datasets.answer(sets, Asked(use="anime"))


@given(
    st.builds(
        Asked,
        use=st.none() | st.sampled_from(USES),
        licence=st.none() | st.sampled_from(["CC-BY", "CC*", "none", "CC0-1.0"]),
        min_side=st.none() | st.integers(1, 4000),
        redistribute=st.none() | st.sampled_from(["yes", "no", "unknown"]),
    )
)
def test_whatever_is_asked_the_answer_has_exactly_those_sets_and_fits_the_width(
    asked: Asked,
) -> None:
    found, perhaps = catalogue.fitting(SETS, asked)
    if not found and not perhaps:
        return
    lines = datasets.answer(SETS, asked).splitlines()
    assert max(map(len, lines)) <= datasets.WIDTH
    places = [line.strip() for line in lines if line.startswith("  http")]
    assert places == [one.where for one in found]
    assert not {one.name for one in found} & {one.name for one in perhaps}


def test_the_page_is_that_of_the_list() -> None:
    """`make datasets WRITE=1` makes it anew."""
    assert (REPOSITORY / datasets.PAGE).read_text() == datasets.page(SETS)


def test_every_set_stands_on_the_page_once_in_its_group_and_once_in_the_notes() -> None:
    page = datasets.page(SETS)
    tables, _, notes = page.partition("## Notes and sources")
    for one in SETS:
        assert tables.count(f"| [{one.name}](") == notes.count(f"**{one.name}**") == 1
    _, may, *rest = re.split(r"^## ", tables, flags=re.MULTILINE)
    assert may.startswith("May be passed on\n")
    may_be = [one.name for one in SETS if one.redistribute == "yes" and "test" not in one.use]
    assert re.findall(r"^\| \[([^\]]+)\]", may, re.MULTILINE) == may_be
    assert [part.partition("\n")[0] for part in rest] == list(datasets.GROUPS)[1:]


def by_name(name: str) -> Set:
    return next(one for one in SETS if one.name == name)


def test_what_must_not_be_overlooked_is_in_the_list() -> None:
    """Warnings that the notes of the makers have, or the terms; a change here wants a source."""
    assert by_name("FFHQ").leave_out.value == "60000 to 69999 (validation)"
    assert "non-commercial" in by_name("FFHQ").all_warnings
    assert "made by restoration" in by_name("CelebA-HQ").all_warnings
    assert "too small" in by_name("CelebA").all_warnings
    assert by_name("LIU4K").redistribute == by_name("Unsplash Lite").redistribute == "no"
    assert all("test" in by_name(name).use for name in ("Set5", "Set14", "Urban100", "Manga109"))


def test_make_datasets_asks_and_writes(tmp_path: Path) -> None:
    def make(*words: str) -> "subprocess.CompletedProcess[str]":
        command = ["make", "--silent", "--old-file", ".venv/ready", "datasets", *words]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    done = make("USE=faces", "LICENCE=CC-BY-NC*", "MIN_SIDE=1024", "REDISTRIBUTE=yes")
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+) +[\d,]+ ", done.stdout, re.MULTILINE) == ["FFHQ", "MetFaces"]
    assert make("USE=anime", "LICENCE=CC-BY").stderr.startswith("error: datasets: none of ")

    (tmp_path / "docs").mkdir()
    (tmp_path / catalogue.LIST).write_bytes((REPOSITORY / catalogue.LIST).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "stages.tools.datasets", "--write"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
    )
    written = (tmp_path / datasets.PAGE).read_bytes()
    assert written == (REPOSITORY / datasets.PAGE).read_bytes()
