"""List the facts about every file of a folder. It decides nothing.

Takes:  contents.csv, the folders of photographs, one folder in them a section; or the folder of the
        evaluation sets. Archives in them count as folders, and so do videos of which the stage
        `frames` has taken stills (common/sources.py).
Leaves: gathered_*.csv (`Photograph`), a row for every image; unreadable_*.csv (`Unreadable`), a row
        with the reason for every other file; sources_*.csv (`Source`), whose the images are;
        thumbnails of the images, in the order of their rows (common/pages/thumbnails.py).
        changes_*.csv (`Change`), what has changed since the run before, is for people: no stage
        reads it, and DVC does not know it.
Rule:   a file is read once. It is unreadable for the first of these that holds: no file, another
        kind (common/pixels/formats.py), too large, truncated, unreadable. An image whose content
        the store knows is not decoded again. A folder that changes while it is read ends the stage,
        and so does a fault that says nothing of the file, as of a disk that is gone.
"""

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from stages.common import credits, files, fingerprints, listing, sources, store, tables, workers
from stages.common.cli import PASSING, run
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.facts import Facts, FactStore
from stages.common.gather_params import GatherParams
from stages.common.pages import thumbnails
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import dhash
from stages.common.rows import Photograph, Source, Unreadable
from stages.common.sources import Root
from stages.common.versions import records

Row = Photograph | Unreadable


class Looked(NamedTuple):
    """What a look at a file gave."""

    row: Row
    facts: Facts | None = None  # of an image
    known: bool = False  # the store had the facts


def fingerprint(max_megapixels: float) -> str:
    """Everything but a file's content that its facts depend on."""
    return f"max_megapixels {max_megapixels!r}\n{code_fingerprint()}"


@functools.cache
def code_fingerprint() -> str:
    """The text of data/fingerprints/gather.txt for the code and the packages that run here: the
    file itself may be older, where pip alone has changed a package or this is run by hand."""
    return fingerprints.of(Path(__file__))


def look(
    entry: Entry, *, root: Root, max_megapixels: float, store_path: Path, fingerprint: str
) -> Looked:
    """Read a file once: its row, or why there is none. What can't be decoded is tried each time."""
    path, size, sha256 = entry.path, entry.bytes, ""
    try:
        if path.rpartition("/")[2] == credits.FILE:
            raise ImageError("not an image", "says whose photographs are")
        content = sources.read_image(entry, root, max_megapixels)
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
        with closing(FactStore(store_path, fingerprint)) as fact_store:
            known = fact_store.get(sha256)
        facts = known or facts_of(content, max_megapixels)
    except ImageError as error:
        return Looked(Unreadable(path, error.reason, error.detail, size, sha256))
    except OSError as error:
        if error.errno in PASSING:
            raise
        return Looked(Unreadable(path, "unreadable", error.strerror or str(error), size, sha256))
    row = Photograph(path, entry.section, sha256, bytes=size, **facts.columns)
    return Looked(row, facts, known is not None)


def facts_of(content: bytes, max_megapixels: float) -> Facts:
    """Decode an image.

    Raises:
        ImageError: why it can't be used.
    """
    pixels, mode = images.decode_with_mode(content, max_megapixels=max_megapixels)
    height, width, _ = pixels.shape
    columns = {
        "width": width,
        "height": height,
        "mode": mode,
        "pixels": images.pixels_sha256(pixels),
        "dhash": dhash(pixels),
    }
    return Facts(columns, thumbnails.encode(thumbnails.thumbnail(pixels)))


def look_at_all(
    entries: list[Entry], root: Root, sheets_folder: Path, max_megapixels: float
) -> tuple[list[Row], int]:
    """Look at files in their order, and write the sheets of their thumbnails meanwhile. Gives the
    rows, and how many images the store knew."""
    rows, known = [], 0
    made_by, path = fingerprint(max_megapixels), store.default_path()
    task = partial(
        look, root=root, max_megapixels=max_megapixels, store_path=path, fingerprint=made_by
    )
    sheets = thumbnails.Sheets(sheets_folder, thumbnails.PHOTOGRAPHS)
    with closing(FactStore(path, made_by)) as fact_store:

        def put(some: list[Looked]) -> None:
            fact_store.put((x.row.sha256, x.facts) for x in some if x.facts and not x.known)

        with closing(store.saved(workers.each(task, entries, what="gather"), put)) as all_looked:
            for looked in all_looked:
                rows.append(looked.row)
                known += looked.known
                if looked.facts:
                    sheets.add(thumbnails.decode(looked.facts.thumbnail))
    sheets.finish()
    return rows, known


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
    sources_table: Path,
    thumbnails: Path,
    numbers: Path,
    changes: Path,
    params: GatherParams,
) -> None:
    root = sources.folders(folder)
    sources.check(root)
    if "DVC_STAGE" in os.environ:  # run by DVC: the folder may be any other's, of `make inspect`
        sources.own(root)
    files.new_folder(thumbnails)
    listed = sources.listed(root, listing.quiet_listing)
    entries = sources.entries(listed)
    whose = credits.read(root, entries)
    rows, known = look_at_all(entries, root, thumbnails, params.max_megapixels)
    sources.check_unchanged(listed)
    good = [
        row._replace(source=credits.source_of(row.path, whose).name)
        for row in rows
        if isinstance(row, Photograph)
    ]
    if not good:
        files.write_about(thumbnails, "No image was found, and so there is no thumbnail.\n")
    bad = [row for row in rows if isinstance(row, Unreadable)]
    used = {row.source for row in good}

    tables.write(gathered, Photograph, good)
    tables.write(unreadable, Unreadable, bad)
    tables.write(sources_table, Source, sorted({s for s in whose.values() if s.name in used}))
    reasons = Counter(row.reason for row in bad)
    counted = {"files": len(rows), "images": len(good), "unreadable": dict(sorted(reasons.items()))}
    tables.write_numbers(numbers, counted)
    parts = [f"gathered {len(good):,} images of {len(rows):,} files in {sources.named(root)}"]
    parts.append(f"{len(good) - known:,} decoded, {known:,} known")
    parts += [f"{n:,} {reason}" for reason, n in reasons.most_common()]
    if before := rows_before(gathered, unreadable):
        found = changed(before, rows)
        tables.write(changes, listing.Change, found)
        parts.append(f"since the last run: {listing.summary(found) or 'no change'}")
    print(" · ".join(parts))


if __name__ == "__main__":
    run(main)
