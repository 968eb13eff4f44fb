"""data/leave_out.csv: images that a person leaves out, one a line, `image,reason`.

An image is named by its path, of a photograph below gather.source or of a tile below
data/subimages, or by the SHA-256 that `sha256` of cutoff_images.csv, cutoff_subimages.csv has.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from stages.common import handwritten, tables

FILE = Path("data/leave_out.csv")
SHA256 = re.compile(r"[0-9a-f]{64}").fullmatch
DELETED = Path("reports/deleted_tiles.csv")  # what was deleted by hand, in the same form


class LeftOut(NamedTuple):
    """A row of leave_out.csv."""

    image: str
    reason: str


class _Path(NamedTuple):
    path: str


class _Hash(NamedTuple):
    sha256: str


def read(path: Path) -> list[LeftOut]:
    """Read the images that are left out.

    Raises:
        UserError: where the file is missing, or a line is not `image,reason`.
    """
    return handwritten.read(path, LeftOut)


def notes(rows: Iterable[LeftOut], is_photograph: Callable[[str], bool], folder: Path) -> list[str]:
    """What names no image of the last run: a line for paths, and one for hashes.

    `is_photograph` says whether a path is one's; `folder` has the tables of the last run. Hashes
    are passed over until there is a table of photographs and one of tiles.
    """
    named = [row.image for row in rows]
    paths = [image for image in named if not SHA256(image) and not is_photograph(image)]
    subimages = folder / "subimages.csv"
    if paths and subimages.is_file():
        tiles = {row.path for row in tables.read(subimages, _Path)}
        paths = [image for image in paths if image not in tiles]
    hashes = [image for image in named if SHA256(image)]
    decided = [folder / f"cutoff_{which}.csv" for which in ("images", "subimages")]
    if hashes and all(map(Path.is_file, decided)):
        known = {row.sha256 for table in decided for row in tables.read(table, _Hash)}
        hashes = [image for image in hashes if image not in known]
    else:
        hashes = []
    found = []
    if paths:
        found.append(
            f"{FILE} names {len(paths):,} images that are no photograph and no tile of the last "
            f"run, as {paths[0]}: check the spelling, or leave them"
        )
    if hashes:
        found.append(
            f"{FILE} has {len(hashes):,} hashes that are in neither {decided[0].name} nor "
            f"{decided[1].name} of the last run, as {hashes[0]}: a tile's changes with its "
            "photograph, size and box; copy it anew, or leave them"
        )
    return found


def add(path: Path, rows: Iterable[LeftOut]) -> list[LeftOut]:
    """Add images that are not in the file yet, which need not be there; gives those."""
    before = read(path) if path.is_file() else []
    named = {row.image for row in before}
    new = [row for row in rows if row.image not in named]
    if new:
        tables.write(path, LeftOut, [*before, *new])
    return new
