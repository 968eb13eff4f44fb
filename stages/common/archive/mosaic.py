"""The picture of a card: some tiles of a set, evenly over its ranks."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from stages.common import workers
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.rows import Lineage

MOST = 24
COLUMNS = 6
SIDE = 160  # px, of the square a tile is fitted into
GAP = 4  # px
PAPER = 255


def chosen(rows: Sequence[Lineage]) -> list[Lineage]:
    """Up to `MOST` rows, with the first and the last, at even distances."""
    number = min(MOST, len(rows))
    return [rows[i * (len(rows) - 1) // max(1, number - 1)] for i in range(number)]


def small(tile: tuple[Path, str]) -> Pixels:
    """A tile's pixels within `SIDE` x `SIDE` px, never enlarged."""
    image = Image.fromarray(images.read_checked(*tile))
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(image)


def mosaic(folder: Path, rows: Sequence[Lineage]) -> Pixels:
    """The tiles in rows of `COLUMNS`, in their order; at least one."""
    tiles = workers.ordered_map(small, [(folder / row.name, row.sha256) for row in rows])
    columns, step = min(COLUMNS, len(rows)), SIDE + GAP
    height, width = GAP + -(-len(rows) // COLUMNS) * step, GAP + columns * step
    paper = np.full((height, width, 3), PAPER, np.uint8)
    for i, tile in enumerate(tiles):
        top = GAP + i // COLUMNS * step + (SIDE - tile.shape[0]) // 2
        left = GAP + i % COLUMNS * step + (SIDE - tile.shape[1]) // 2
        paper[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return paper
