"""Versions' numbers: what they are, what they promise, which comes next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.errors import UserError
from stages.common.versions import numbers
from stages.common.versions.numbers import MAJOR, MINOR, PATCH, Version

PARTS = st.integers(0, 30)
VERSIONS = st.builds(Version, PARTS, PARTS, PARTS)


@given(VERSIONS)
def test_a_number_is_read_as_it_is_shown(version: Version) -> None:
    assert numbers.parse(str(version)) == version
    assert numbers.tagged([numbers.tag("a", version)], "a") == [version]


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "v1.2.3", "01.2.3", "1.2.3-rc1", "1.2.٣", "1.2.3\n"]
)
def test_anything_else_is_no_number(text: str) -> None:
    with pytest.raises(UserError) as raised:
        numbers.given(text)
    assert str(raised.value) == (
        f"VERSION: got {text!r}, expected MAJOR.MINOR.PATCH, as `VERSION=1.2.0`"
    )


@given(VERSIONS, st.sampled_from([PATCH, MINOR, MAJOR]))
def test_the_least_version_of_a_step_is_later_and_takes_that_step(old: Version, level: int) -> None:
    new = numbers.least(old, level)
    assert new > old
    assert numbers.step(old, new) >= level


@given(VERSIONS, VERSIONS)
def test_a_version_that_takes_a_step_is_none_before_the_least(old: Version, new: Version) -> None:
    if new > old:
        assert new >= numbers.least(old, numbers.step(old, new))


def test_steps() -> None:
    steps = {
        ("1.2.3", "1.2.4"): PATCH,
        ("1.2.3", "1.3.0"): MINOR,
        ("1.9.9", "2.0.0"): MAJOR,
        ("0.1.0", "0.2.0"): MAJOR,  # while MAJOR is 0, MINOR may change anything
        ("0.1.0", "0.1.1"): PATCH,
        ("0.9.0", "1.0.0"): MAJOR,
    }
    found = {(a, b): numbers.step(numbers.given(a), numbers.given(b)) for a, b in steps}
    assert found == steps


def test_tags_of_a_set_are_told_from_others_and_sorted_by_number() -> None:
    tags = ["a@v1.10.0", "v1", "a@v1.9.0", "ab@v3.0.0", "a@v2", "a@1.0.0", "b@v1.0.0"]
    assert list(map(str, numbers.tagged(tags, "a"))) == ["1.9.0", "1.10.0"]
