"""What a choice of images is in figures.

Of columns, so that many choices of 50,000 images are counted in a moment. Scores have six decimals,
so sums are of whole millionths and exact: the report, `make what-if` and an experiment give the
same figures to the last digit.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stages.common.columns import Codes, Columns, Mask, Numbers


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


def of(c: Columns, mask: Mask) -> Figures:
    """The figures of a choice; at least one image is chosen."""
    scores = c.hyperiqa[mask]
    number = scores.size
    each = np.bincount(c.photograph[mask])
    return Figures(
        images=number,
        mean=mean(scores),
        lowest=float(scores[-1]),
        bytes=int(c.bytes[mask].sum()),
        photographs=int(np.count_nonzero(each)),
        largest_photograph=_share(int(each.max()), number),
        sections=_shares(c.sections, c.section[mask]),
        scales=_shares(c.scales, c.scale[mask]),
    )


def mean(scores: Numbers) -> float:
    """The mean of scores, at least one, with six decimals; exact, as `tables.mean`."""
    return round(int(np.rint(scores * 1e6).astype(np.int64).sum()) / scores.size / 1e6, 6)


def metrics(c: Columns, mask: Mask, report_at: float | None) -> dict[str, object]:
    """A choice of tiles in the figures that sets are compared by: reports/metrics.json. `reach` is
    how many of all tiles have the score `report_at` or a better one."""
    kept = of(c, mask)
    reach = {} if report_at is None else {"reach": int(np.count_nonzero(c.hyperiqa >= report_at))}
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


def _shares(names: Sequence[str], codes: Codes) -> dict[str, float]:
    counts = np.bincount(codes, minlength=len(names)).tolist()
    return {name: _share(n, len(codes)) for name, n in zip(names, counts, strict=False)}


def _share(part: int, whole: int) -> float:
    return round(part / whole, 6)
