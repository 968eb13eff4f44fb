"""Which photographs are alike. It decides nothing.

Takes:  screened.csv; embeddings/images.csv; scores/images.csv, for the order of what is listed.
Leaves: neighbours.csv (`Neighbours`), a row for every pair; neighbours.json, their numbers.
Rule:   a pair is listed whose difference hashes differ in at most 48 of 256 bits, or whose
        embeddings are at most 0.25 apart (common/near/search.py). The cutoff has its own, closer
        bounds. Where a photograph is like very many better ones, only the best of these are listed,
        which is all that matters to who keeps the best: 10 of those that count as near-duplicates,
        and 10 of the others.
"""

from pathlib import Path
from typing import NamedTuple

from stages.common import tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.near import alike, search
from stages.common.rows import Embedded, Neighbours


class Scored(NamedTuple):
    """The part of a `Score` that is needed."""

    path: str
    hyperiqa: float


def main(screened: Path, embeddings: Path, scores: Path, neighbours: Path, numbers: Path) -> None:
    looks = alike.looks(tables.read(screened, alike.Hashed), tables.read(embeddings, Embedded))
    by_path = {row.path: row.hyperiqa for row in tables.read(scores, Scored)}
    if lacking := looks.keys() - by_path.keys():
        raise UserError(f"{scores} lacks {min(lacking)}: run `dvc repro`")
    order = sorted(looks, key=lambda path: (-by_path[path], path))
    found = search.pairs([looks[path] for path in order])
    rows = []
    for one, other, bits, distance in found.tolist():
        first, second = sorted((order[one], order[other]))
        rows.append(Neighbours(first, second, bits, distance))
    tables.write(neighbours, Neighbours, sorted(rows))
    near = sum(alike.is_near(row.bits, row.distance) for row in rows)
    tables.write_numbers(numbers, {"photographs": len(order), "pairs": len(rows), "near": near})
    print(f"{len(rows):,} pairs of {len(order):,} photographs are alike, {near:,} nearly the same")


if __name__ == "__main__":
    run(main)
