"""What other cutoffs would keep: other counts, other scores, and each rule alone and left away."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from stages.common import figures
from stages.common.columns import Codes, Columns, Mask
from stages.common.cutoff_params import OTHERS, Cutoff, ImagesCutoff, TilesCutoff
from stages.common.cutoffs import NEAR_DUPLICATE, decide

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
    """The same cutoff with a floor in place of its count, and of shares of scales, which are of a
    count."""
    shares = {"scales": None} if isinstance(cutoff, TilesCutoff) else {}
    return cutoff.model_copy(update={"count": None, "min_score": min_score} | shares)


class Choices:
    """What cutoffs keep of the same images. Other counts and floors of the same rules are cut from
    one choice where they only cut the ranking short, so that fifty tries take a moment."""

    def __init__(self) -> None:
        self._bare: list[tuple[Cut, Mask]] = []

    def chosen(self, c: Columns, cutoff: Cutoff) -> Mask:
        """Which images a cutoff keeps: as `decide`."""
        if not only_cuts_short(c, cutoff):
            return decide(c, cutoff).kept
        bare = uncounted(cutoff)
        for (columns, rules), kept in self._bare:
            if columns.likes is c.likes and rules == bare:
                return cut_short(c, kept, cutoff)
        self._bare.append(((c, bare), decide(c, bare).kept))
        return cut_short(c, self._bare[-1][1], cutoff)


def only_cuts_short(c: Columns, cutoff: Cutoff) -> bool:
    """Whether a count and a floor take from the choice without them what is last, and nothing else:
    what is dropped so must leave no room for what stays. It leaves none in its own photograph, and
    none to what it is like, where they are of one group and have one floor."""
    if any(rule.count != 0 for rule in cutoff.per_source.values()):
        return False
    if isinstance(cutoff, TilesCutoff) and cutoff.scales:
        return False
    if not any(rule.count != 0 for rule in cutoff.per_section.values()):
        return True
    alone = {name for name, rule in cutoff.per_section.items() if rule.count != 0}
    kinds = [i if name in alone else -1 for i, name in enumerate(c.sections)]
    kind: Codes = np.array(kinds, np.int32)[c.section]
    of_photograph = np.zeros(int(c.photograph.max(initial=-1)) + 1, np.int32)
    of_photograph[c.photograph] = kind
    if (of_photograph[c.photograph] != kind).any():
        return False
    if c.likes is None:
        return True
    one = np.repeat(kind, np.diff(c.likes.starts))
    return bool((one == kind[c.likes.others]).all())


def cut_short(c: Columns, kept: Mask, cutoff: Cutoff) -> Mask:
    """What of a choice reaches the floors, and of each group the best so many."""
    floors = [cutoff.floor(section) for section in c.sections]
    least = np.array([-math.inf if floor is None else floor for floor in floors])
    left: Mask = kept & (c.hyperiqa >= least[c.section])
    groups = [cutoff.group(section) for section in c.sections]
    for name in set(groups):
        most = cutoff.most(name)
        if most is not None:
            own = np.array([group == name for group in groups])[c.section]
            left[np.flatnonzero(left & own)[most:]] = False
    return left


def what_if(which: str, c: Columns, cutoff: C) -> list[WhatIf]:
    """What is kept now, by other counts and by other floors, and by each rule alone and without it;
    of each in total and by section."""
    chosen = Choices().chosen
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
    for name, own in cutoff.per_source.items():
        ends = (
            [f"below the score {cutoff.source_floor(name):g}"] if own.min_score is not None else []
        )
        ends += [f"beyond {own.count:,}"] if own.count else []
        if ends:
            yield f"source {name} {' or '.join(ends)}", _without_source(name)
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


def _without_source(name: str) -> Callable[[Cut], Cut]:
    def leave(cut: Cut) -> Cut:
        own = {other: rule for other, rule in cut[1].per_source.items() if other != name}
        return cut[0], cut[1].model_copy(update={"per_source": own})

    return leave


def _without_alike(cut: Cut) -> Cut:
    return cut[0]._replace(likes=None), cut[1]


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
