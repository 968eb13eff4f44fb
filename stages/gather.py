"""List every source file, or say why it is refused.

Takes:  the folder of photographs, one folder per section; the evaluation sets of
        `gather.evaluation_sets`.
Leaves: gathered.csv (`Photograph`) and rejected.csv (`Refused`), by path: every file is in exactly
        one of them. changes.csv (`Change`), what has changed since the run before, is for people:
        no stage reads it, and DVC does not know it.
Rule:   a file is refused for the first of these that holds: excluded, not an image, unreadable,
        truncated, too large, too small, evaluation set, exact duplicate. Of files with the same
        pixels the first by path stays. An image belongs to an evaluation set if it has the pixels
        of one of its images, or a difference hash that differs in at most `NEAR_BITS` of 256 bits:
        scaled, converted and compressed copies are found, crops and flips are not. A folder that
        changes while it is read ends the stage.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from pydantic import Field

from stages.common import links, listing, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import Row, dhash, without_duplicates, without_evaluation
from stages.common.tables import Photograph, Refused
from stages.common.versions import records


class GatherParams(Params):
    source: str
    min_short_edge: int = Field(ge=1)
    max_megapixels: float = Field(gt=0, le=images.MAX_MEGAPIXELS)
    exclude: list[str]
    evaluation_sets: list[str]


KEPT_OUT = (
    "evaluation images are kept out, and copies of them that are scaled, converted or compressed; "
    "mirrored, rotated and cropped ones are not recognised"
)
ANY_SIZE = GatherParams(
    source="",
    min_short_edge=1,
    max_megapixels=images.MAX_MEGAPIXELS,
    exclude=[],
    evaluation_sets=[],
)


def look(path: str, *, folder: Path, params: GatherParams) -> Row:
    """Read a file once: its row, or why there is none."""
    size, sha256 = 0, ""
    try:
        size = listing.status(folder / path).bytes
        pattern = next((p for p in params.exclude if fnmatchcase(path, p)), None)
        if pattern is not None:
            raise ImageError("excluded", f"matches {pattern!r} of gather.exclude")
        if not (folder / path).is_file():
            raise ImageError("unreadable", "not a file, or a link that leads nowhere")
        content = (folder / path).read_bytes()
        size, sha256 = len(content), hashlib.sha256(content).hexdigest()
        pixels, mode = images.decode_with_mode(content, max_megapixels=params.max_megapixels)
        height, width, _ = pixels.shape
        if min(width, height) < params.min_short_edge:
            detail = f"{width}x{height} px, the short edge must be {params.min_short_edge} or more"
            raise ImageError("too small", detail)
    except ImageError as error:
        return Refused(path, error.reason, error.detail, size, sha256)
    except OSError as error:
        return Refused(path, "unreadable", error.strerror or str(error), size, sha256)
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


def evaluation_rows(folder: Path, paths: Iterable[str]) -> list[Photograph]:
    """Every image of an evaluation set, of any size; other files are passed over."""
    task = partial(look, folder=folder, params=ANY_SIZE)
    rows = list(workers.each(task, list(paths), what=f"read {folder}"))
    found = [r._replace(path=f"{folder}/{r.path}") for r in rows if isinstance(r, Photograph)]
    for row in rows:
        if isinstance(row, Refused) and row.reason != "not an image":
            told = f"{row.path} in {folder} is {row.reason} ({row.detail})"
            raise UserError(f"gather.evaluation_sets: {told}: mend it, or take it out")
    if not found:
        raise UserError(f"gather.evaluation_sets: {folder} holds no readable image: check the set")
    return found


def listed(folder: Path, key: str) -> dict[str, listing.Status]:
    """What is in a folder that params.yaml names, as soon as nothing writes there."""
    if not folder.is_dir():
        raise UserError(f"{key}: {folder} is no folder: put images there, or name another")
    links.own(folder)
    found = listing.quiet_listing(folder)
    if not found:
        raise UserError(f"{key}: {folder} is empty: put images into it, one folder a section")
    return found


def changed(before: Iterable[Row], after: Iterable[Row]) -> list[listing.Change]:
    """What happened to the files between two runs; of a file that one has not read, by its size."""
    before, after = list(before), list(after)
    unread = {row.path for row in [*before, *after] if not row.sha256}

    def contents(rows: Iterable[Row]) -> dict[str, str]:
        return {r.path: str(r.bytes) if r.path in unread else r.sha256 for r in rows}

    return listing.changes(contents(before), contents(after))


def rows_before(gathered: Path, rejected: Path) -> list[Row]:
    """The rows of the run before, from DVC's cache; none where there are none."""
    kept, refused = records.recorded_file(gathered), records.recorded_file(rejected)
    if kept is None or refused is None:
        return []
    return [*tables.read(kept, Photograph), *tables.read(refused, Refused)]


def main(
    source: Path,
    gathered: Path,
    rejected: Path,
    metrics: Path,
    changes: Path,
    params: GatherParams,
) -> None:
    sets = {
        Path(name): listed(Path(name), "gather.evaluation_sets") for name in params.evaluation_sets
    }
    files = listed(source, "gather.source")
    evaluation = [row for name, paths in sets.items() for row in evaluation_rows(name, paths)]
    looked = workers.each(partial(look, folder=source, params=params), list(files), what="gather")
    rows = list(without_duplicates(without_evaluation(looked, evaluation)))
    for folder, before in [*sets.items(), (source, files)]:
        listing.check_unchanged(folder, before)
    kept = [row for row in rows if isinstance(row, Photograph)]
    refused = [row for row in rows if isinstance(row, Refused)]

    reasons = Counter(row.reason for row in refused)
    told = " · ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
    if not kept:
        raise UserError(
            f"gather.source: none of the {len(files):,} files in {source} can be used: {told}"
        )
    tables.write(gathered, Photograph, kept)
    tables.write(rejected, Refused, sorted(refused))
    numbers = {
        "files": len(files),
        "gathered": len(kept),
        "rejected": dict(sorted(reasons.items())),
    }
    tables.write_metrics(metrics, numbers)
    parts = [f"gathered {len(kept):,} of {len(files):,} files"] + [told] * bool(told)
    if old := rows_before(gathered, rejected):
        found = changed(old, rows)
        tables.write(changes, listing.Change, found)
        parts.append(f"since the last run: {listing.summary(found) or 'no change'}")
    print(" · ".join(parts))
    if evaluation:
        print(KEPT_OUT)


if __name__ == "__main__":
    run(main)
