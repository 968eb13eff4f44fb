"""Neighbours: every pair that is alike, as a fact, whatever the order of the tables."""

import json
from pathlib import Path

import numpy as np
import pytest

from stages import neighbours
from stages.common import tables
from stages.common.errors import UserError
from stages.common.near.alike import NEAR, UNKNOWN
from stages.common.near.search import MOST, WIDE
from stages.common.rows import Embedded, Neighbours, Photograph, Score, section_of

NOT_UTF_8 = b"s/caf\xe9.jpg".decode(errors="surrogateescape")


def prepared(folder: Path, rows: dict[str, tuple[int, str, float]]) -> None:
    """The stage's inputs: by path, the ones at the end of the hash, the embedding, the score."""
    listed, embedded, scores = [], [], []
    for place, (path, (ones, embedding, score)) in enumerate(rows.items()):
        sha256 = f"{place:064x}"
        facts = (section_of(path), sha256, 9, 9, 9, "PNG RGB", sha256)
        listed.append(Photograph(path, *facts, f"{2**ones - 1:064x}"))
        embedded.append(Embedded(path, sha256, embedding))
        scores.append(Score(path, sha256, score))
    tables.write(folder / "screened.csv", Photograph, sorted(listed))
    tables.write(folder / "embeddings.csv", Embedded, sorted(embedded))
    tables.write(folder / "scores.csv", Score, sorted(scores))


def run(folder: Path) -> list[Neighbours]:
    names = ("screened.csv", "embeddings.csv", "scores.csv", "out.csv", "m.json")
    neighbours.main(*(folder / name for name in names))
    return tables.read(folder / "out.csv", Neighbours)


def code(distance: float) -> str:
    """An embedding so far from that of a distance of 0."""
    numbers = np.zeros(128)
    numbers[:2] = 1 - distance, np.sqrt(1 - (1 - distance) ** 2)
    return bytes(np.rint(127 * numbers).astype(np.int8)).hex()


def test_pairs_are_listed_up_to_generous_bounds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepared(
        tmp_path,
        {
            "b.jpg": (0, code(0), 0.5),
            "a.jpg": (NEAR.bits, UNKNOWN, 0.9),
            f"{NOT_UTF_8}": (WIDE.bits + NEAR.bits, UNKNOWN, 0.1),
            "s/scene.jpg": (200, code(0.05), 0.7),
            "far.jpg": (130, code(0.5), 0.7),
        },
    )
    rows = run(tmp_path)
    pairs = [(row.path, row.other, row.bits) for row in rows]
    assert pairs == [
        ("a.jpg", "b.jpg", NEAR.bits),
        ("a.jpg", NOT_UTF_8, WIDE.bits),
        ("b.jpg", "s/scene.jpg", 200),
    ]
    assert [row.distance for row in rows[:2]] == [1.0, 1.0]
    assert rows[2].distance == pytest.approx(0.05, abs=0.003)
    numbers = json.loads((tmp_path / "m.json").read_text())
    assert numbers == {"photographs": 5, "pairs": 3, "near": 2}
    said = "3 pairs of 5 photographs are alike, 2 nearly the same"
    assert capsys.readouterr().out.splitlines()[-1] == said


def test_in_a_crowd_each_is_listed_with_the_best_ones(tmp_path: Path) -> None:
    """So that whoever keeps the best drops all others, however many there are."""
    count = MOST + 20
    prepared(tmp_path, {f"{i:02}.jpg": (0, code(0), i / 100) for i in range(count)})
    rows = run(tmp_path)
    best = f"{count - 1:02}.jpg"
    assert [row.path for row in rows if row.other == best] == [
        f"{i:02}.jpg" for i in range(count - 1)
    ]
    assert len(rows) == sum(min(MOST, place) for place in range(count))


def test_a_photograph_without_a_score_is_told(tmp_path: Path) -> None:
    prepared(tmp_path, {"a.jpg": (0, code(0), 0.5), "b.jpg": (0, code(0), 0.5)})
    rows = tables.read(tmp_path / "scores.csv", Score)
    tables.write(tmp_path / "scores.csv", Score, rows[:1])
    with pytest.raises(UserError, match=r"scores.csv lacks b.jpg: run `dvc repro`$"):
        run(tmp_path)


def test_the_same_bytes_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    prepared(
        tmp_path,
        {
            f"{i:04}.jpg": (int(rng.integers(256)), code(float(rng.random())), 0.5)
            for i in range(1500)
        },
    )
    run(tmp_path)
    first = (tmp_path / "out.csv").read_bytes()
    monkeypatch.setenv("SRSET_WORKERS", "2")
    run(tmp_path)
    assert (tmp_path / "out.csv").read_bytes() == first
