"""What other cutoffs would keep: other counts, other scores, and each rule alone and left away."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.common import figures
from stages.common.cutoff_params import OTHERS, Cutoff, ImagesCutoff, TilesCutoff
from stages.common.cutoffs import NEAR_DUPLICATE
from stages.common.figures import Columns, Mask, chosen

STEPS = 10  # counts, and at least as many scores, that a what-if table tries
ROUND = (1000, 2000, 5000, 10000, 20000, 50000, 100000)  # millionths from one score to the next
ALL, NOW, BY_COUNT, BY_SCORE = "all", "now", "count", "min_score"
ONLY, WITHOUT = "only", "without"
NO_RULE, TOGETHER = "no rule", "all of these"
SCALES = "shares of scales"

C = TypeVar("C", bound=Cutoff)
Cut = tuple[Columns, Cutoff]


class WhatIf(NamedTuple):
    """What a cutoff would leave: reports/what_if.csv."""

    which: str  # images or subimages
    section: str  # or all
    by: str  # now, as params.yaml has it; count, min_score; only, without: one of its rules
    limit: str  # or the rule
    images: int
    mean: float
    lowest: float
    bytes: int
    photographs: int
    largest_photograph: float
    scales: str  # as `1 40%, 0.75 60%`


def by_count(cutoff: C, count: int) -> C:
    """The same cutoff with another count."""
    return cutoff.model_copy(update={"count": count})


def by_score(cutoff: C, min_score: float) -> C:
    """The same cutoff with a floor in place of its count."""
    return cutoff.model_copy(update={"count": None, "min_score": min_score})


def what_if(which: str, c: Columns, cutoff: C) -> list[WhatIf]:
    """What is kept now, by other counts and by other floors, and by each rule alone and without it;
    of each in total and by section."""
    every = chosen(c, cutoff.model_copy(update={"count": None}))
    shared = np.array([cutoff.group(section) == OTHERS for section in c.sections])[c.section]
    most = int((every & shared).sum())
    counts = [math.ceil(most * step / STEPS) for step in range(1, STEPS + 1)] if most else []
    tried: list[tuple[str, str, Columns, Cutoff]] = [(NOW, "", c, cutoff)]
    tried += [(BY_COUNT, str(n), c, by_count(cutoff, n)) for n in dict.fromkeys(counts)]
    tried += [(BY_SCORE, f"{s:g}", c, by_score(cutoff, s)) for s in scores_between(c.millionths)]
    tried += rules_tried(c, cutoff)
    return [
        line
        for by, limit, own, other in tried
        for line in what_if_lines(which, by, limit, own, chosen(own, other))
    ]


def rules_tried(c: Columns, cutoff: Cutoff) -> Iterator[tuple[str, str, Columns, Cutoff]]:
    """Of every rule beside count and score: the choice by none of them, by it only, by all of them
    together, and the choice of the cutoff without it."""
    leaving = dict(rules(cutoff)) if c.hyperiqa.size else {}
    bare = uncounted(cutoff)
    if leaving:
        yield ONLY, NO_RULE, *without((c, bare), list(leaving.values()))
    for name in leaving:
        if name != SCALES:  # shares are of a count
            rest = [leave for other, leave in leaving.items() if other != name]
            yield ONLY, name, *without((c, bare), rest)
    if len(leaving.keys() - {SCALES}) > 1:
        yield ONLY, TOGETHER, *without((c, bare), [leaving[s] for s in (SCALES,) if s in leaving])
    for name, leave in leaving.items():
        yield WITHOUT, name, *leave((c, cutoff))


def rules(cutoff: Cutoff) -> Iterator[tuple[str, Callable[[Cut], Cut]]]:
    """The name of every rule, and how it is left away."""
    for name, limit in cutoff.limits.items():
        ends = [f"below {limit.min:g}"] if limit.min is not None else []
        ends += [f"above {limit.max:g}"] if limit.max is not None else []
        yield f"{name} {' or '.join(ends)}", _without_limit(name)
    if isinstance(cutoff, ImagesCutoff) and cutoff.near_duplicates:
        yield NEAR_DUPLICATE, _without_alike
    if isinstance(cutoff, TilesCutoff):
        if cutoff.overlap is not None:
            yield f"overlap above {cutoff.overlap:g}", _without_alike
        if cutoff.per_photograph is not None:
            yield f"beyond {cutoff.per_photograph:,} of a photograph", _setting(per_photograph=None)
        if cutoff.scales is not None:
            yield SCALES, _setting(scales=None)


def uncounted(cutoff: Cutoff) -> Cutoff:
    """The same rules without a count and a floor; a section that is left out stays so."""
    out = {name: rule for name, rule in cutoff.per_section.items() if rule.count == 0}
    return cutoff.model_copy(update={"count": None, "min_score": None, "per_section": out})


def without(cut: Cut, leaving: list[Callable[[Cut], Cut]]) -> Cut:
    """A cut without several rules."""
    for leave in leaving:
        cut = leave(cut)
    return cut


def _without_limit(name: str) -> Callable[[Cut], Cut]:
    def leave(cut: Cut) -> Cut:
        limits = {other: limit for other, limit in cut[1].limits.items() if other != name}
        return cut[0], cut[1].model_copy(update={"limits": limits})

    return leave


def _without_alike(cut: Cut) -> Cut:
    return cut[0]._replace(alike={}), cut[1]


def _setting(**values: None) -> Callable[[Cut], Cut]:
    return lambda cut: (cut[0], cut[1].model_copy(update=values))


def what_if_lines(which: str, by: str, limit: str, c: Columns, mask: Mask) -> Iterator[WhatIf]:
    """A choice in total and, where there are several, by section; nothing of what is empty."""
    parts = {ALL: mask}
    if len(c.sections) > 1:
        parts |= {name: mask & (c.section == i) for i, name in enumerate(c.sections)}
    for section, part in parts.items():
        if part.any():
            kept = figures.of(c, part)
            yield WhatIf(
                which=which,
                section=section,
                by=by,
                limit=limit,
                images=kept.images,
                mean=kept.mean,
                lowest=kept.lowest,
                bytes=kept.bytes,
                photographs=kept.photographs,
                largest_photograph=kept.largest_photograph,
                scales=", ".join(f"{name} {share:.0%}" for name, share in kept.scales.items()),
            )


def scores_between(millionths: NDArray[np.int64]) -> list[float]:
    """Round scores from above the lowest to the highest, `STEPS` to about three times as many."""
    low, high = int(millionths.min()), int(millionths.max())
    step = next((s for s in reversed(ROUND) if (high - low) / s >= STEPS), ROUND[0])
    return [i * step / 1e6 for i in range(low // step + 1, high // step + 1)]
