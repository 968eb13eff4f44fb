"""Settings of experiments: read from words, told by a name, written into params.yaml."""

import copy
import subprocess
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.versions import experiments, settings
from stages.common.versions.settings import COUNT, MIN_SCORE
from tests.conftest import REPOSITORY

TEXT = (REPOSITORY / "params.yaml").read_text()
PARAMS: dict[str, Any] = yaml.safe_load(TEXT)
KEYS = st.sampled_from([key for key, _ in settings.leaves(PARAMS)])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**6), 10**6)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=8)
)
VALUES = (
    SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text("ab:#", max_size=3), SCALARS)
)


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ({COUNT: 15000}, "tiles-15000"),
        ({COUNT: None, MIN_SCORE: 0.65}, "min-score-0.65"),
        ({MIN_SCORE: 0.65}, "cutoff-subimages-min-score-0.65"),
        ({"cutoff.images.count": 8}, "photographs-8"),
        ({COUNT: 15000, "cutoff.images.count": 8}, "photographs-8_tiles-15000"),
        ({"subimages.spacing": "even"}, "subimages-spacing-even"),
        ({COUNT: -1}, "tiles-1-c07479"),
        ({"dataset.name": "a.lock"}, "dataset-name-a-lock-8c17ef"),
    ],
)
def test_a_name_says_what_is_set(wanted: settings.Settings, name: str) -> None:
    assert settings.name_of(wanted) == name


def test_the_order_of_words_changes_no_name() -> None:
    one, two = settings.by_words(f"{COUNT}=8 subimages.step=9; subimages.step=9 {COUNT}=8", PARAMS)
    assert settings.name_of(one) == settings.name_of(two)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
def test_git_takes_every_name(wanted: settings.Settings) -> None:
    ref = experiments.ref_of("0" * 40, settings.name_of(wanted))
    subprocess.run(["git", "check-ref-format", ref], check=True)


@given(KEYS, VALUES, VALUES)
def test_two_values_have_two_names(key: str, one: object, two: object) -> None:
    if settings.yaml_of(one) != settings.yaml_of(two):
        assert settings.name_of({key: one}) != settings.name_of({key: two})


@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_only_what_is_set_changes(wanted: settings.Settings) -> None:
    expected = copy.deepcopy(PARAMS)
    for key, value in wanted.items():
        *parents, last = key.split(".")
        holder = expected
        for part in parents:
            holder = holder[part]
        holder[last] = value
    text = settings.changed(TEXT, wanted)
    assert yaml.safe_load(text) == expected
    for comment in ("# tiles to keep", "# Every number that shapes the dataset."):
        assert comment in text


def test_a_comment_stays_in_its_column() -> None:
    text = "a:\n  b: 200   # few\n  c: [1, 2]  # two\n  d:\n    - 1\n    - 2\n  # end\n  e:\n"
    assert settings.changed(text, {"a.b": 15000}) == text.replace("200   #", "15000 #")
    assert settings.changed(text, {"a.b": 123456789}) == text.replace("200   #", "123456789 #")
    assert settings.changed(text, {"a.c": []}) == text.replace("[1, 2]  #", "[]      #")
    assert settings.changed(text, {"a.d": [3]}) == text.replace("- 1\n    - 2", "[3]")
    assert settings.changed(text, {"a.e": 1}) == text.replace("e:\n", "e: 1\n")


def test_what_an_anchor_shares_is_not_set_unseen() -> None:
    with pytest.raises(
        UserError, match=r"^params.yaml: a.b: can't be set: write it plainly there$"
    ):
        settings.changed("a: &x {b: 1}\nc: *x\n", {"a.b": 2})


def test_words_become_settings() -> None:
    assert settings.by_counts(" 100  150") == [{COUNT: 100}, {COUNT: 150}]
    assert settings.by_min_scores("0.6") == [{COUNT: None, MIN_SCORE: 0.6}]
    words = (
        "subimages.step=120 cutoff.images.per_section='{faces: {count: 5}}';; dataset.name=a-b ;"
    )
    assert settings.by_words(words, PARAMS) == [
        {"subimages.step": 120, "cutoff.images.per_section": {"faces": {"count": 5}}},
        {"dataset.name": "a-b"},
    ]
    assert settings.by_words(" ", PARAMS) == settings.by_counts("") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("cutoff.subimages.cuont=5", "SET: cutoff.subimages.cuont is no parameter: did you mean "
         "`cutoff.subimages.count`?"),
        ("zzz=5", "SET: zzz is no parameter: params.yaml has them all"),
        ("cutoff.subimages", "SET: got 'cutoff.subimages', expected KEY=VALUE, as "
         "`cutoff.subimages.count=150`"),
        ("dataset.name='a", "SET: dataset.name='a: No closing quotation: close the quote"),
        ("dataset.name=[1", "SET: dataset.name: '[1' is no YAML: correct it"),
    ],
)  # fmt: skip
def test_what_can_not_be_set_is_told(words: str, message: str) -> None:
    with pytest.raises(UserError) as error:
        settings.by_words(words, PARAMS)
    assert str(error.value) == message


def test_what_is_no_number_is_told() -> None:
    with pytest.raises(UserError) as error:
        settings.by_counts("100 1.5")
    assert str(error.value) == ("COUNTS: got '1.5', expected numbers with spaces between, as `150`")
    with pytest.raises(UserError, match="MIN_SCORES: got '0,6', expected numbers"):
        settings.by_min_scores("0,6")


def test_differences_are_by_parameter() -> None:
    old = {"a": {"b": 1, "per_section": {"x": 1}}, "gone": 0}
    new = {"a": {"b": 2, "per_section": {"x": 2}}, "new": {"c": 3}}
    assert settings.differences(new, old) == {
        "a.b": 2,
        "a.per_section": {"x": 2},
        "gone": None,
        "new.c": 3,
    }
    assert settings.differences(old, old) == {}
