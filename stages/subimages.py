"""Cut each image into square sub-images, the tiles.

Takes:  multiscale/; multiscale.csv; the folders of photographs.
Leaves: subimages/<name>_s001.png, lossless, and their list, subimages_files.csv; subimages.csv
        (`Tile`); subimages_rejected.csv; thumbnails of the tiles, in the order of each image's own
        (common/pages/thumbnails.py).
Rule:   windows of `size` px every `step` px, and a last one at the edge where more than
        `threshold` px are left over; `spacing: even` spreads the same number of windows evenly.
        An image smaller than a window is rejected with the reason. Where `files` is `kept`,
        subimages/ gets none: a tile is a photograph, a size and a box, and whoever needs its
        pixels cuts it out (common/pixels/pictures.py).
Source: BasicSR, scripts/data_preparation/extract_subimages.py (windows and pixels equal).
        https://github.com/XPixelGroup/BasicSR
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import partial
from itertools import groupby, product
from pathlib import Path
from typing import NamedTuple

from stages.common import disk, files, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pages import thumbnails
from stages.common.pixels import images, pictures, png
from stages.common.rows import Rejected, Scaled, Tile, TileFile
from stages.common.sources import Root
from stages.common.subimages_params import SubimagesParams, write_why_empty


class Cut(NamedTuple):
    """What was cut out of some images."""

    tiles: list[Tile]
    files: list[TileFile]  # of the tiles that were written
    rejected: list[Rejected]


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


def tiles_of(row: Scaled, params: SubimagesParams) -> list[Tile]:
    """The tiles of an image, row by row; none where it is too small."""
    corners = boxes(row, params)
    digits = max(3, len(str(len(corners))))
    whole, scaled = (row.photograph_width, row.photograph_height), (row.width, row.height)
    side = params.size
    return [
        Tile(
            path=f"{row.path.removesuffix('.png')}_s{i:0{digits}d}.png",
            section=row.section,
            pixels=pictures.key(row.photograph_pixels, whole, scaled, (left, top, side, side)),
            parent=row.path,
            scale=row.scale,
            scaled_width=row.width,
            scaled_height=row.height,
            left=left,
            top=top,
            width=side,
            height=side,
            photograph=row.photograph,
            photograph_sha256=row.photograph_sha256,
            source=row.source,
        )
        for i, (top, left) in enumerate(corners, start=1)
    ]


def crop(
    rows: Sequence[Scaled],
    *,
    photographs: Root,
    source: Path,
    folder: Path,
    sheets_folder: Path,
    params: SubimagesParams,
) -> Cut:
    """Cut the images of one photograph, and write the sheets of their tiles' thumbnails; the tiles,
    too, where all are files."""
    cut = Cut([], [], [])
    for row in rows:
        tiles = tiles_of(row, params)
        if not tiles:
            detail = f"{row.width}x{row.height} px, tiles are {params.size}"
            cut.rejected.append(Rejected(row.path, "too small", detail))
            continue
        if params.files == "all":
            pixels = images.read_checked(source / row.path, row.sha256)
        else:
            size = row.width, row.height
            pixels = pictures.downscaled(photographs, row.photograph, row.photograph_sha256, size)
        sheets = thumbnails.Sheets(sheets_folder, thumbnails.group_of(row.path))
        for tile in tiles:
            square = pixels[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
            sheets.add(thumbnails.thumbnail(square))
            if params.files == "all":
                content = png.write(folder / tile.path, square)
                sha256 = hashlib.sha256(content).hexdigest()
                cut.files.append(TileFile(tile.path, sha256, len(content)))
        sheets.finish()
        cut.tiles.extend(tiles)
    return cut


def main(
    photographs: Path,
    source: Path,
    multiscale: Path,
    folder: Path,
    subimages: Path,
    files_table: Path,
    rejected: Path,
    thumbnails: Path,
    numbers: Path,
    params: SubimagesParams,
) -> None:
    parents = tables.read(multiscale, Scaled)
    if params.files == "all":
        count = sum(len(boxes(row, params)) for row in parents)
        disk.check_room(folder, disk.png_bytes([(params.size, params.size)] * count), "this stage")
    files.new_folder(folder)
    if params.files == "kept":
        write_why_empty(folder)
    files.new_folder(thumbnails)
    task = partial(
        crop,
        photographs=photographs,
        source=source,
        folder=folder,
        sheets_folder=thumbnails,
        params=params,
    )
    by_photograph = [list(own) for _, own in groupby(parents, lambda row: row.photograph)]
    cut = Cut([], [], [])
    for some in workers.each(task, by_photograph, what="subimages"):
        cut.tiles.extend(some.tiles)
        cut.files.extend(some.files)
        cut.rejected.extend(some.rejected)
    if not cut.tiles:
        raise UserError(
            f"subimages.size: none of the {len(parents):,} images is {params.size} px or more "
            "on both sides: lower it, or gather larger photographs"
        )
    if len({row.parent for row in cut.tiles}) + len(cut.rejected) != len(parents):
        raise AssertionError("an image has neither tiles nor a reason")
    tables.write(subimages, Tile, sorted(cut.tiles))
    tables.write(files_table, TileFile, sorted(cut.files))
    tables.write(rejected, Rejected, sorted(cut.rejected))
    scales = Counter(row.scale for row in cut.tiles)
    too_small = len(cut.rejected)
    counted = {"images": len(parents), "too_small": too_small, "tiles": len(cut.tiles)}
    tables.write_numbers(numbers, counted)
    counts = ", ".join(f"{n:,} at {scale}" for scale, n in scales.items())
    print(
        f"cut {len(cut.tiles):,} tiles from {len(parents):,} images · {counts}"
        + (f" · {too_small:,} images too small" if too_small else "")
    )


if __name__ == "__main__":
    run(main)
