"""Cut each image into square sub-images, the tiles.

Takes:  multiscale/; multiscale.csv.
Leaves: subimages/<name>_s001.png, lossless; subimages.csv (`Tile`); subimages_rejected.csv;
        thumbnails of the tiles, in the order of each image's own (common/pages/thumbnails.py).
Rule:   windows of `size` px every `step` px, and a last one at the edge where more than
        `threshold` px are left over; `spacing: even` spreads the same number of windows evenly.
        An image smaller than a window is rejected with the reason.
Source: BasicSR, scripts/data_preparation/extract_subimages.py (windows and pixels equal).
        https://github.com/XPixelGroup/BasicSR
"""

import hashlib
from collections import Counter
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

from pydantic import Field

from stages.common import disk, files, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pages import thumbnails
from stages.common.params import Params
from stages.common.pixels import images, png
from stages.common.rows import Rejected, Scaled, Tile


class SubimagesParams(Params):
    size: int = Field(ge=8)
    step: int = Field(ge=1)
    threshold: int = Field(ge=0)
    spacing: Literal["step", "even"]


def offsets(side: int, params: SubimagesParams) -> list[int]:
    """Where the windows begin along a side, px; the side holds at least one window."""
    last = side - params.size
    starts = list(range(0, last + 1, params.step))
    if last - starts[-1] > params.threshold:
        starts.append(last)
    if params.spacing == "even" and len(starts) > 1:
        gaps = len(starts) - 1
        return [round(i * last / gaps) for i in range(gaps + 1)]
    return starts


def boxes(row: Scaled, params: SubimagesParams) -> list[tuple[int, int]]:
    """Top and left of every tile of an image, px, row by row; none where it is too small."""
    if min(row.width, row.height) < params.size:
        return []
    return list(product(offsets(row.height, params), offsets(row.width, params)))


def crop(
    row: Scaled, *, source: Path, folder: Path, sheets_folder: Path, params: SubimagesParams
) -> list[Tile] | Rejected:
    """Cut one image, row by row, and write the sheets of its tiles' thumbnails."""
    size = params.size
    corners = boxes(row, params)
    if not corners:
        return Rejected(row.path, "too small", f"{row.width}x{row.height} px, tiles are {size}")
    pixels = images.read_checked(source / row.path, row.sha256)
    digits = max(3, len(str(len(corners))))
    sheets = thumbnails.Sheets(sheets_folder, thumbnails.group_of(row.path))
    tiles = []
    for i, (top, left) in enumerate(corners, start=1):
        name = f"{row.path.removesuffix('.png')}_s{i:0{digits}d}.png"
        tile = pixels[top : top + size, left : left + size]
        content = png.write(folder / name, tile)
        sheets.add(thumbnails.thumbnail(tile))
        tiles.append(
            Tile(
                path=name,
                section=row.section,
                sha256=hashlib.sha256(content).hexdigest(),
                pixels=images.pixels_sha256(tile),
                bytes=len(content),
                parent=row.path,
                scale=row.scale,
                left=left,
                top=top,
                width=size,
                height=size,
                photograph=row.photograph,
                photograph_sha256=row.photograph_sha256,
                source=row.source,
            )
        )
    sheets.finish()
    return tiles


def main(
    source: Path,
    multiscale: Path,
    folder: Path,
    subimages: Path,
    rejected: Path,
    thumbnails: Path,
    numbers: Path,
    params: SubimagesParams,
) -> None:
    parents = tables.read(multiscale, Scaled)
    size = (params.size, params.size)
    tiles = sum(len(boxes(row, params)) for row in parents)
    disk.check_room(folder, disk.png_bytes([size] * tiles), "this stage")
    files.new_folder(folder)
    files.new_folder(thumbnails)
    rows: list[Tile] = []
    refused: list[Rejected] = []
    task = partial(crop, source=source, folder=folder, sheets_folder=thumbnails, params=params)
    for result in workers.each(task, parents, what="subimages"):
        if isinstance(result, Rejected):
            refused.append(result)
        else:
            rows += result
    if not rows:
        raise UserError(
            f"subimages.size: none of the {len(parents):,} images is {params.size} px or more "
            "on both sides: lower it, or gather larger photographs"
        )
    if len({row.parent for row in rows}) + len(refused) != len(parents):
        raise AssertionError("an image has neither tiles nor a reason")
    tables.write(subimages, Tile, sorted(rows))
    tables.write(rejected, Rejected, sorted(refused))
    scales = Counter(row.scale for row in rows)
    counted = {"images": len(parents), "too_small": len(refused), "tiles": len(rows)}
    tables.write_numbers(numbers, counted)
    counts = ", ".join(f"{n:,} at {scale}" for scale, n in scales.items())
    print(
        f"cut {len(rows):,} tiles from {len(parents):,} images · {counts}"
        + (f" · {len(refused):,} images too small" if refused else "")
    )


if __name__ == "__main__":
    run(main)
