"""Which squares of a picture the network looks at, and how much each of them counts.

A policy turns a picture of any size into crops of 224 x 224 px and weights that sum to 1; the
picture's score is the weighted mean of its crops' scores. `plan` needs the picture's size alone, so
the work can be counted and shared out before a file is opened; `extract` takes any part of the
crops, so those of a picture of 200 megapixels need never be in memory together.

- `cover`: the even grid of the fewest crops that reaches every pixel, k = ceil(n / 224) along a
  side of n px. Neighbours overlap by (224 k - n) / (k - 1) px on average: 80 at 512 (3 x 3 crops),
  86 at 500 (3 x 3), 24 at 1024 (5 x 5), and 0 where n is a multiple of 224. More rows would show no
  new pixel, and cost time with every picture. A side below 224 is enlarged to 224.
- `pyiqa`: today's grid of pyiqa (https://github.com/chaofengc/IQA-PyTorch, since v0.1.12,
  13 August 2024): 5 x 5, steps of floor((n - 224) / 5), which stop short of the right and bottom
  edge. Where the shorter side is at most 224, the picture is enlarged by 225 / that side, and the
  enlarged pixels are not rounded. Crops that coincide are one crop of more weight.
- `random`: 25 crops anywhere, as pyiqa took them from July to October 2023, but drawn from the
  picture's own hash. A side below 224 is enlarged to 224; pyiqa raised an error for it.
- `original`: the demo of the authors (https://github.com/SSL92/hyperIQA, demo.py): the picture is
  squeezed to a width of 384 and a height of 512 whatever its shape, bilinear with antialias by
  Pillow, and 10 crops are drawn, here from its hash.
"""

import hashlib
import math
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CROP = 224  # side of a crop, px
GRID = 5  # crops along a side under `pyiqa`
DRAWS = {"random": 25, "original": 10}  # crops that are drawn
DEMO = (384, 512)  # width and height that the authors' demo resizes to, px

# Version of each policy, part of a stored score's key: raised when its crops or weights change.
POLICIES = {"cover": 1, "pyiqa": 1, "random": 1, "original": 1}


@dataclass(frozen=True)
class Plan:
    """The crops of one picture under one policy.

    Attributes:
        size: width and height of the picture as it is given to `extract`, px.
        squeeze: width and height it is resized to before anything else, or None.
        enlarge: factor its sides are then enlarged by, at least 1.
        boxes: left and top of each crop in the picture that results, px; a grid's row by row.
        weights: (K,) float32, one for each box, summing to 1.
        dtype: of the crops; uint8, or float32 where enlarged pixels are not rounded.
    """

    size: tuple[int, int]
    squeeze: tuple[int, int] | None
    enlarge: float
    boxes: tuple[tuple[int, int], ...]
    weights: NDArray[np.float32]
    dtype: type[np.uint8] | type[np.float32]


def plan(policy: str, width: int, height: int, *, seed: str) -> Plan:
    """Lay out the crops of a picture of `width` x `height` px, both at least 1.

    `policy` is a key of `POLICIES`. `seed` is the SHA-256 of the picture's file in hexadecimal
    digits; only the policies that draw look at it. Same size and seed, same crops, for ever.
    """
    assert policy in POLICIES, policy
    squeeze = DEMO if policy == "original" else None
    sides, enlarge = _enlarged(policy, *(squeeze or (width, height)))
    lefts, tops = (_offsets(policy, side) for side in sides)
    if policy in DRAWS:
        boxes = tuple(_drawn(f"{policy} {seed} {i}", sides) for i in range(DRAWS[policy]))
        counts = [1] * len(boxes)
    else:
        boxes = tuple((left, top) for top, left in product(tops, lefts))
        counts = [tops[top] * lefts[left] for left, top in boxes]
    return Plan(
        size=(width, height),
        squeeze=squeeze,
        enlarge=enlarge,
        boxes=boxes,
        weights=(np.array(counts) / sum(counts)).astype(np.float32),
        dtype=np.float32 if policy == "pyiqa" and enlarge > 1 else np.uint8,
    )


def count(policy: str, width: int, height: int) -> int:
    """How many crops `plan` lays out for a picture of `width` x `height` px; no seed changes it."""
    assert policy in POLICIES, policy
    if policy in DRAWS:
        return DRAWS[policy]
    sides, _ = _enlarged(policy, width, height)
    return math.prod(len(_offsets(policy, side)) for side in sides)


