"""Measure every image in a table. It decides nothing.

Takes:  `which`, images or subimages; a table of tiles, or of whole photographs with path, sha256,
        pixels, width, height; the folder of the photographs, or folders.csv.
Leaves: a table of measures by path. Of photographs (`ImageMeasures`): traces of compression,
        detail, noise, clipped pixels, the quality that the file's header tells; of tiles
        (`TileMeasures`): bits a pixel, clipped pixels, about the bytes of a PNG. A JSON of lowest,
        median, mean and highest.
Rule:   each measure is a function of the decoded pixels alone (common/measures), the quality of the
        header (common/pixels/jpeg.py). What the store knows of a photograph's file, or of a tile's
        pixels, is not measured again.
"""

import functools
import statistics
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import chain, groupby
from pathlib import Path

from stages.common import fingerprints, sources, store, tables, workers
from stages.common.cli import run
from stages.common.measured import MeasureStore, Numbers
from stages.common.measures.bits import bits
from stages.common.measures.blocks import blocks
from stages.common.measures.clipping import black, white
from stages.common.measures.detail import detail
from stages.common.measures.noise import noise
from stages.common.pixels import images, pictures, png
from stages.common.pixels.jpeg import header_quality
from stages.common.pixels.pictures import Picture
from stages.common.rows import ImageMeasures, TileMeasures
from stages.common.sources import Root

Row = ImageMeasures | TileMeasures
ROWS: dict[str, type[ImageMeasures] | type[TileMeasures]] = {
    "images": ImageMeasures,
    "subimages": TileMeasures,
}
NAMES = 2  # columns before the measures: path and sha256
# Code that shapes the table, and no number in it: a change there measures no image again.
TABLES = tuple(f"stages/common/{name}.py " for name in ("files", "rows", "tables"))


def measured_image(picture: Picture, *, root: Root) -> tuple[str, Numbers]:
    """A photograph's key and its measures, in the order of `ImageMeasures`."""
    content = sources.read_checked(root, picture.path, picture.sha256)
    pixels = images.decode(content)
    measures = (blocks(pixels), detail(pixels), noise(pixels), white(pixels), black(pixels))
    return picture.sha256, (*measures, header_quality(content))


def measured_tile(picture: Picture, *, root: Root) -> tuple[str, Numbers]:
    """A tile's key and its measures, in the order of `TileMeasures`."""
    pixels = pictures.pixels(root, picture)
    measures = (bits(pixels), white(pixels), black(pixels), png.about_size(pixels))
    return picture.pixels, measures


def key(which: str, picture: Picture) -> str:
    """The hash that stands for all that is measured. A photograph's is the file's, since its header
    is measured, too."""
    return picture.sha256 if which == "images" else picture.pixels


def measured(some: Sequence[Picture], *, which: str, root: Root) -> list[tuple[str, Numbers]]:
    """The pictures of one photograph."""
    function = measured_image if which == "images" else measured_tile
    return [function(picture, root=root) for picture in some]


@functools.cache
def code_fingerprint() -> str:
    """What measures depend on besides the images: the lines of data/fingerprints/measure.txt, of
    the code and the packages that run here. The file itself may be older, where pip alone has
    changed a package or this is run by hand."""
    text = fingerprints.of(Path(__file__))
    return "".join(line for line in text.splitlines(True) if not line.startswith(TABLES))


def measure_all(
    which: str, wanted: Sequence[Picture], root: Root
) -> tuple[dict[str, Numbers], int]:
    """Every picture's measures by key, and how many were measured just now."""
    with closing(MeasureStore(store.default_path(), which, code_fingerprint())) as known_store:
        known = known_store.get([key(which, it) for it in wanted])
        by_key = {key(which, it): it for it in wanted}  # one of those that are alike
        missing = [it for hash_, it in by_key.items() if hash_ not in known]
        groups = [list(own) for _, own in groupby(missing, lambda it: it.photograph)]
        task = partial(measured, which=which, root=root)
        new = chain.from_iterable(workers.each(task, groups, what="measure"))
        with closing(store.saved(new, known_store.put)) as passed:
            known.update(passed)
    return known, len(missing)


def counted(rows: Sequence[Row]) -> dict[str, object]:
    """The numbers of a table of measures."""
    numbers: dict[str, object] = {"images": len(rows)}
    if not rows:
        return numbers
    for name in rows[0]._fields[NAMES:]:
        values = [round(float(getattr(row, name)), 6) for row in rows]
        numbers[name] = {
            "min": min(values),
            "median": round(statistics.median(values), 6),
            "mean": tables.mean(values),
            "max": max(values),
        }
    return numbers


def main(which: str, table: Path, folder: Path, measures: Path, numbers: Path) -> None:
    wanted = pictures.read(table)
    row_type = ROWS[which]
    known, new = measure_all(which, wanted, folder)
    rows = sorted(row_type._make((it.path, it.sha256, *known[key(which, it)])) for it in wanted)
    tables.write(measures, row_type, rows)
    tables.write_numbers(numbers, counted(rows))
    named = sources.named(folder)
    print(f"{len(rows):,} images of {named} · {new:,} measured, {len(known) - new:,} known")


if __name__ == "__main__":
    run(main)
