"""Alike: by one or the other, and the evidence says by which."""

import pytest

from stages.common.errors import UserError
from stages.common.near.alike import NEAR, Look, evidence, is_near, looks
from stages.common.rows import Embedded, Photograph


def photograph(path: str, sha256: str = "00") -> Photograph:
    return Photograph(path, ".", sha256, 10, 10, 100, "PNG RGB", "", "ab" * 32)


@pytest.mark.parametrize(
    ("bits", "distance", "near", "text"),
    [
        (NEAR.bits, 1.0, True, f"{NEAR.bits} of 256 bits"),
        (NEAR.bits + 1, 0.05, True, "a distance of 0.050"),
        (NEAR.bits + 1, NEAR.distance + 0.001, False, None),
    ],
)
def test_one_of_both_is_enough(bits: int, distance: float, near: bool, text: str | None) -> None:
    assert is_near(bits, distance) == near
    if text:
        assert evidence(bits, distance) == text


def test_each_photograph_has_its_embedding() -> None:
    rows = [Embedded("b.jpg", "01", "02" * 128), Embedded("a.jpg", "00", "01" * 128)]
    found = looks([photograph("a.jpg")], rows)
    assert found == {"a.jpg": Look("ab" * 32, "01" * 128)}


@pytest.mark.parametrize("path", ["a.jpg", "c.jpg"])
def test_one_that_is_missing_or_of_another_file_is_told(path: str) -> None:
    with pytest.raises(UserError) as raised:
        looks([photograph(path, "99")], [Embedded("a.jpg", "00", "01" * 128)])
    assert str(raised.value) == f"{path} has no embedding in data/embeddings: run `dvc repro`"
