"""What a set is in figures: sources, steps, shares, and its parameters in words."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.archive.description import (
    Photograph,
    ReleaseParams,
    Source,
    Step,
    limits,
    means,
    photographs,
    reasons,
    shares,
    size_category,
    sources,
    steps,
)
from stages.common.archive.licences import NOT_STATED
from stages.common.params import faults
from tests.common.archive.sets import BYTES, CC, ODD, RELEASE, digest, small_set

VALUES = RELEASE.model_dump()


def test_the_parameters_of_the_small_set_are_right() -> None:
    assert faults(ReleaseParams, "release", VALUES) == []
    assert (RELEASE.volume_bytes, RELEASE.tag) == (None, "v1.2.0")


@pytest.mark.parametrize(("text", "size"), [("2GB", 2 * 10**9), ("500MB", 5 * 10**8)])
def test_a_volume_has_so_many_bytes(text: str, size: int) -> None:
    assert RELEASE.model_copy(update={"volume_size": text}).volume_bytes == size


@pytest.mark.parametrize("size", ["0MB", "2 GB", "2gb", "2", "2GiB", "-1MB", "1.5GB", "", 2, 2.0])
def test_a_volume_size_that_is_none_is_told(size: object) -> None:
    assert faults(ReleaseParams, "release", VALUES | {"volume_size": size}) == [
        f"release.volume_size must be as 500MB or 2GB (10^6 and 10^9 bytes), or null, got {size!r}"
    ]


@pytest.mark.parametrize("date", ["", "2026-13-01", "20261125", "2026-11-25T10", 20261125, None])
def test_a_date_that_is_none_is_told(date: object) -> None:
    assert faults(ReleaseParams, "release", VALUES | {"date": date}) == [
        f'release.date must be a day between quotes, as "2026-11-25", got {date!r}'
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", ""),
        ("purpose", "two\nlines"),
        ("use_case", " spaces "),
        ("creator", "`code`"),
        ("url", "example.org"),
        ("url", "https://example.org/a b"),
        ("licence", "CC BY 4.0"),
        ("version", "1.0"),
        ("version", "01.0.0"),
        ("version", 1.0),
    ],
)
def test_other_faults_are_told(key: str, value: Any) -> None:
    (message,) = faults(ReleaseParams, "release", VALUES | {key: value})
    assert message.startswith(f"release.{key} must ")


def test_every_photograph_has_its_source() -> None:
    rows = photographs(small_set())
    assert [row.photograph for row in rows] == [ODD, BYTES, "spare/v.jpg", "spare/w.jpg"]
    assert rows[0] == Photograph(
        ODD, digest(ODD), "s", 9, False, CC.licence, CC.author, CC.source, CC.url
    )
    assert rows[1] == Photograph(
        BYTES, digest(BYTES), "s", 3, False, NOT_STATED, "", NOT_STATED, ""
    )
    assert [(row.tiles, row.validation) for row in rows[2:]] == [(0, True), (0, True)]
    assert sources(rows) == [
        Source("s", CC.source, CC.licence, CC.url, 1, 0, 9),
        Source("s", NOT_STATED, NOT_STATED, "", 1, 0, 3),
        Source("spare", CC.source, CC.licence, CC.url, 0, 2, 0),
    ]


def test_each_step_tells_its_limits_and_what_it_leaves() -> None:
    assert steps(small_set()) == [
        Step("files", "in the folder of photographs", 6, ""),
        Step("images", "can be read, at most 250 megapixels", 5, "not an image 1"),
        Step(
            "photographs",
            "shorter side at least 512 px; patterns left out: none; evaluation sets kept out: "
            "Set5, Set14, BSD100, Urban100, Kodak, data/evaluation/demo; no two with the same "
            "pixels",
            3,
            "too small 2",
        ),
        Step(
            "photographs",
            "the best 11 by score; section troubles: none; blocks at most 0.05; detail at least "
            "0.025; of nearly the same pictures the best",
            2,
            "below the best 2 1",
        ),
        Step(
            "tiles",
            "512 px squares of each photograph at the sizes 1, 0.75, and 512 px on the shorter "
            "side; a step of 240 px (even), threshold 0",
            20,
            "",
        ),
        Step(
            "tiles",
            "the best 200 by score; bits at least 0.3; no two of one image that share more than "
            "50%; at most 30 of a photograph",
            12,
            "below the best 12 8",
        ),
    ]


def test_the_step_of_photographs_tells_at_which_size_they_were_scored() -> None:
    scorer = {**small_set().scorer, "photographs_short_edge": 768}
    fitted, plain = steps(small_set()._replace(scorer=scorer)), steps(small_set())
    assert fitted[3].rule == f"{plain[3].rule}; scored with at most 768 px on the shorter side"
    assert fitted[:3] + fitted[4:] == plain[:3] + plain[4:]


@pytest.mark.parametrize(
    ("cutoff", "words"),
    [
        ({"count": None, "min_score": None, "per_section": {}}, "all, by score"),
        (
            {"count": 9, "min_score": None, "per_section": {}}
            | {"limits": {"noise": {"min": 0.5, "max": 3.0}}, "per_photograph": 30}
            | {"scales": {"shares": {1: 0.25, "512px": 0.5}}},
            "the best 9 by score; noise at least 0.5; noise at most 3; at most 30 of a photograph; "
            "at most 25% at scale 1; at most 50% at scale 512px",
        ),
        ({"count": 1500, "min_score": None, "per_section": {}}, "the best 1,500 by score"),
        (
            {"count": 2, "min_score": 0.5, "per_section": {"a": {"min_score": 0.75}}},
            "the best 2 by score, a score of at least 0.5; section a: a score of at least 0.75",
        ),
        (
            {"count": None, "min_score": {"reference": "data/reference/x"}, "per_section": {}},
            "a score of at least the mean of data/reference/x",
        ),
    ],
)
def test_a_cutoff_in_words(cutoff: dict[str, Any], words: str) -> None:
    assert limits({"limits": {}} | cutoff) == words


@given(st.lists(st.sampled_from("abc"), min_size=1))
def test_shares_and_reasons_count_all(names: list[str]) -> None:
    found = shares(names)
    assert {name: round(share * len(names)) for name, share in found.items()} == Counter(names)
    assert list(found.values()) == sorted(found.values(), reverse=True)
    told = dict(part.rsplit(" ", 1) for part in reasons(names).split(", "))
    assert {name: int(n) for name, n in told.items()} == Counter(names)


def test_the_mean_of_each_name() -> None:
    assert means([("a", 0.5), ("b", 0.1), ("a", 0.25)]) == {"a": 0.375, "b": 0.1}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "n<1K"),
        (999, "n<1K"),
        (1000, "1K<n<10K"),
        (9_999, "1K<n<10K"),
        (12_639, "10K<n<100K"),
        (390_035, "100K<n<1M"),
        (1_000_000, "1M<n<10M"),
    ],
)
def test_size_categories(number: int, name: str) -> None:
    assert size_category(number) == name
