"""What other cutoffs would keep, without running anything.

    make what-if                          a table: what is kept now, and by other counts and scores
    make what-if COUNT=12000              the figures of the best 12,000 tiles
    make what-if MIN_SCORE=0.7            of all tiles with this score or a better one
    make what-if COUNT=80 WHICH=images    of the best 80 photographs

COUNT stands in place of the count in params.yaml, all else as it is there; MIN_SCORE in place of
its min_score, its count and the shares of scales, which are of a count. With both, both hold. The
figures of tiles are those of reports/metrics.json after an experiment with the same limits. All are
counted from the tables that the last run has left. Another choice of photographs gives other tiles:
these only a run can tell.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from stages.common import cli, cutoff_checks, figures, params, ranking, tables, text, what_if
from stages.common.cutoff_params import Cutoff, CutoffParams
from stages.common.errors import UserError
from stages.common.rows import Score
from stages.common.what_if import WhatIf

TABLES = Path("data/tables")
MEASURES = Path("data/measures")
SCORES = Path("data/scores")
HEADER = ("section", "by", "limit", "images", "mean", "lowest", "GB", "photos", "largest")


C = TypeVar("C", bound=Cutoff)


def asked(cutoff: C, count: int | None, min_score: float | None, key: str) -> C:
    """A cutoff with the limits that are asked for; `key` is its name in params.yaml.

    Raises:
        UserError: where params.yaml could not have them.
    """
    if count is not None:
        floor = {} if min_score is None else {"min_score": min_score}
        cutoff = what_if.by_count(cutoff, count).model_copy(update=floor)
    elif min_score is not None:
        cutoff = what_if.by_score(cutoff, min_score)
    if found := params.faults(type(cutoff), key, cutoff.model_dump(exclude_unset=True)):
        raise UserError("; ".join(found))
    return cutoff


def lines(found: Sequence[WhatIf]) -> list[list[str]]:
    """The table's lines."""
    return [
        [
            row.section,
            row.by,
            row.limit,
            f"{row.images:,}",
            f"{row.mean:.6f}",
            f"{row.lowest:.6f}",
            f"{row.bytes / 1e9:,.4f}",
            f"{row.photographs:,}",
            f"{row.largest_photograph:.1%}",
        ]
        for row in found
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.what_if",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--which", choices=["images", "subimages"], help="photographs, or tiles")
    parser.add_argument("--count", type=int, help="keep the best so many")
    parser.add_argument("--min-score", type=float, help="keep none below this score")
    parser.set_defaults(which="subimages")
    arguments = parser.parse_args()
    which, key = arguments.which, f"cutoff.{arguments.which}"
    both = params.load(CutoffParams, "cutoff", Path("params.yaml"))
    both = both.measured(
        images=tables.read(SCORES / "reference_images.csv", Score),
        subimages=tables.read(SCORES / "reference_subimages.csv", Score),
    )
    cutoff: Cutoff = getattr(both, which)
    table = TABLES / {"images": "screened.csv", "subimages": "subimages.csv"}[which]
    its = ranking.Files(table, MEASURES / f"{which}.csv", TABLES / "neighbours.csv")
    decisions, meanwhile = TABLES / f"cutoff_{which}.csv", Path(tempfile.gettempdir())
    with ranking.decided(which, its, decisions, cutoff, meanwhile) as (c, _):
        if arguments.count is None and arguments.min_score is None:
            print(text.table(HEADER, lines(what_if.what_if(which, c, cutoff))))
            return
        cutoff = asked(cutoff, arguments.count, arguments.min_score, key)
        mask = cutoff_checks.decided(c, cutoff, key).kept
    found: dict[str, object] = figures.of(c, mask)._asdict()
    if which == "subimages":
        found = figures.metrics(c, mask, cutoff.report_at)
    width = max(map(len, found))
    print(*[f"{name:<{width}}  {value}" for name, value in found.items()], sep="\n")


if __name__ == "__main__":
    cli.shell("what_if", main, again="make what-if")
