"""What a choice of images is in figures.

Ranked images become columns once, so that many choices of 50,000 images are counted in a moment.
Scores have six decimals, so sums are of whole millionths and exact: the report, `make what-if` and
an experiment give the same figures to the last digit.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stages.common.cutoff_params import IMAGE_MEASURES, TILE_MEASURES, Cutoff, TilesCutoff
from stages.common.cutoffs import EARLIER, RESERVED, Known
from stages.common.rows import Decision, TileMeasures

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


class Columns(NamedTuple):
    """Ranked images, best first, as columns of length n."""

    hyperiqa: NDArray[np.float64]
    millionths: NDArray[np.int64]  # of the score
    bytes: NDArray[np.int64]
    earlier: Mask  # dropped before any limit
    reserved: Mask  # these are among them
    section: Codes  # places in `sections`
    scale: Codes
    photograph: Codes
    sections: Sequence[str]
    scales: Sequence[str]
    measures: Mapping[str, NDArray[np.float64]]
    alike: Mapping[int, Sequence[int]]  # by place, the better or reserved ones it is like


def columns(rows: Sequence[Decision], known: Known) -> Columns:
    """Of decided images. Without tiles each image is a photograph of its own, at no scale."""
    scores = np.array([row.hyperiqa for row in rows], np.float64)
    section, sections = _codes(row.section for row in rows)
    found = [known.tiles[row.path] for row in rows] if known.tiles else []
    scale, scales = _codes(tile.scale for tile in found)
    photograph, _ = _codes(tile.photograph_sha256 for tile in found)
    reserved = np.array([row.reason == RESERVED for row in rows], np.bool_)
    return Columns(
        hyperiqa=scores,
        millionths=np.rint(scores * 1e6).astype(np.int64),
        bytes=np.array([row.bytes for row in rows], np.int64),
        earlier=np.array([row.reason in EARLIER for row in rows], np.bool_),
        reserved=reserved,
        section=section,
        scale=scale if found else np.zeros(len(rows), np.intp),
        photograph=photograph if found else np.arange(len(rows)),
        sections=sections,
        scales=scales,
        measures=_measures(rows, known),
        alike=_alike(rows, known, reserved),
    )


def _measures(rows: Sequence[Decision], known: Known) -> dict[str, NDArray[np.float64]]:
    if not known.measures or not rows:
        return {}
    measured = [known.measures[row.path] for row in rows]
    names = TILE_MEASURES if isinstance(measured[0], TileMeasures) else IMAGE_MEASURES
    return {name: np.array([getattr(m, name) for m in measured], np.float64) for name in names}


def _alike(rows: Sequence[Decision], known: Known, reserved: Mask) -> dict[int, list[int]]:
    place = {row.path: i for i, row in enumerate(rows)} if known.alike else {}
    found = {}
    for path, others in known.alike.items():
        i = place[path]
        if near := [j for other, _ in others if (j := place[other]) < i or reserved[j]]:
            found[i] = near
    return found


def chosen(c: Columns, cutoff: Cutoff) -> Mask:
    """Which images a cutoff keeps: as `cutoffs.decided`, without the reasons. What is alike is that
    of `c`, whatever the cutoff says of it."""
    floors = [cutoff.floor(section) for section in c.sections]
    least = np.array([-math.inf if floor is None else floor for floor in floors])
    asked = ~c.earlier & (c.hyperiqa >= least[c.section])
    for name, limit in cutoff.limits.items():
        values = c.measures[name]
        if limit.min is not None:
            asked &= values >= limit.min
        if limit.max is not None:
            asked &= values <= limit.max
    kept = bytearray(c.reserved)  # they stand in the way of what is alike, as kept ones do
    ways = [_numbered(key, most) for key, most in _counted(c, cutoff)]
    alike = c.alike
    for i in np.flatnonzero(asked).tolist():
        if i in alike and any(kept[j] for j in alike[i]):
            continue
        if any(left[key[i]] <= 0 for key, left in ways):
            continue
        for key, left in ways:
            left[key[i]] -= 1
        kept[i] = 1
    mask: Mask = np.frombuffer(kept, np.bool_) & ~c.reserved
    return mask


def _counted(c: Columns, cutoff: Cutoff) -> Iterator[tuple[Codes, Sequence[float]]]:
    """What is counted: each image's group, and how many of each group are kept at most."""
    groups = [cutoff.group(section) for section in c.sections]
    names = sorted(set(groups))
    group = np.array([names.index(name) for name in groups], np.intp)[c.section]
    most = [cutoff.most(name) for name in names]
    yield group, [math.inf if n is None else n for n in most]
    if isinstance(cutoff, TilesCutoff) and cutoff.per_photograph is not None:
        yield c.photograph, [cutoff.per_photograph] * (int(c.photograph.max(initial=-1)) + 1)
    if isinstance(cutoff, TilesCutoff) and cutoff.scales is not None:
        shares = [{} if n is None else cutoff.scales.most(n) for n in most]
        free = [[own.get(scale, math.inf) for scale in c.scales] for own in shares]
        yield group * len(c.scales) + c.scale, [n for own in free for n in own]


def _numbered(key: Codes, most: Sequence[float]) -> tuple[list[int], list[float]]:
    """The same as lists, which are faster one by one."""
    return key.tolist(), list(most)


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
