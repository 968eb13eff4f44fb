"""List the facts about every file of a folder. It decides nothing.

Takes:  the folder of photographs, or that of the evaluation sets, a folder per section; with the
        former frames.csv and videos.csv, since stills lie elsewhere (common/stills.py).
Leaves: gathered_*.csv (`Photograph`), a row for every image; unreadable_*.csv (`Unreadable`), a row
        with the reason for every other file; thumbnails of the images, in the order of their rows
        (common/pages/thumbnails.py). changes_*.csv (`Change`), what has changed since the run
        before, is for people: no stage reads it, and DVC does not know it.
Rule:   a file is read once. It is unreadable for the first of these that holds: no file, another
        kind (common/pixels/formats.py), too large, truncated, unreadable. An image whose content
        the store knows is not decoded again. A folder that changes while it is read ends the stage.
"""

import functools
import hashlib
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from stages.common import files, fingerprints, links, listing, stills, store, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.facts import Facts, FactStore
from stages.common.pages import thumbnails
from stages.common.params import Params
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import dhash
from stages.common.rows import Photograph, Unreadable, section_of
from stages.common.versions import records
from stages.common.video import among

Row = Photograph | Unreadable


class GatherParams(Params):
    source: str
    max_megapixels: float = Field(gt=0, le=images.MAX_MEGAPIXELS)


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
    return fingerprints.all_of(Path(__file__).parent)["gather"]


def look(
    path: str, *, folder: Path, max_megapixels: float, store_path: Path, fingerprint: str
) -> Looked:
    """Read a file once: its row, or why there is none. Files that can't be decoded are few, and
    are tried again each time: the fault may be of the moment."""
    size, sha256 = 0, ""
    file = stills.path_of(folder, path)
    try:
        size = listing.status(file).bytes
        if not file.is_file():
            raise ImageError("unreadable", "not a file, or a link that leads nowhere")
        images.check_known(file)  # before a film of 6 GB is read whole
        content = file.read_bytes()
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
        with closing(FactStore(store_path, fingerprint)) as fact_store:
            known = fact_store.get(sha256)
        facts = known or facts_of(content, max_megapixels)
    except ImageError as error:
        return Looked(Unreadable(path, error.reason, error.detail, size, sha256))
    except OSError as error:
        detail = error.strerror or str(error)
        return Looked(Unreadable(path, "unreadable", detail, size, sha256))
    section = section_of(path)
    row = Photograph(path=path, section=section, sha256=sha256, bytes=size, **facts.columns)
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
    paths: list[str], folder: Path, sheets_folder: Path, max_megapixels: float
) -> tuple[list[Row], int]:
    """Look at files in their order, and write the sheets of their thumbnails meanwhile. Gives the
    rows, and how many images the store knew."""
    rows, known = [], 0
    made_by, path = fingerprint(max_megapixels), store.default_path()
    task = partial(
        look, folder=folder, max_megapixels=max_megapixels, store_path=path, fingerprint=made_by
    )
    sheets = thumbnails.Sheets(sheets_folder, thumbnails.PHOTOGRAPHS)
    with closing(FactStore(path, made_by)) as fact_store:

        def put(some: list[Looked]) -> None:
            fact_store.put((x.row.sha256, x.facts) for x in some if x.facts and not x.known)

        with closing(store.saved(workers.each(task, paths, what="gather"), put)) as all_looked:
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
    frames: Path,
    videos: Path,
    gathered: Path,
    unreadable: Path,
    thumbnails: Path,
    numbers: Path,
    changes: Path,
    params: GatherParams,
) -> None:
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: put images there, or name another")
    links.own(folder)
    files.new_folder(thumbnails)
    listed = listing.quiet_listing(folder)
    is_source = folder == Path(params.source)  # stills are taken of no other folder's videos
    taken, films = among.read(frames, videos, folder, listed) if is_source else ([], [])
    paths = among.with_stills(listed, taken, films)
    rows, known = look_at_all(paths, folder, thumbnails, params.max_megapixels)
    among.check_read(rows, taken)
    rows = sorted([*rows, *among.as_unreadable(films)], key=lambda row: row.path)
    listing.check_unchanged(folder, listed)
    good = [row for row in rows if isinstance(row, Photograph)]
    bad = [row for row in rows if isinstance(row, Unreadable)]
    tables.write(gathered, Photograph, good)
    tables.write(unreadable, Unreadable, bad)
    reasons = Counter(row.reason for row in bad)
    counted = {"files": len(rows), "images": len(good), "unreadable": dict(sorted(reasons.items()))}
    tables.write_numbers(numbers, counted)
    parts = [f"gathered {len(good):,} images of {len(rows):,} files in {folder}"]
    parts.append(f"{len(good) - known:,} decoded, {known:,} known")
    parts += [f"{n:,} {reason}" for reason, n in reasons.most_common()]
    if before := rows_before(gathered, unreadable):
        found = changed(before, rows)
        tables.write(changes, listing.Change, found)
        parts.append(f"since the last run: {listing.summary(found) or 'no change'}")
    print(" · ".join(parts))


if __name__ == "__main__":
    run(main)
