"""Candidates: what is chosen is unlike what is trained on; what can't be picked has a reason."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.common.candidates import (
    APART,
    ValidationParams,
    candidates,
    choose,
    nearest,
    twins,
)
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.near import alike
from stages.common.near.alike import NEAR_DISTANCE, Look
from stages.common.pixels.likeness import NEAR_BITS
from stages.common.rows import Decision, section_of
from tests.strategies import paths, with_changes

PARAMS = ValidationParams(candidates=100, count=2, picks=[], scales=[2, 4])


def decision(rank: int, path: str, *, kept: bool, sha256: str = "00") -> Decision:
    return Decision(rank, path, section_of(path), sha256, 1, 1 - rank / 1000, kept, "", "")


def bits(*ones: range) -> str:
    """A hash with ones at these bits."""
    return f"{sum(1 << i for some in ones for i in some):064x}"


def looks(hashes: dict[str, str]) -> dict[str, Look]:
    """Of photographs that only their hashes tell apart."""
    return {path: Look(dhash, alike.UNKNOWN) for path, dhash in hashes.items()}


def differ(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


@st.composite
def ranked_hashes(draw: st.DrawFn) -> tuple[list[Decision], dict[str, str]]:
    """Ranked photographs of a few kinds: some are near to each other, some not too far."""
    kinds = [bits(range(64 * k, 64 * k + 64)) for k in range(4)]
    rows, hashes = [], {}
    for rank in range(1, draw(st.integers(2, 14))):
        path = f"{rank:02}.jpg"
        noise_bits = draw(st.integers(0, 70))
        kind = int(draw(st.sampled_from(kinds)), 16) ^ ((1 << noise_bits) - 1)
        hashes[path] = f"{kind:064x}"
        rows.append(decision(rank, path, kept=draw(st.booleans())))
    return rows, hashes


@given(ranked_hashes(), st.integers(0, 5), st.integers(1, 10))
def test_what_is_chosen_is_unlike_training_and_each_other(
    drawn: tuple[list[Decision], dict[str, str]], count: int, most: int
) -> None:
    rows, hashes = drawn
    training = [hashes[row.path] for row in rows if row.kept]
    rest = [row for row in rows if not row.kept][:most]
    expected: list[Decision] = []  # the rule, written out
    for row in rest:
        far = all(differ(hashes[row.path], other) > NEAR_BITS for other in training)
        apart = all(differ(hashes[row.path], hashes[e.path]) >= APART.bits for e in expected)
        if far and apart and len(expected) < count:
            expected.append(row)
    params = with_changes(PARAMS, count=count, candidates=most)
    if len(expected) == count:
        assert choose(rows, looks(hashes), params, {}) == expected
    else:
        with pytest.raises(UserError) as raised:
            choose(rows, looks(hashes), params, {})
        assert f"asks for {count}, but of the {len(rest)} next best" in str(raised.value)
        assert f"only {len(expected)} differ" in str(raised.value)


FAR = {f"{name}.jpg": bits(range(i * 70, i * 70 + 70)) for i, name in enumerate("abc")}


def test_the_next_best_are_taken() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    assert choose(rows, looks(FAR), PARAMS, {}) == rows[1:]
    assert choose(rows, looks(FAR), with_changes(PARAMS, count=1), {}) == rows[1:2]


def test_none_are_taken_where_none_are_asked_for() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    assert choose(rows, looks(FAR), with_changes(PARAMS, count=0), {}) == []


def test_picks_are_taken_in_their_order_and_once() -> None:
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(FAR, start=1)]
    params = with_changes(PARAMS, picks=["c.jpg", "b.jpg", "c.jpg"], count=1)
    assert choose(rows, looks(FAR), params, {}) == [rows[2], rows[1]]


NEARLY = (
    "near.jpg is nearly the same picture as a.jpg, which is trained on: pick that one, too, or "
    "name it in screen.exclude, or pick another"
)
BEST = (
    "the candidates are b.jpg (0.9980), c.jpg (0.9970): see reports/pick.html, which `dvc repro "
    "pick` makes"
)
RENAMED = "`make check` says whether it was renamed"
UNUSED = {
    "x/small.jpg": Dropped("too small", "40x40 px, the short edge must be 512 or more"),
    "x/twin.jpg": Dropped("exact duplicate", "same file as b.jpg"),
    "x/out.jpg": Dropped("excluded", "matches 'x/o*' of screen.exclude"),
    "x/test.jpg": Dropped("evaluation set", "same pixels as data/evaluation/set/1.png"),
    "x/half.jpg": Dropped("truncated", "broken data stream"),
}


@pytest.mark.parametrize(
    ("pick", "message"),
    [
        ("a.jpg", "a.jpg is trained on: run `dvc repro`"),
        ("near.jpg", NEARLY),
        ("bb.jpg", f"bb.jpg is no file in gather.source: did you mean b.jpg? {RENAMED}"),
        (
            "portrait of a man.tif",
            "portrait of a man.tif is no file in gather.source, and none has a name like it. "
            f"{RENAMED}",
        ),
        (
            "x/small.jpg",
            "x/small.jpg may not be used: too small, 40x40 px, the short edge must be 512 or more: "
            "lower screen.min_short_edge, or pick another",
        ),
        (
            "x/twin.jpg",
            "x/twin.jpg may not be used: exact duplicate, same file as b.jpg: pick that one",
        ),
        (
            "x/out.jpg",
            "x/out.jpg may not be used: excluded, matches 'x/o*' of screen.exclude: take that "
            "pattern out, or pick another",
        ),
        (
            "x/test.jpg",
            "x/test.jpg may not be used: evaluation set, same pixels as data/evaluation/set/1.png: "
            "take that set out of screen.evaluation_sets, or pick another",
        ),
        (
            "x/half.jpg",
            "x/half.jpg may not be used: truncated, broken data stream: mend the file, or pick "
            "another",
        ),
    ],
)
def test_a_pick_that_can_not_be_taken_is_told_with_its_reason_and_the_candidates(
    pick: str, message: str
) -> None:
    hashes = FAR | {"near.jpg": bits(range(70 - NEAR_BITS))}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, looks(hashes), with_changes(PARAMS, picks=["b.jpg", pick]), UNUSED)
    assert str(raised.value) == f"validation.picks: {message}; {BEST}"


def test_all_picks_that_can_not_be_taken_are_told_at_once() -> None:
    hashes = FAR | {"near.jpg": bits(range(70 - NEAR_BITS))}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, looks(hashes), with_changes(PARAMS, picks=["near.jpg", "bb.jpg"]), {})
    found = f"{NEARLY}; bb.jpg is no file in gather.source: did you mean b.jpg? {RENAMED}"
    assert str(raised.value) == f"validation.picks: {found}; {BEST}"


def test_of_many_candidates_the_best_are_named() -> None:
    hashes = {f"{i:02}.jpg": f"{i * 17:064x}" for i in range(1, 14)} | {"t.jpg": "f" * 64}
    rows = [decision(i, name, kept=name == "t.jpg") for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, looks(hashes), with_changes(PARAMS, picks=["t.jpg"]), {})
    best = ", ".join(f"{i:02}.jpg ({1 - i / 1000:.4f})" for i in range(1, 11))
    assert str(raised.value) == (
        f"validation.picks: t.jpg is trained on: run `dvc repro`; the best of 13 candidates are "
        f"{best}; all are in reports/pick.html, which `dvc repro pick` makes"
    )


def test_to_pick_both_of_two_alike_is_a_way_out() -> None:
    """As the message says: what is picked is reserved, and so is not trained on."""
    hashes = FAR | {"near.jpg": bits(range(70 - NEAR_BITS))}
    rows = [decision(i, name, kept=name == "c.jpg") for i, name in enumerate(hashes, start=1)]
    params = with_changes(PARAMS, picks=["a.jpg", "near.jpg"])
    assert [row.path for row in choose(rows, looks(hashes), params, {})] == ["a.jpg", "near.jpg"]


@pytest.mark.parametrize(
    ("pick", "meant"),
    [
        ("objects/Wine.JPG", "objects/wine.jpg"),
        ("wine.jpg", "objects/wine.jpg"),
        ("data/source/objects/wine.jpg", "objects/wine.jpg"),
        ("landscape/wine.jpg", "objects/wine.jpg"),
        ("objects/wien.jpg", "objects/wine.jpg"),
        ("objects/cafe\u0301.jpg", "objects/caf\xe9.jpg"),
        ("something else entirely", None),
    ],
)
def test_the_nearest_path_is_the_one_that_was_meant(pick: str, meant: str | None) -> None:
    there = ["objects/bridge.jpg", "objects/wine.jpg", "objects/wine 2.jpg", "objects/caf\xe9.jpg"]
    assert nearest(pick, there) == meant


def test_a_name_that_only_looks_the_same_is_written_out() -> None:
    rows = [decision(1, "caf\xe9.jpg", kept=False)]
    pick = unicodedata.normalize("NFD", "caf\xe9.jpg")
    with pytest.raises(UserError) as raised:
        choose(rows, looks({"caf\xe9.jpg": "0" * 64}), with_changes(PARAMS, picks=[pick]), {})
    assert 'did you mean "caf\\xe9.jpg", with its letters in another Unicode form?' in str(
        raised.value
    )


@given(paths, st.lists(paths))
def test_a_path_that_is_there_is_nearest_to_itself(pick: str, others: list[str]) -> None:
    assert nearest(pick, [pick, *others]) == pick


def test_a_pick_is_taken_whatever_its_rank() -> None:
    rows = [decision(i, name, kept=i == 2) for i, name in enumerate(FAR, start=1)]
    params = with_changes(PARAMS, picks=["a.jpg"], candidates=1)
    assert choose(rows, looks(FAR), params, {}) == rows[:1]


def test_candidates_come_from_each_sections_next_best() -> None:
    paths = ["a/1.jpg", "a/2.jpg", "a/3.jpg", "b/1.jpg", "c/1.jpg", "b/2.jpg"]
    rows = [decision(i, path, kept=path == "a/1.jpg") for i, path in enumerate(paths, start=1)]
    rows[4] = rows[4]._replace(reason="section c is left out")
    for reason in ("left out by hand", "near-duplicate"):
        rows.insert(1, decision(7, "a/0.jpg", kept=False)._replace(reason=reason))
    compressed = decision(0, "a/c.jpg", kept=False)._replace(reason="blocks above 0.05")
    rows.insert(0, compressed)
    assert candidates(rows, 9)[-1] == compressed  # to be picked by eye
    assert [row.path for row in candidates(rows, 3)] == ["a/2.jpg", "b/1.jpg", "a/3.jpg"]


def test_a_section_may_be_called_as_a_reason_ends() -> None:
    row = decision(1, "is left out/a.jpg", kept=False)
    beyond = row._replace(reason="below the best 1 of section is left out")
    assert candidates([beyond], 9) == [beyond]
    for reason in ("section is left out is left out", "source ours is left out"):
        assert candidates([row._replace(reason=reason)], 9) == []


def test_a_pick_may_be_like_another_pick() -> None:
    hashes = FAR | {"b2.jpg": FAR["b.jpg"]}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    params = with_changes(PARAMS, picks=["b.jpg", "b2.jpg"])
    assert [row.path for row in choose(rows, looks(hashes), params, {})] == ["b.jpg", "b2.jpg"]


def test_too_few_are_told_with_the_numbers() -> None:
    hashes = FAR | {"b2.jpg": FAR["b.jpg"], "a2.jpg": FAR["a.jpg"]}
    rows = [decision(i, name, kept=i == 1) for i, name in enumerate(hashes, start=1)]
    with pytest.raises(UserError) as raised:
        choose(rows, looks(hashes), with_changes(PARAMS, count=3), {})
    assert str(raised.value) == (
        "validation.count asks for 3, but of the 4 next best photographs only 2 differ from the "
        "training ones and from each other: lower it, keep fewer by cutoff.images, or add "
        "photographs"
    )


def embedding(*angles: float) -> str:
    """An embedding in the plane, at angles from the first axis as given."""
    numbers = np.zeros(128)
    numbers[0], numbers[1] = np.cos(angles[0]), np.sin(angles[0])
    return bytes(np.rint(127 * numbers).astype(np.int8)).hex()


@pytest.mark.parametrize(("distance", "near"), [(0.0, True), (0.9, True), (1.2, False)])
def test_an_embedding_alone_tells_that_a_photograph_is_trained_on(
    distance: float, near: bool
) -> None:
    """Given in shares of the limit."""
    angle = float(np.arccos(1 - distance * NEAR_DISTANCE))
    there = {
        "a.jpg": Look(FAR["a.jpg"], embedding(0)),
        "b.jpg": Look(FAR["b.jpg"], embedding(angle)),
    }
    found = twins(["b.jpg"], ["a.jpg"], there)
    assert found == ({"b.jpg": "a.jpg"} if near else {})


def test_validation_photographs_differ_by_embedding_too() -> None:
    angles = {"a.jpg": 0.0, "b.jpg": 1.6, "c.jpg": 1.7}
    there = {name: Look(FAR[name], embedding(angle)) for name, angle in angles.items()}
    rows = [decision(i, name, kept=False) for i, name in enumerate(FAR, start=1)]
    assert [row.path for row in choose(rows, there, PARAMS, {})] == ["a.jpg", "b.jpg"]
    with pytest.raises(UserError, match="of the 3 next best photographs only 2 differ"):
        choose(rows, there, with_changes(PARAMS, count=3), {})
