"""What the report shows of measures and rules: a histogram of each, and what each rule does."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from stages.common.columns import Columns, Mask
from stages.common.cutoff_params import Cutoff
from stages.common.pages import charts
from stages.common.what_if import ALL, NO_RULE, NOW, ONLY, WITHOUT, WhatIf

# Of each measure the end of its limit that one drags, and what it is.
MEASURES = {
    "blocks": ("max", "traces of JPEG's blocks"),
    "detail": ("min", "finest detail; low where enlarged or out of focus"),
    "noise": ("max", "noise, grey levels"),
    "bits": ("min", "bits a pixel as JPEG; low where flat"),
    "white": ("max", "share of white pixels"),
    "black": ("max", "share of black pixels"),
    "quality": ("min", "JPEG quality as the file says; 0 of other files"),
}


class Measured(NamedTuple):
    """A measure's histogram and the line on it."""

    name: str
    end: str  # of its limit that is dragged: min or max
    title: str
    low: float  # ends of the axis
    high: float
    chart: Markup


def histograms(c: Columns, kept: Mask, cutoff: Cutoff) -> list[Measured]:
    """Of every measure. Values beyond the axis, a few, are counted at its ends."""
    found = []
    for name, values in c.measures.items():
        end, what = MEASURES[name]
        low, high = charts.bounds(np.quantile(values, [0.005, 0.995]))
        limit = cutoff.limits.get(name)
        for own in (limit.min, limit.max) if limit else ():
            low, high = (low, high) if own is None else (min(low, own), max(high, own))
        shown = np.clip(values, low, high)
        drawn = charts.measure(name, shown, shown[kept], (low, high))
        title = f"{name}: {what}"
        found.append(Measured(name, end, title, low, high, Markup(drawn)))
    return found


class Rule(NamedTuple):
    """What a rule does."""

    rule: str
    alone: int | None  # how many it drops where nothing else does
    without: WhatIf | None  # the choice that is made without it
    gain: float  # of that choice's mean score


def effects(which: str, lines: Sequence[WhatIf]) -> list[Rule]:
    """Of every rule beside count and score."""
    own = [line for line in lines if (line.which, line.section) == (which, ALL)]
    by: dict[str, dict[str, WhatIf]] = {}
    for line in own:
        by.setdefault(line.by, {})[line.limit] = line
    only: dict[str, WhatIf] = by.get(ONLY, {})
    without: dict[str, WhatIf] = by.get(WITHOUT, {})
    if not only:
        return []
    every, now = only.pop(NO_RULE).images, by[NOW][""]

    def rule(name: str) -> Rule:
        alone = every - only[name].images if name in only else None
        other = without.get(name)
        return Rule(name, alone, other, other.mean - now.mean if other else 0.0)

    return [rule(name) for name in dict.fromkeys([*without, *only])]
