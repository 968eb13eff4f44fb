"""Proof: what a listing says of each object, and what must be sent, lists of folders last."""

import pytest

from stages.common.errors import UserError
from stages.common.versions import proof
from stages.common.versions.integrity import Stand
from stages.common.versions.proof import BY_HASH, BY_NAME, BY_SIZE, MISSING, WRONG
from stages.common.versions.records import Recorded
from stages.common.versions.remote import Object

A, B, C, D, LIST = "a" * 32, "b" * 32, "c" * 32, "d" * 32, f"{'1' * 32}.dir"


def out(path: str, md5: str = A, *, cached: bool = True) -> tuple[str, Recorded]:
    return "", Recorded(path, md5, "stage", False, cached)


def test_outs_are_chosen_by_path_and_those_that_git_keeps_are_left() -> None:
    every = [out("data/a"), out("data/ab"), out("data/a/b"), out("m.json", cached=False)]
    assert proof.chosen(every, []) == every[:3]
    assert proof.chosen(every, ["data/a/"]) == [every[0], every[2]]
    assert proof.chosen([out("data/source")], ["data/source.dvc"]) == [out("data/source")]
    with pytest.raises(UserError, match=r"nothing is recorded at m\.json; there are: data/a"):
        proof.chosen(every, ["m.json"])


@pytest.mark.parametrize(
    ("found", "size", "measured", "judged"),
    [
        (None, 5, {}, MISSING),
        (Object(4, None), 5, {}, WRONG),
        (Object(5, None), 5, {}, BY_SIZE),
        (Object(5, A), 5, {}, BY_HASH),
        (Object(5, B), 5, {}, WRONG),
        (Object(5, B), 5, {A: A}, BY_HASH),  # what was read goes before a tag
        (Object(5, A), 5, {A: B}, WRONG),
        (Object(5, A), 5, {A: "unreadable"}, WRONG),
        (Object(5, None), 5, {A: None}, MISSING),
        (Object(None, None), 5, {}, BY_NAME),
        (Object(5, None), None, {}, BY_NAME),  # the cache has lost it
    ],
)
def test_an_object_is_judged_by_the_best_that_is_known(
    found: Object | None, size: int | None, measured: dict[str, str | None], judged: str
) -> None:
    there = {A: found} if found else {}
    assert proof.judge([A], there, {A: size}, measured) == {A: judged}


def test_lists_of_folders_are_sent_last() -> None:
    judged = {LIST: MISSING, B: WRONG, A: MISSING, C: BY_SIZE}
    assert proof.lacking(judged) == [A, B, LIST]


def test_a_few_small_objects_with_other_tags_are_doubted() -> None:
    found = {name: Object(9, "e" * 32) for name in (A, B, C, D)}
    judged = dict.fromkeys(found, WRONG)
    assert proof.doubtful(judged, found, {A: 9, B: 9, C: 9, D: 8}) == [A, B, C]
    assert proof.doubtful(dict.fromkeys(found, BY_HASH), found, {}) == []
    assert proof.without_tags(found)[A] == Object(9, None)


def test_lists_that_nobody_has_are_named_and_shrink_nothing() -> None:
    outs = [out("data/a", LIST), out("data/b"), out("data/c", f"{'2' * 32}.dir")]
    lists, lost = proof.read_lists(outs, {LIST: {"x": B}}.get)
    assert (lists, lost) == ({LIST: {"x": B}}, [f"{'2' * 32}.dir"])


def test_text_counts_and_names() -> None:
    stands = {A: [Stand("data/a", out("data/a")[1], "")], B: [Stand("b", out("b", B)[1], "v1")]}
    sizes = {A: 1_500_000, B: 20}
    assert proof.named([A, B], stands) == "data/a, b of v1"
    assert proof.amount([A], sizes) == "1 object, 1.5 MB"
    assert proof.amount([A, B], {A: 2 * 10**9, B: None}) == "2 objects, 2.0 GB"
    assert proof.by_out([A, B], stands, sizes).splitlines()[1:] == [
        "b             1  0.0 kB",
        "data/a        1  1.5 MB",
    ]
    assert proof.kinds({A: BY_HASH, B: BY_HASH, C: BY_SIZE}) == "2 by hash, 1 by size alone"
    many = {f"{i:032x}": [Stand(f"{i}", out(f"{i}")[1], "")] for i in range(12)}
    assert proof.named(list(many), many).endswith("9 and 2 more")
