"""What a choice of images is in figures, and what other cutoffs would choose.

Ranked images become columns once, so that many choices of 50,000 images are counted in a moment.
Scores have six decimals, so sums are of whole millionths and exact: the report, `make what-if` and
an experiment give the same figures to the last digit.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common.cutoffs import EARLIER, OTHERS, Cutoff
from stages.common.rows import Decision, Tile

STEPS = 10  # counts, and at least as many scores, that a what-if table tries
ROUND = (1000, 2000, 5000, 10000, 20000, 50000, 100000)  # millionths from one score to the next
ALL, NOW, BY_COUNT, BY_SCORE = "all", "now", "count", "min_score"

Mask = NDArray[np.bool_]
Codes = NDArray[np.intp]


class Figures(NamedTuple):
    """A choice of images. Shares are 0..1."""

    images: int
    mean: float  # of the scores
    lowest: float
    bytes: int
    photographs: int
    largest_photograph: float  # the share of the images that come from one photograph, at most
    sections: dict[str, float]  # the share of each
    scales: dict[str, float]


class WhatIf(NamedTuple):
    """What a cutoff would leave: reports/what_if.csv."""

    which: str  # images or subimages
    section: str  # or all
    by: str  # count, min_score; or now, as params.yaml has it
    limit: str
    images: int
    mean: float
    lowest: float
    bytes: int
    photographs: int
    largest_photograph: float
    scales: str  # as `1 40%, 0.75 60%`


class Columns(NamedTuple):
    """Ranked images, best first, as columns of length n."""

    hyperiqa: NDArray[np.float64]
    millionths: NDArray[np.int64]  # of the score
    bytes: NDArray[np.int64]
    earlier: Mask  # dropped before any limit
    section: Codes  # places in `sections`
    scale: Codes
    photograph: Codes
    sections: Sequence[str]
    scales: Sequence[str]


def columns(rows: Sequence[Decision], tiles: Mapping[str, Tile] | None = None) -> Columns:
    """Of decided images. `tiles`, by path, know scale and photograph; without them each image is a
    photograph of its own, at no scale."""
    scores = np.array([row.hyperiqa for row in rows], np.float64)
    section, sections = _codes(row.section for row in rows)
    found = [tiles[row.path] for row in rows] if tiles is not None else []
    scale, scales = _codes(tile.scale for tile in found)
    photograph, _ = _codes(tile.photograph_sha256 for tile in found)
    return Columns(
        hyperiqa=scores,
        millionths=np.rint(scores * 1e6).astype(np.int64),
        bytes=np.array([row.bytes for row in rows], np.int64),
        earlier=np.array([row.reason in EARLIER for row in rows], np.bool_),
        section=section,
        scale=scale if found else np.zeros(len(rows), np.intp),
        photograph=photograph if found else np.arange(len(rows)),
        sections=sections,
        scales=scales,
    )


def chosen(c: Columns, cutoff: Cutoff) -> Mask:
    """Which images a cutoff keeps: as `cutoffs.decided`, without the reasons."""
    floors = [cutoff.floor(section) for section in c.sections]
    least = np.array([-math.inf if floor is None else floor for floor in floors])
    mask: Mask = ~c.earlier & (c.hyperiqa >= least[c.section])
    groups = [cutoff.group(section) for section in c.sections]
    for group in set(groups):
        most = cutoff.most(group)
        if most is not None:
            members = mask & np.array([name == group for name in groups])[c.section]
            mask &= ~members | (np.cumsum(members) <= most)
    return mask


def of(c: Columns, mask: Mask) -> Figures:
    """The figures of a choice; at least one image is chosen."""
    number = int(mask.sum())
    return Figures(
        images=number,
        mean=round(int(c.millionths[mask].sum()) / number / 1e6, 6),
        lowest=float(c.hyperiqa[mask][-1]),
        bytes=int(c.bytes[mask].sum()),
        photographs=int(np.unique(c.photograph[mask]).size),
        largest_photograph=_share(int(np.bincount(c.photograph[mask]).max()), number),
        sections=_shares(c.sections, c.section[mask]),
        scales=_shares(c.scales, c.scale[mask]),
    )


def metrics(c: Columns, mask: Mask, report_at: float | None) -> dict[str, object]:
    """A choice of tiles in the figures that sets are compared by: reports/metrics.json. `reach` is
    how many of all tiles have the score `report_at` or a better one."""
    kept = of(c, mask)
    reach = {} if report_at is None else {"reach": int((c.hyperiqa >= report_at).sum())}
    return {
        "tiles": kept.images,
        "mean": kept.mean,
        "lowest": kept.lowest,
        **reach,
        "GB": round(kept.bytes / 1e9, 4),
        "photographs": kept.photographs,
        "largest_photograph": kept.largest_photograph,
        "sections": kept.sections,
        "scales": kept.scales,
    }


def by_count(cutoff: Cutoff, count: int) -> Cutoff:
    """The same cutoff with another count."""
    return cutoff.model_copy(update={"count": count})


def by_score(cutoff: Cutoff, min_score: float) -> Cutoff:
    """The same cutoff with a floor in place of its count."""
    return cutoff.model_copy(update={"count": None, "min_score": min_score})


def what_if(which: str, c: Columns, cutoff: Cutoff) -> list[WhatIf]:
    """What is kept now, by other counts and by other floors; of each in total and by section."""
    every = chosen(c, cutoff.model_copy(update={"count": None}))
    shared = np.array([cutoff.group(section) == OTHERS for section in c.sections])[c.section]
    most = int((every & shared).sum())
    counts = [math.ceil(most * step / STEPS) for step in range(1, STEPS + 1)] if most else []
    tried = [(NOW, "", cutoff)]
    tried += [(BY_COUNT, str(n), by_count(cutoff, n)) for n in dict.fromkeys(counts)]
    tried += [(BY_SCORE, f"{s:g}", by_score(cutoff, s)) for s in scores_between(c.millionths)]
    return [
        line
        for by, limit, other in tried
        for line in what_if_lines(which, by, limit, c, chosen(c, other))
    ]


def what_if_lines(which: str, by: str, limit: str, c: Columns, mask: Mask) -> Iterator[WhatIf]:
    """A choice in total and, where there are several, by section; nothing of what is empty."""
    parts = {ALL: mask}
    if len(c.sections) > 1:
        parts |= {name: mask & (c.section == i) for i, name in enumerate(c.sections)}
    for section, part in parts.items():
        if part.any():
            kept = of(c, part)
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


def _codes(names: Iterable[str]) -> tuple[Codes, list[str]]:
    """Each name's place among the different names, which are sorted."""
    listed = list(names)
    different = sorted(set(listed))
    place = {name: i for i, name in enumerate(different)}
    return np.array([place[name] for name in listed], np.intp), different


def _shares(names: Sequence[str], codes: Codes) -> dict[str, float]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: _share(n, len(codes)) for name, n in zip(names, counts, strict=False)}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6)
