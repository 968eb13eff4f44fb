"""What is wrong with `validation.picks`, as far as it is known before a run.

A pick's own file is read, so nothing of it is out of date. Tables of the last run say which other
files it is a copy of, and what it was called: they are believed as far as those files are still
what the tables list. A photograph that is there and has no fault that is known gives no text.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from stages.common import candidates, decision, files, listing, screening, stills, tables
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import NEAR_BITS, dhash, distances
from stages.common.rows import Decision, Photograph, section_of
from stages.common.versions import records

EVALUATION = Path("data/evaluation")
TABLES = Path("data/tables")
CHANGES = Path("reports/changes_images.csv")

Row = TypeVar("Row", bound=NamedTuple)


class Known(NamedTuple):
    """What the last run has listed."""

    photographs: list[Photograph]
    evaluation: list[Photograph]


def faults(sections: Mapping[str, Any]) -> list[str]:
    """Why picks can't be taken, a text for each of which it is certain."""
    source = Path(sections["gather"]["source"])
    picks = list(dict.fromkeys(sections["validation"]["picks"]))
    if not picks:
        return []
    there = dict.fromkeys(files.files_below(source))
    known = Known(
        rows(TABLES / "gathered_images.csv", Photograph),
        rows(TABLES / "gathered_evaluation.csv", Photograph),
    )
    found = []
    for pick in picks:
        if stills.is_still(pick, there):
            continue  # `validation` knows, when there are stills
        if pick not in there:
            found.append(missing(pick, source, there, known))
        elif why := unusable(pick, source, sections, known):
            found.append(candidates.out_of_reach(pick, why))
    return [f"validation.picks: {fault}" for fault in found]


def notes(sections: Mapping[str, Any]) -> list[str]:
    """Picks that are like a photograph which the last run trained on. No fault yet: with other
    photographs or parameters that one need not be trained on again."""
    source = Path(sections["gather"]["source"])
    picks = set(sections["validation"]["picks"])
    if not picks:
        return []
    usable = {row.path: row for row in rows(TABLES / "screened.csv", Photograph)}
    hashes = {path: row.dhash for path, row in usable.items()}
    decisions = rows(TABLES / "cutoff_images.csv", Decision)
    trained_on = [row.path for row in decisions if row.kept and row.path in usable.keys() - picks]
    found = []
    for pick in sorted(picks & usable.keys()):
        twin = candidates.twin_of(pick, trained_on, hashes)
        if twin and is_as_listed(usable[pick], source) and is_as_listed(usable[twin], source):
            found.append(
                f"validation.picks: as of the last run, {candidates.nearly_trained_on(pick, twin)}"
            )
    return found


def unusable(pick: str, source: Path, sections: Mapping[str, Any], known: Known) -> Dropped | None:
    """Why `gather` or `screen` will leave a file out; None where no reason is known."""
    try:
        images.check_known(source / pick)
        content = (source / pick).read_bytes()
        most = sections["gather"]["max_megapixels"]
        pixels, mode = images.decode_with_mode(content, max_megapixels=most)
    except ImageError as error:
        return Dropped(error.reason, error.detail)
    except OSError as error:
        return Dropped("unreadable", error.strerror or str(error))
    height, width, _ = pixels.shape
    row = Photograph(
        path=pick,
        section=section_of(pick),
        sha256=hashlib.sha256(content).hexdigest(),
        width=width,
        height=height,
        bytes=len(content),
        mode=mode,
        pixels=images.pixels_sha256(pixels),
        dhash=dhash(pixels),
    )
    params = screening.ScreenParams(**sections["screen"])
    twins = [
        other
        for other in known.photographs
        if other.pixels == row.pixels and other.path != pick and is_as_listed(other, source)
    ]
    rules = screening.rules(params, list(evaluation_twins(row, params, known)))
    return decision.decide(sorted([row, *twins]), rules).get(pick)


def evaluation_twins(
    row: Photograph, params: screening.ScreenParams, known: Known
) -> Iterator[Photograph]:
    """The images of evaluation sets that a photograph is like, with their whole paths."""
    for other in known.evaluation:
        whole = f"{EVALUATION}/{other.path}"
        named = any(whole.startswith(f"{name.rstrip('/')}/") for name in params.evaluation_sets)
        near = distances(row.dhash, [other.dhash])[0] <= NEAR_BITS
        if named and (near or other.pixels == row.pixels) and is_as_listed(other, EVALUATION):
            yield other._replace(path=whole)


def missing(pick: str, source: Path, there: Collection[str], known: Known) -> str:
    """What to say of a pick that is no file: its new path, or the nearest there is."""
    if before := row_before(pick, known):
        for path in there:
            if is_as_listed(before._replace(path=path), source):
                return candidates.moved(pick, path, "file")
        for row in known.photographs:
            if row.pixels == before.pixels and is_as_listed(row, source):
                return candidates.moved(pick, row.path, "picture")
    for change in rows(CHANGES, listing.Change):
        if change.change == "renamed" and change.before == pick and change.path in there:
            return candidates.moved(pick, change.path, "file")
    return candidates.not_there(pick, there)


def row_before(pick: str, known: Known) -> Photograph | None:
    """What a table has listed under a path: that of the last run as it lies there, as DVC keeps it,
    or that of the last commit."""
    table = TABLES / "gathered_images.csv"

    def everywhere() -> Iterator[Photograph]:
        yield from known.photographs
        for find in (records.recorded_file, records.committed_file):
            if found := find(table):
                yield from rows(found, Photograph)

    return next((row for row in everywhere() if row.path == pick), None)


def rows(path: Path, row_type: type[Row]) -> list[Row]:
    """The rows of a table of the last run; none where there is none, or one of an older version."""
    try:
        return tables.read(path, row_type)
    except UserError:
        return []


def is_as_listed(row: Photograph, folder: Path) -> bool:
    """Whether a file is still the one that a table lists."""
    path = stills.path_of(folder, row.path)
    same_size = path.is_file() and path.stat().st_size == row.bytes
    return same_size and files.sha256_of(path) == row.sha256
