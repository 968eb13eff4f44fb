"""Rank, keep the best, and give every other image a reason. Reads tables only.

Takes:  a table with path, section, sha256 and bytes; its scores.
Leaves: a table of verdicts (`Verdict`), best first: every image, kept or with the reason.
Rule:   `by: count` keeps the best `count`, `by: score` those that reach `score`; ties by path.
        A section named in `per_section` is cut by its own rule, all the others together.
Source: Phhofm, Guides/DatasetPreparation.md, https://github.com/Phhofm/models.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.common import tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.tables import Candidate, Score, Verdict

ALL = "all the other sections"


class Policy(Params):
    by: Literal["count", "score"]
    count: int = Field(ge=1)
    score: float


class Cutoff(Policy):
    per_section: dict[str, Policy]


class CutoffParams(Params):
    images: Cutoff
    subimages: Cutoff


def ranked(candidates: Sequence[Candidate], scores: Sequence[Score]) -> list[Verdict]:
    """All images, best first, none of them kept yet."""
    by_path = {score.path: score.hyperiqa for score in scores}
    if by_path.keys() != {c.path for c in candidates}:
        raise UserError("the table and its scores list different images: run `dvc repro`")
    order = sorted(candidates, key=lambda c: (-by_path[c.path], c.path))
    return [
        Verdict(rank, c.path, c.section, c.sha256, c.bytes, by_path[c.path], kept=False, reason="")
        for rank, c in enumerate(order, start=1)
    ]


def cut(rows: Sequence[Verdict], policy: Policy, where: str) -> list[Verdict]:
    """Judge one group of ranked images.

    Raises:
        UserError: where more are asked for than there are, or none would be kept.
    """
    if policy.by == "count":
        if policy.count > len(rows):
            raise UserError(f"{where} asks for {policy.count:,} of only {len(rows):,}: lower it")
        kept, reason = policy.count, f"below the best {policy.count}"
    else:
        kept = sum(row.hyperiqa >= policy.score for row in rows)
        reason = f"below the score {policy.score:g}"
        if kept == 0:
            best = f"the best has {rows[0].hyperiqa:.6f}" if rows else "there are no images"
            raise UserError(f"{where} keeps none at {policy.score:g}: {best}: lower it")
    return [
        row._replace(kept=i < kept, reason="" if i < kept else reason) for i, row in enumerate(rows)
    ]


def judged(rows: Sequence[Verdict], cutoff: Cutoff, where: str) -> list[Verdict]:
    """Judge every group by its own policy."""
    sections = {row.section for row in rows}
    unknown = sorted(cutoff.per_section.keys() - sections)
    if unknown:
        raise UserError(
            f"{where}.per_section names {', '.join(unknown)}, but the sections are "
            f"{', '.join(sorted(sections))}: correct it"
        )
    groups: dict[str, list[Verdict]] = {name: [] for name in (ALL, *cutoff.per_section)}
    for row in rows:
        groups[row.section if row.section in cutoff.per_section else ALL].append(row)
    if sections <= cutoff.per_section.keys():
        del groups[ALL]
    policies: Mapping[str, Policy] = {ALL: cutoff} | cutoff.per_section
    verdicts = []
    for name, group in groups.items():
        policy = policies[name]
        key = f"{where}.{policy.by}" if name == ALL else f"{where}.per_section.{name}.{policy.by}"
        verdicts += cut(group, policy, key)
    return sorted(verdicts)


def summary(rows: Sequence[Verdict], score: float) -> dict[str, float]:
    """The numbers one looks at to choose a cutoff."""
    kept = [row for row in rows if row.kept]
    values = [row.hyperiqa for row in kept]
    return {
        "images": len(rows),
        "kept": len(kept),
        "mean": round(math.fsum(values) / len(values), 6),
        "min": min(values),
        "max": max(values),
        "bytes": sum(row.bytes for row in kept),
        "reach_score": sum(row.hyperiqa >= score for row in rows),
    }


def main(
    which: str, table: Path, scores: Path, verdicts: Path, metrics: Path, params: CutoffParams
) -> None:
    cutoff = {"images": params.images, "subimages": params.subimages}[which]
    rows = ranked(tables.read(table, Candidate), tables.read(scores, Score))
    rows = judged(rows, cutoff, f"cutoff.{which}")
    numbers = summary(rows, cutoff.score)
    tables.write(verdicts, Verdict, rows)
    tables.write_metrics(metrics, numbers)
    print(
        f"kept {numbers['kept']:,} of {numbers['images']:,} {which} · hyperiqa mean "
        f"{numbers['mean']:.6f}, min {numbers['min']:.6f}, max {numbers['max']:.6f} · "
        f"{numbers['bytes'] / 1e6:,.1f} MB · {numbers['reach_score']:,} reach {cutoff.score:g}"
    )


if __name__ == "__main__":
    run(main)
