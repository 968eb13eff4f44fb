"""Which images each rule keeps, and what is planted for it to catch: the pure parts of
`bench_evidence`."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from bench import bench_measures
from stages.common import cutoffs, likes
from stages.common.columns import Columns, Likes, coded
from stages.common.cutoff_params import Cutoff, CutoffParams, NearDuplicates
from stages.common.measures.bits import bits
from stages.common.near import search
from stages.common.near.alike import Look
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.subimages_params import SubimagesParams
from stages.subimages import offsets

OF_IMAGES = ("blocks", "detail", "near-duplicates")
RULES = (*OF_IMAGES, "bits")  # with no count; `score`, the better part of the rest, comes last
TIMES = 2  # of enlarging
FLAT, STEP = 224, 46  # px: the side of a flat crop, and from one place that is tried to the next
COPIES = 4  # of a photograph
# 6 x 6 windows of a photograph of 500 px, of which neighbours share 60% by intersection over union.
WINDOWS = SubimagesParams(size=224, step=60, threshold=0, spacing="even", files="all")


class Item(NamedTuple):
    """An image that may be trained on."""

    path: str
    hyperiqa: float
    measures: Mapping[str, float]  # blocks, detail, bits
    photograph: str  # that it is of
    corner: tuple[int, int] = (0, 0)  # left and top there, px


def ranked(items: Sequence[Item]) -> list[Item]:
    """Best first, ties by path."""
    return sorted(items, key=lambda item: (-item.hyperiqa, item.path))


def alike(items: Sequence[Item], looks: Mapping[str, Look], near: NearDuplicates) -> Likes:
    """Which of some images, best first, are nearly the same picture."""
    pairs = search.pairs([looks[item.path] for item in items])
    pairs = pairs[(pairs["bits"] <= near.bits) | (pairs["distance"] <= near.distance)]
    nothing = np.zeros(len(items), np.bool_)
    return likes.near(pairs["other"], pairs["one"], pairs["bits"], pairs["distance"], nothing)


def overlapping(items: Sequence[Item], ceiling: float) -> Likes:
    """Which of some tiles, best first, share more than a part of their area."""
    boxes = np.array([(*item.corner, WINDOWS.size, WINDOWS.size) for item in items])
    photographs, _ = coded([item.photograph for item in items])
    order = np.array(
        sorted(range(len(items)), key=lambda i: (photographs[i], items[i].path)), np.int64
    )
    return likes.overlapping(boxes, photographs, order, ceiling)


def kept(items: Sequence[Item], cutoff: Cutoff, own: Likes | None) -> list[Item]:
    """What a cutoff keeps of some images, best first."""
    size = len(items)
    nothing, one = np.zeros(size, np.bool_), np.zeros(size, np.int32)
    columns = Columns(
        hyperiqa=np.array([item.hyperiqa for item in items]),
        bytes=np.zeros(size, np.int64),
        reserved=nothing,
        left_out={},
        section=one,
        source=one,
        scale=one,
        photograph=coded([item.photograph for item in items])[0],
        sections=["."],
        sources=["."],
        scales=["1"],
        measures={n: np.array([i.measures[n] for i in items]) for n in cutoff.limits},
        likes=own if own is not None and own.others.size else None,
    )
    found = cutoffs.decide(columns, cutoff).kept
    return [item for item, yes in zip(items, found.tolist(), strict=True) if yes]


def photographs(
    items: Sequence[Item],
    rules: Collection[str],
    params: CutoffParams,
    looks: Mapping[str, Look],
    share: float | None = None,
) -> list[Item]:
    """Of photographs, each of which is a tile, those that some of `RULES` keep, by the limits of
    `params`; and with `share` the better part of these by score."""
    some = ranked(items)
    near = params.images.near_duplicates if "near-duplicates" in rules else None
    plain: dict[str, object] = {
        "count": None,
        "min_score": None,
        "per_section": {},
        "per_source": {},
    }
    limits = {name: limit for name, limit in params.images.limits.items() if name in rules}
    first = params.images.model_copy(update=plain | {"limits": limits, "near_duplicates": near})
    some = kept(some, first, alike(some, looks, near) if near else None)
    some = tiles(some, rules, params)
    return some[: round(len(some) * share)] if share else some


def tiles(
    items: Sequence[Item], rules: Collection[str], params: CutoffParams, **most: int | None
) -> list[Item]:
    """Of tiles those that the rules `bits` and `overlap` keep, and at most so many: `count`, and
    `per_photograph`."""
    some = ranked(items)
    whole: dict[str, object] = {
        "min_score": None,
        "per_section": {},
        "per_source": {},
        "scales": None,
    }
    limits = {name: limit for name, limit in params.subimages.limits.items() if name in rules}
    overlap = params.subimages.overlap if "overlap" in rules else None
    own = {"limits": limits, "overlap": overlap}
    counts = {"count": None, "per_photograph": None} | most
    cutoff = params.subimages.model_copy(update=whole | own | counts)
    return kept(some, cutoff, overlapping(some, overlap) if overlap is not None else None)


def drawn(items: Sequence[Item], count: int, seed: int) -> list[Item]:
    """So many of some images by chance."""
    chosen = np.random.default_rng(seed).permutation(len(items))[:count]
    return [items[i] for i in chosen.tolist()]


def parts(items: Sequence[Item], held: int, seed: int) -> dict[str, list[Item]]:
    """What becomes of clean photographs, by chance: `held` of them are taken out; half of the
    others is the base, and the rest is `spoilt`, a third of it each way. `copied` are those of the
    base, as many as a third by `COPIES`, that get copies."""
    order = drawn(sorted(items, key=lambda item: item.path), len(items), seed)
    rest = order[held:]
    base, spoilt = rest[: len(rest) // 2], rest[len(rest) // 2 :]
    third = len(spoilt) // 3
    return {
        "held": order[:held],
        "base": base,
        "jpeg": spoilt[:third],
        "enlarged": spoilt[third:][:third],
        "spoilt": spoilt,
        "copied": base[: third // COPIES],
    }


def enlarged(pixels: Pixels) -> Pixels:
    """The middle, at twice its size."""
    return bench_measures.enlarged(pixels, TIMES)


def flattest(pixels: Pixels) -> tuple[float, Pixels]:
    """The window of the fewest `bits`, of several the first: these, and its pixels."""
    tops, lefts = (range(0, side - FLAT + 1, STEP) for side in pixels.shape[:2])
    found = [pixels[t : t + FLAT, k : k + FLAT] for t in tops for k in lefts]
    each = [bits(window) for window in found]
    return min(each), found[each.index(min(each))]


def middle(pixels: Pixels) -> Pixels:
    """The window in the middle, as large as a flat one."""
    top, left = ((side - FLAT) // 2 for side in pixels.shape[:2])
    return pixels[top : top + FLAT, left : left + FLAT]


def copies(pixels: Pixels) -> list[Pixels]:
    """Mirrored; without 5% at each edge; at 90% of its size; brighter by 10%."""
    height, width = pixels.shape[:2]
    down, across = height // 20, width // 20
    small = images.resize(pixels, width * 9 // 10, height * 9 // 10, Image.Resampling.LANCZOS)
    bright = np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(1.1))
    return [pixels[:, ::-1], pixels[down:-down, across:-across], small, bright]


def windows(pixels: Pixels) -> dict[tuple[int, int], Pixels]:
    """The tiles of a photograph, by left and top."""
    side = WINDOWS.size
    tops, lefts = (offsets(length, WINDOWS) for length in pixels.shape[:2])
    return {(k, t): pixels[t : t + side, k : k + side] for t in tops for k in lefts}


def members(items: Sequence[Item], sets: Sequence[Sequence[Item]]) -> NDArray[np.float64]:
    """1 where a set has an image, else 0: (sets, images)."""
    place = {item.path: i for i, item in enumerate(items)}
    found = np.zeros((len(sets), len(items)))
    for row, some in zip(found, sets, strict=True):
        row[[place[item.path] for item in some]] = 1
    return found
