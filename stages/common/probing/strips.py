"""Pictures of what the probe sees: bicubic | kept | all | HR, side by side."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from stages.common import files
from stages.common.measures.luma import Luma
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, filters, held
from stages.common.probing.equations import Floats
from stages.common.rows import Photograph, ProbedImage

SHOWN = 4  # photographs
CUT, LARGER, GAP = 128, 2, 4  # px of a part; by how much it is enlarged; px between two, white


def chosen(rows: Sequence[ProbedImage]) -> list[str]:
    """The photographs on which the kept set is worst and best beside all tiles, half of each."""
    classes = max(row.classes for row in rows)
    order = sorted(
        (row for row in rows if row.classes == classes),
        key=lambda row: (row.kept - row.all, row.photograph),
    )
    return [row.photograph for row in (*order[: SHOWN // 2], *order[-SHOWN // 2 :])]


def strip(hr: Luma, kept: Floats, every: Floats) -> Pixels:
    """The part of a photograph's luma where filters of the two sets differ most."""
    lr = equations.downscaled(hr)
    parts = [filters.bicubic(lr), filters.upscaled(lr, kept), filters.upscaled(lr, every), hr]
    side = min(CUT, *hr.shape)
    apart = np.abs(parts[1].astype(np.int32) - parts[2])
    places = [
        (top, left)
        for top in range(0, hr.shape[0] - side + 1, side // 2)
        for left in range(0, hr.shape[1] - side + 1, side // 2)
    ]
    top, left = max(places, key=lambda at: int(cut(apart, at, side).sum()))
    gap = np.full((side * LARGER, GAP), 255, np.uint8)
    row: list[Luma] = []
    for part in parts:
        row += [cut(part, (top, left), side).repeat(LARGER, axis=0).repeat(LARGER, axis=1), gap]
    grey = np.concatenate(row[:-1], axis=1)
    return np.repeat(grey[:, :, None], 3, axis=2)


def cut(values: Luma, at: tuple[int, int], side: int) -> Luma:
    """A square of an array."""
    return values[at[0] : at[0] + side, at[1] : at[1] + side]


def strips(
    photographs: Sequence[Photograph], folder: Path, rows: Sequence[ProbedImage], every: Floats
) -> dict[str, Pixels]:
    """A picture of each chosen photograph, by the name of its file; `every` are sets of filters in
    the order of `trial.filters_of`."""
    by_path = {row.path: row for row in photographs}
    found = {}
    for number, path in enumerate(chosen(rows), start=1):
        name = f"{number}_{files.plain_name(PurePosixPath(path).stem)[:60]}.png"
        found[name] = strip(held.read(by_path[path], folder), every[-1], every[-2])
    return found
