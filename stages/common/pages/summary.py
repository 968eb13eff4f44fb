"""Numbers that say what a cutoff leaves, for the report."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stages.common import tables
from stages.common.tables import Verdict

SHOWN = 18  # pictures on a contact sheet
POINTS = 2000  # of a curve, at most


class Curve(NamedTuple):
    """A row of plots/*.csv."""

    rank: int
    hyperiqa: float
    kept: bool


def reasons(rows: Iterable[Any]) -> str:
    """`12 too small, 3 truncated`, most frequent first."""
    counts = Counter(row.reason for row in rows if row.reason)
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.most_common())


def what_if(rows: Sequence[Verdict]) -> list[tuple[object, ...]]:
    """Count, mean, lowest score and MB of the best 10%, 20%, ... of ranked images."""
    table: list[tuple[object, ...]] = []
    for tenth in range(1, 11):
        best = rows[: math.ceil(len(rows) * tenth / 10)]
        mean = math.fsum(row.hyperiqa for row in best) / len(best)
        megabytes = round(sum(row.bytes for row in best) / 1e6)
        table.append((len(best), mean, best[-1].hyperiqa, megabytes))
    return table


def shares(every: Iterable[str], kept: Iterable[str]) -> list[tuple[object, ...]]:
    """Name, number and share before and after a cut; most frequent first."""
    before, after = Counter(every), Counter(kept)
    total, left = before.total(), after.total()
    return [
        (name, n, f"{n / total:.1%}", after[name], f"{after[name] / left:.1%}")
        for name, n in before.most_common()
    ]


def samples(rows: Sequence[Verdict]) -> dict[str, Sequence[Verdict]]:
    """What one looks at to judge a cutoff: by name, none of them empty."""
    kept = [row for row in rows if row.kept]
    dropped = [row for row in rows if not row.kept]
    every = {
        "best": rows[:SHOWN],
        "worst": rows[-SHOWN:],
        "last kept": kept[-SHOWN:],
        "first dropped": dropped[:SHOWN],
    }
    return {name: some for name, some in every.items() if some}


def write_curve(path: Path, rows: Sequence[Verdict]) -> None:
    """Scores by rank, thinned out evenly to about `POINTS` rows."""
    step = -(-len(rows) // POINTS)
    tables.write(path, Curve, [Curve(r.rank, r.hyperiqa, r.kept) for r in rows[::step]])
