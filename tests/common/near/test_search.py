"""Search: every pair that is alike, found as one by one, in bounded memory."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.common.near import search
from stages.common.near.alike import NEAR, UNKNOWN, Look
from stages.common.near.search import MOST, WIDE, closest, pairs
from stages.common.pixels.likeness import distances as hash_distances


def crowd(count: int, seed: int, kinds: int = 4) -> list[Look]:
    """Photographs around a few kinds, some near to each other, some not too far."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (kinds, 32), dtype=np.uint8)
    codes = rng.normal(0, 30, (kinds, 128))
    looks = []
    for _ in range(count):
        kind, changed = rng.integers(kinds), rng.integers(0, 70)
        flips = np.zeros(256, np.uint8)
        flips[rng.permutation(256)[:changed]] = 1
        code = codes[rng.integers(kinds)] + rng.normal(0, rng.choice([0, 5, 15, 25]), 128)
        dhash = (hashes[kind] ^ np.packbits(flips)).tobytes().hex()
        looks.append(Look(dhash, bytes(np.clip(np.rint(code), -127, 127).astype(np.int8)).hex()))
    return looks


def compared(one: Look, other: Look) -> tuple[int, float]:
    """Bits and distance of two photographs, written out."""
    bits = int(hash_distances(one.dhash, [other.dhash])[0])
    a, b = (np.frombuffer(bytes.fromhex(x.embedding), np.int8).astype(float) for x in (one, other))
    return bits, round(float(1 - a @ b / np.sqrt((a @ a) * (b @ b))), 7)


def all_pairs(looks: list[Look]) -> dict[tuple[int, int], tuple[int, float]]:
    """Every pair within `WIDE`, one by one."""
    found = {}
    for j, other in enumerate(looks):
        for i, one in enumerate(looks[:j]):
            bits, distance = compared(one, other)
            if bits <= WIDE.bits or distance <= WIDE.distance:
                found[i, j] = (bits, distance)
    return found


@settings(max_examples=10)
@given(st.integers(0, 60), st.integers(0, 1000))
def test_every_pair_is_found_as_one_by_one(count: int, seed: int) -> None:
    looks = crowd(count, seed)
    found = {(i, j): (bits, d) for i, j, bits, d in pairs(looks, most=count).tolist()}
    expected = all_pairs(looks)
    assert {pair: bits for pair, (bits, _) in found.items()} == {
        pair: bits for pair, (bits, _) in expected.items()
    }
    for pair, (_, distance) in found.items():
        assert distance == pytest.approx(expected[pair][1], abs=1e-6)


def test_blocks_change_nothing_nor_do_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = crowd(70, 1)
    whole = pairs(looks).tolist()
    monkeypatch.setenv("SRSET_WORKERS", "2")
    assert pairs(looks).tolist() == whole
    monkeypatch.setenv("SRSET_WORKERS", "0")
    monkeypatch.setattr(search, "ROWS", 7)
    monkeypatch.setattr(search, "COLUMNS", 10)
    assert pairs(looks).tolist() == whole
    assert len(whole) > 100


def test_a_photograph_in_a_crowd_is_listed_with_the_best_it_is_like() -> None:
    """Of each kind: those that count as near-duplicates, and the others."""
    looks = crowd(90, 2, kinds=1)
    expected = []
    everything = all_pairs(looks).items()
    for j in range(len(looks)):
        better = [(i, *found) for (i, other), found in everything if other == j]
        near = [row for row in better if row[1] <= NEAR.bits or row[2] <= NEAR.distance]
        rest = [row for row in better if row not in near]
        expected += [(row[0], j) for row in sorted(near[:3] + rest[:3])]
    assert [(i, j) for i, j, *_ in pairs(looks, most=3).tolist()] == expected


def test_equal_pictures_are_few_pairs_and_the_best_is_in_all() -> None:
    looks = [Look("0" * 64, "7f" * 128)] * 5000
    found = pairs(looks)
    assert len(found) == sum(min(MOST, place) for place in range(5000))
    assert set(found["other"][found["one"] == 0].tolist()) == set(range(1, 5000))
    assert (found["bits"].max(), found["distance"].max()) == (0, 0)


def test_no_photograph_is_no_pair() -> None:
    assert pairs([]).tolist() == []
    assert pairs(crowd(1, 0)).tolist() == []


def test_an_unknown_embedding_is_far_from_all() -> None:
    looks = [Look("0" * 64, UNKNOWN), Look("f" * 64, UNKNOWN), Look("3" * 64, "7f" * 128)]
    assert pairs(looks).tolist() == []
    assert list(closest(looks[:1], looks[1:])) == [(1, 128, 0, 1.0)]


@pytest.mark.parametrize("columns", [3, 4096])
def test_the_closest_is_the_first_of_the_nearest(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "COLUMNS", columns)
    looks = crowd(40, 3)
    here, there = looks[:20], looks[20:] * 2
    for one, (first, bits, second, distance) in zip(here, closest(here, there), strict=True):
        each = [compared(one, other) for other in there]
        assert (first, bits) == min((b, i) for i, (b, _) in enumerate(each))[::-1]
        assert distance == pytest.approx(min(d for _, d in each), abs=1e-6)
        assert second < 20


def test_what_is_shared_with_processes_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    pairs(crowd(9, 4))
    assert list(tmp_path.iterdir()) == []
