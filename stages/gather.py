"""List the facts about every file of a folder. It decides nothing.

Takes:  the folder of photographs, one folder per section; or that of the evaluation sets.
Leaves: gathered_*.csv (`Photograph`), a row for every image; unreadable_*.csv (`Unreadable`), a row
        with the reason for every other file. changes_*.csv (`Change`), what has changed since the
        run before, is for people: no stage reads it, and DVC does not know it.
Rule:   a file is read once. It is unreadable for the first of these that holds: no file, not an
        image, too large, truncated, unreadable. A folder that changes while it is read ends the
        stage.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from pydantic import Field

from stages.common import links, listing, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import dhash
from stages.common.tables import Photograph, Unreadable
from stages.common.versions import records

Row = Photograph | Unreadable


class GatherParams(Params):
    source: str
    max_megapixels: float = Field(gt=0, le=images.MAX_MEGAPIXELS)


def look(path: str, *, folder: Path, max_megapixels: float) -> Row:
    """Read a file once: its row, or why there is none."""
    size, sha256 = 0, ""
    try:
        size = listing.status(folder / path).bytes
        if not (folder / path).is_file():
            raise ImageError("unreadable", "not a file, or a link that leads nowhere")
        images.check_known(folder / path)  # before a film of 6 GB is read whole
        content = (folder / path).read_bytes()
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
        pixels, mode = images.decode_with_mode(content, max_megapixels=max_megapixels)
    except ImageError as error:
        return Unreadable(path, error.reason, error.detail, size, sha256)
    except OSError as error:
        return Unreadable(path, "unreadable", error.strerror or str(error), size, sha256)
    height, width, _ = pixels.shape
    return Photograph(
        path=path,
        section=tables.section_of(path),
        sha256=sha256,
        width=width,
        height=height,
        bytes=size,
        mode=mode,
        pixels=images.pixels_sha256(pixels),
        dhash=dhash(pixels),
    )


def rows_before(gathered: Path, unreadable: Path) -> list[Row]:
    """The rows of the run before, from DVC's cache; none where there are none."""
    good, bad = records.recorded_file(gathered), records.recorded_file(unreadable)
    if good is None or bad is None:
        return []
    try:
        return [*tables.read(good, Photograph), *tables.read(bad, Unreadable)]
    except UserError:  # of an older version of this stage, with other columns
        return []


def changed(before: Iterable[Row], after: Iterable[Row]) -> list[listing.Change]:
    """What happened to the files between two runs; of a file that one has not read, by its size."""
    before, after = list(before), list(after)
    unread = {row.path for row in [*before, *after] if not row.sha256}

    def contents(rows: Iterable[Row]) -> dict[str, str]:
        return {r.path: str(r.bytes) if r.path in unread else r.sha256 for r in rows}

    return listing.changes(contents(before), contents(after))


def main(
    folder: Path,
    gathered: Path,
    unreadable: Path,
    numbers: Path,
    changes: Path,
    params: GatherParams,
) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: put images there, or name another")
    links.own(folder)
    files = listing.quiet_listing(folder)
    task = partial(look, folder=folder, max_megapixels=params.max_megapixels)
    rows = list(workers.each(task, list(files), what="gather"))
    listing.check_unchanged(folder, files)
    good = [row for row in rows if isinstance(row, Photograph)]
    bad = [row for row in rows if isinstance(row, Unreadable)]

    tables.write(gathered, Photograph, good)
    tables.write(unreadable, Unreadable, bad)
    reasons = Counter(row.reason for row in bad)
    counted = {"files": len(rows), "images": len(good), "unreadable": dict(sorted(reasons.items()))}
    tables.write_numbers(numbers, counted)
    parts = [f"gathered {len(good):,} images of {len(rows):,} files in {folder}"]
    parts += [f"{n:,} {reason}" for reason, n in reasons.most_common()]
    if before := rows_before(gathered, unreadable):
        found = changed(before, rows)
        tables.write(changes, listing.Change, found)
        parts.append(f"since the last run: {listing.summary(found) or 'no change'}")
    print(" · ".join(parts))


if __name__ == "__main__":
    run(main)
