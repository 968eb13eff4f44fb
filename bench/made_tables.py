"""Tables as a run leaves them before a cutoff, of as many rows as one likes, always the same ones.

Tiles are of photographs with 65 each, at two scales, some of which share more than half; scores
have ties; some names need quotes. The same folder holds what a cutoff reads beside them.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from stages.common.rows import (
    ImageMeasures,
    Neighbours,
    Photograph,
    Score,
    Tile,
    TileMeasures,
)
from stages.common.tables import quoted

SIDE = 512  # px, of a tile
SIZES = {"1": (1632, 1472), "0.75": (1224, 1472)}  # px, of a photograph at a scale
GRIDS = {"1": (8, 5), "0.75": (5, 5)}  # tiles a scale, across and down
ACROSS, DOWN = 160, 240  # px from one to the next: neighbours in a line share 0.52, others less
EACH = sum(across * down for across, down in GRIDS.values())  # tiles of a photograph
SECTIONS = ("faces", "nature", "places, and streets")
PAIRS = 20  # one photograph in so many is like the one before
AT_ONCE = 100_000  # rows that are made at once
SEED = 0
KEPT = 5  # one row in so many is kept

PARAMS = """
cutoff:
  images: {{count: {images}, min_score: null, report_at: 0.5, limits: {{blocks: {{max: 0.05}},
    detail: {{min: 0.025}}}}, near_duplicates: {{bits: 32, distance: 0.2}}, per_section: {{}}}}
  subimages: {{count: {subimages}, min_score: null, report_at: 0.5, limits: {{bits: {{min: 0.3}}}},
    overlap: 0.5, per_photograph: 30, scales: null, per_section: {{}}}}
validation: {{picks: []}}
"""


def photograph(i: int) -> str:
    """The path of a photograph."""
    return f"{SECTIONS[i % len(SECTIONS)]}/{i % 7}/{i:08d}.jpg"


def boxes() -> list[tuple[str, int, int]]:
    """Scale, left and top of the tiles of a photograph."""
    return [
        (scale, x * ACROSS, y * DOWN)
        for scale, (across, down) in GRIDS.items()
        for y in range(down)
        for x in range(across)
    ]


def tiles(start: int, stop: int) -> Iterator[tuple[object, ...]]:
    """Rows of subimages.csv."""
    places = boxes()
    for i in range(start, stop):
        number, k = divmod(i, EACH)
        whole, (scale, left, top) = photograph(number), places[k]
        parent = f"{whole[:-4]}-1f2e3d4cT{scale}"
        of = hashlib.sha256(b"%d" % number).hexdigest()
        yield Tile(
            path=f"{parent}_s{k:03d}.png",
            section=SECTIONS[number % len(SECTIONS)],
            pixels=hashlib.sha256(b"%d 1" % i).hexdigest(),
            parent=f"{parent}.png",
            scale=scale,
            scaled_width=SIZES[scale][0],
            scaled_height=SIZES[scale][1],
            left=left,
            top=top,
            width=SIDE,
            height=SIDE,
            photograph=whole,
            photograph_sha256=of,
            source="ours",
        )


def photographs(start: int, stop: int) -> Iterator[tuple[object, ...]]:
    """Rows of screened.csv."""
    for i in range(start, stop):
        sha256, pixels, dhash = (hashlib.sha256(b"%d %d" % (i, j)).hexdigest() for j in range(3))
        yield Photograph(
            *(photograph(i), SECTIONS[i % len(SECTIONS)], sha256, 1600, 1200),
            *(400_000 + i * 7919 % 200_000, "JPEG RGB", pixels, dhash, "ours"),
        )


def make(folder: Path, rows: int) -> None:
    """Write the tables of so many tiles and of as many photographs."""
    folder.mkdir(parents=True, exist_ok=True)
    for which in ("images", "subimages"):
        _make(folder, which, rows)
    with (folder / "neighbours.csv").open("w") as file:
        file.write(",".join(Neighbours._fields) + "\n")
        for i in range(len(SECTIONS), rows, PAIRS):
            one, other = sorted((photograph(i - len(SECTIONS)), photograph(i)))
            file.write(f"{quoted(one)},{quoted(other)},{i % 64},{0.1 + i % 3 / 10:.6f}\n")
    (folder / "reference.csv").write_text("path,sha256,hyperiqa\n")
    (folder / "leave_out.csv").write_text(f"image,reason\n{quoted(photograph(1))},a watermark\n")
    count = max(1, rows // KEPT)
    (folder / "params.yaml").write_text(PARAMS.format(images=count, subimages=count))


def _make(folder: Path, which: str, rows: int) -> None:
    generator = np.random.default_rng(SEED)
    kind: Any = {"images": Photograph, "subimages": Tile}[which]
    measures: Any = {"images": ImageMeasures, "subimages": TileMeasures}[which]
    with (
        (folder / f"{which}.csv").open("w") as table,
        (folder / f"scores_{which}.csv").open("w") as scores,
        (folder / f"measures_{which}.csv").open("w") as measured,
    ):
        for file, names in ((table, kind), (scores, Score), (measured, measures)):
            file.write(",".join(names._fields) + "\n")
        for start in range(0, rows, AT_ONCE):
            stop = min(rows, start + AT_ONCE)
            made = {"images": photographs, "subimages": tiles}[which](start, stop)
            values = generator.random((stop - start, len(measures._fields)))
            values[:, 0] = np.rint(generator.normal(0.6, 0.08, stop - start) * 1e5) / 1e5
            if which == "images":  # few are beyond their limits
                values[:, 1:3] = values[:, 1:3] * 0.06 + [[0, 0.02]]
                values[:, -1] = np.rint(values[:, -1] * 100)
            _write((table, scores, measured), made, values.tolist(), which)


def _write(
    into: tuple[IO[str], ...], made: Iterator[Any], values: list[list[float]], which: str
) -> None:
    table, scores, measured = into
    for row, (score, *own, last) in zip(made, values, strict=True):
        key = f"{quoted(row.path)},{row.pixels if which == 'subimages' else row.sha256}"
        table.write(",".join([quoted(str(value)) for value in row]) + "\n")
        scores.write(f"{key},{score:.6f}\n")
        shown = [f"{value:.6f}" for value in own]
        shown[-1] = f"{last:.0f}" if which == "images" else f"{300_000 + 200_000 * last:.0f}"
        measured.write(",".join([key, *shown]) + "\n")