def extract(
    image: NDArray[np.uint8], layout: Plan, *, first: int = 0, last: int | None = None
) -> NDArray[Any]:
    """Cut the crops `first` to `last` (exclusive; None: all that follow) out of a picture.

    Args:
        image: (height, width, 3), RGB, of the size the plan was made for.
        layout: the plan.

    Returns:
        (n, 224, 224, 3), RGB in 0..255, of the plan's dtype.
    """
    assert image.shape == (layout.size[1], layout.size[0], 3), (image.shape, layout.size)
    if layout.squeeze is not None:
        image = np.asarray(Image.fromarray(image).resize(layout.squeeze, Image.Resampling.BILINEAR))
    boxes = layout.boxes[first:last]
    crops = np.empty((len(boxes), CROP, CROP, 3), layout.dtype)
    for crop, (left, top) in zip(crops, boxes, strict=True):
        if layout.enlarge == 1:
            crop[:] = image[top : top + CROP, left : left + CROP]
        else:
            pixels = _sampled(image, left, top, layout.enlarge)
            crop[:] = pixels if layout.dtype is np.float32 else np.rint(pixels)
    return crops


def prepare(
    image: NDArray[np.uint8], policy: str, *, seed: str
) -> tuple[NDArray[Any], NDArray[np.float32]]:
    """All crops of a picture (height, width, 3) and their weights; see `plan` and `extract`."""
    layout = plan(policy, image.shape[1], image.shape[0], seed=seed)
    return extract(image, layout), layout.weights


def _enlarged(policy: str, width: int, height: int) -> tuple[tuple[int, int], float]:
    """Width and height after enlarging, both at least 224, and the factor, 1 if none is needed."""
    shorter = min(width, height)
    if policy == "pyiqa":
        if shorter > CROP:
            return (width, height), 1.0
        factor = (CROP + 1) / shorter
        # Rounded down as pyiqa does it: 21 * (225 / 21) is a hair below 225 and gives 224.
        return (math.floor(width * factor), math.floor(height * factor)), factor
    if shorter >= CROP:
        return (width, height), 1.0
    return (width * CROP // shorter, height * CROP // shorter), CROP / shorter


def _offsets(policy: str, side: int) -> dict[int, int]:
    """Where a grid's crops begin along a side of at least 224 px, and how often each counts."""
    if policy == "pyiqa":
        step = (side - CROP) // GRID
        return {i * step: 1 for i in range(GRID)} if step else {0: GRID}
    gaps = math.ceil(side / CROP) - 1
    return {round(i * (side - CROP) / max(gaps, 1)): 1 for i in range(gaps + 1)}


def _drawn(key: str, sides: tuple[int, int]) -> tuple[int, int]:
    """Draw a left and top, each uniform.

    By a hash, because a library's random stream may change with its version.
    """
    digest = hashlib.sha256(key.encode()).digest()
    left, top = (
        int.from_bytes(digest[16 * i : 16 * i + 16], "big") % (side - CROP + 1)
        for i, side in enumerate(sides)
    )
    return left, top


def _sampled(image: NDArray[np.uint8], left: int, top: int, factor: float) -> NDArray[np.float64]:
    """Take the crop at `left`, `top` of the picture enlarged by `factor`.

    Bilinear, pixel centres at halves; only the crop's own pixels are computed.
    """
    above, below, down = _neighbours(top, factor, image.shape[0])
    before, after, along = _neighbours(left, factor, image.shape[1])
    down, along = down[:, None, None], along[:, None]
    upper = image[np.ix_(above, before)] * (1 - along) + image[np.ix_(above, after)] * along
    lower = image[np.ix_(below, before)] * (1 - along) + image[np.ix_(below, after)] * along
    return upper * (1 - down) + lower * down


def _neighbours(
    start: int, factor: float, side: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Give, for 224 enlarged pixels, the source pixels before and after and the latter's share."""
    # In float32, as PyTorch has it: exact positions move a score by up to 5e-6.
    scale = np.float32(1 / factor)
    position = scale * np.arange(start + 0.5, start + CROP, dtype=np.float32) - np.float32(0.5)
    position = np.clip(position, 0, side - 1)
    before = position.astype(np.int64)
    return before, np.minimum(before + 1, side - 1), position - before
