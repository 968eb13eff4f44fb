"""Degrade photographs that the scorer has never seen, and count how often it sees that they are
worse.

Takes:  the sample photographs (no training image among them); the released weights.
Leaves: order.csv (`Share`), the share of pairs in the right order by view, kind and level; the
        totals as metrics.
Rule:   each photograph is degraded whole. It is looked at in three views: as it is, scaled down to
        a longer side of 1024 px, and as tiles of 512 px at places drawn once for each photograph.
        Two pairs for each level: with the original, and with the next weaker level (the original,
        for the weakest).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from torch import nn
from tqdm import tqdm

from stages.common import tables
from stages.common.cli import run
from stages.common.pixels import images
from training.degradations import Pixels, degrade
from training.scoring import load, score

LEVELS = {
    "blur": (0.7, 1.0, 2.0, 4.0),
    "noise": (4.0, 8.0, 16.0, 32.0),
    "jpeg": (60.0, 40.0, 20.0, 10.0),
    "downup": (1.5, 2.0, 3.0, 4.0),
}
TILE = 512  # px
TILES = 3  # a photograph
SMALL = 1024  # px
TROUBLES = "troubles"  # the section whose files are no good photographs


class Share(NamedTuple):
    """A row of order.csv."""

    view: str  # photograph, 1024 px or tile
    kind: str
    level: float
    pairs: int
    below_original: float  # share of pairs, 0..1
    below_weaker: float
    drop: float  # mean of the original's score less this one's


def views(image: Image.Image, small: Image.Image, seed: int) -> dict[str, list[Pixels]]:
    """What is scored of a photograph and of its smaller version; same seed, same tiles."""
    rng = np.random.default_rng(seed)
    pixels = np.asarray(image)
    corners = [
        (rng.integers(image.height - TILE + 1), rng.integers(image.width - TILE + 1))
        for _ in range(TILES)
    ]
    tiles = [pixels[top : top + TILE, left : left + TILE] for top, left in corners]
    return {"photograph": [pixels], "1024 px": [np.asarray(small)], "tile": tiles}


def scores(
    network: nn.Module, photograph: Pixels, kind: str, seed: int
) -> dict[str, list[list[float]]]:
    """Of each view, each item's scores: the original's, then those of `kind`, weakest first."""
    image = Image.fromarray(photograph)
    longer = max(image.size)
    small = image.resize(
        (round(image.width * SMALL / longer), round(image.height * SMALL / longer)),
        Image.Resampling.LANCZOS,
    )
    versions = [(image, small)] + [
        (
            degrade(image, kind, level, np.random.default_rng(seed)),
            degrade(small, kind, level, np.random.default_rng(seed)),
        )
        for level in LEVELS[kind]
    ]
    found = [
        {view: [score(network, item) for item in items] for view, items in looks.items()}
        for looks in (views(*version, seed) for version in versions)
    ]
    return {
        view: [list(item) for item in zip(*(f[view] for f in found), strict=True)]
        for view in found[0]
    }


def shares(view: str, kind: str, items: list[list[float]]) -> list[Share]:
    """Count the pairs of a view and kind; an item is the original's score, then each level's."""
    table = np.array(items)
    rows = []
    for i, level in enumerate(LEVELS[kind], start=1):
        rows.append(
            Share(
                view,
                kind,
                level,
                len(table),
                float((table[:, i] < table[:, 0]).mean()),
                float((table[:, i] < table[:, i - 1]).mean()),
                float((table[:, 0] - table[:, i]).mean()),
            )
        )
    return rows


def total(rows: list[Share], column: str) -> float:
    """The share of all pairs that are in the right order, by a column of `Share`."""
    right = sum(row.pairs * float(getattr(row, column)) for row in rows)
    return round(right / sum(row.pairs for row in rows), 4)


def main(samples: Path, weights: Path, table: Path, metrics: Path) -> None:
    network = load(weights)
    photographs = [
        images.read(path)
        for path in sorted(samples.glob("*/*.jpg"))
        if path.parent.name != TROUBLES
    ]
    rows: list[Share] = []
    for kind in tqdm(LEVELS, desc="order", unit="kind"):
        found: dict[str, list[list[float]]] = {}
        for seed, photograph in enumerate(photographs):
            for view, items in scores(network, photograph, kind, seed).items():
                found.setdefault(view, []).extend(items)
        rows += [share for view, items in found.items() for share in shares(view, kind, items)]
    tables.write(table, Share, rows)
    columns = ("below_original", "below_weaker")
    totals = {column: total(rows, column) for column in columns}
    tables.write_numbers(metrics, {"photographs": len(photographs), **totals})
    print(" · ".join(f"{name} {value:.2%}" for name, value in totals.items()))


if __name__ == "__main__":
    run(main)
