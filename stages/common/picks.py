"""What is wrong with `validation.picks`, as far as it is known before a run.

A pick's own file is read, so nothing of it is out of date. Tables of the last run say which other
files it is a copy of, and what it was called: they are believed as far as those files are still
what the tables list. A photograph that is there and has no fault that is known gives no text.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from stages.common import candidates, decision, listing, screening, sources, tables
from stages.common.decision import Dropped
from stages.common.entry import Entry
from stages.common.errors import UserError
from stages.common.near import alike, known, search
from stages.common.near.alike import Look
from stages.common.near.known import Evaluated
from stages.common.pixels import images
from stages.common.pixels.images import ImageError
from stages.common.pixels.likeness import dhash
from stages.common.rows import Decision, Embedded, Photograph
from stages.common.sources import Root
from stages.common.versions import records
from stages.common.video import among

EVALUATION = Path("data/evaluation")
TABLES = Path("data/tables")
IMAGES, EVALUATION_IMAGES = (Path(f"data/embeddings/{k}.csv") for k in ("images", "evaluation"))
CHANGES = Path("reports/changes_images.csv")

Row = TypeVar("Row", bound=NamedTuple)


class Last(NamedTuple):
    """What the last run has listed."""

    photographs: list[Photograph]
    evaluation: list[Photograph]


def faults(sections: Mapping[str, Any]) -> list[str]:
    """Why picks can't be taken, a text for each of which it is certain."""
    source = sources.of_params(sections["gather"])
    picks = list(dict.fromkeys(sections["validation"]["picks"]))
    if not picks:
        return []
    there = {entry.path: entry for entry in sources.entries(sources.listed(source))}
    last = Last(
        rows(TABLES / "gathered_images.csv", Photograph),
        rows(TABLES / "gathered_evaluation.csv", Photograph),
    )
    found = []
    for pick in picks:
        if pick not in there and is_in_video(pick, there):
            continue  # `validation` knows, when its stills have been taken
        if pick not in there:
            found.append(missing(pick, source, there, last))
        elif why := unusable(there[pick], source, sections, last):
            found.append(candidates.out_of_reach(pick, why))
    return [f"validation.picks: {fault}" for fault in found]


def notes(sections: Mapping[str, Any]) -> list[str]:
    """Picks that are like a photograph which the last run trained on. No fault yet: with other
    photographs or parameters that one need not be trained on again."""
    source = sources.of_params(sections["gather"])
    picks = set(sections["validation"]["picks"])
    if not picks:
        return []
    usable = {row.path: row for row in rows(TABLES / "screened.csv", Photograph)}
    decisions = rows(TABLES / "cutoff_images.csv", Decision)
    trained_on = [row.path for row in decisions if row.kept and row.path in usable.keys() - picks]
    embeddings = embeddings_of(IMAGES)
    looks = {path: look(row, embeddings) for path, row in usable.items()}
    twins = candidates.twins(sorted(picks & usable.keys()), trained_on, looks)
    found = []
    for pick, twin in twins.items():
        if is_as_listed(usable[pick], source) and is_as_listed(usable[twin], source):
            found.append(
                f"validation.picks: as of the last run, {candidates.nearly_trained_on(pick, twin)}"
            )
    return found


def is_in_video(pick: str, there: Mapping[str, Entry]) -> bool:
    """Whether a path is that of a still, which need not be there."""
    video = there.get(pick.rpartition("/")[0])
    return video is not None and video.reason == among.REASON


def unusable(pick: Entry, source: Root, sections: Mapping[str, Any], last: Last) -> Dropped | None:
    """Why `gather` or `screen` will leave a file out; None where no reason is known."""
    try:
        most = sections["gather"]["max_megapixels"]
        content = sources.read_image(pick, source, most)
        pixels, mode = images.decode_with_mode(content, max_megapixels=most)
    except ImageError as error:
        return Dropped(error.reason, error.detail)
    except OSError as error:
        return Dropped("unreadable", error.strerror or str(error))
    height, width, _ = pixels.shape
    row = Photograph(
        path=pick.path,
        section=pick.section,
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
        for other in last.photographs
        if other.pixels == row.pixels and other.path != pick.path and is_as_listed(other, source)
    ]
    embeddings = embeddings_of(IMAGES)
    own = look(row, embeddings)
    rules = screening.rules(params, embeddings, list(evaluated(row.pixels, own, params, last)))
    return decision.decide(sorted([row, *twins]), rules).get(pick.path)


def evaluated(
    pixels: str, own: Look, params: screening.ScreenParams, last: Last
) -> Iterator[Evaluated]:
    """The images of evaluation sets, still as they were listed, that a photograph is like, and
    those of public test sets."""
    embeddings = embeddings_of(EVALUATION_IMAGES)
    folders = tuple(f"{name.rstrip('/')}/" for name in params.evaluation_sets)
    others = [row for row in last.evaluation if f"{EVALUATION}/{row.path}".startswith(folders)]
    for other in others:
        its = look(other, embeddings)
        ((_, bits, _, distance),) = search.closest([own], [its])
        near = alike.is_near(bits, distance, alike.EVALUATION) or other.pixels == pixels
        if near and is_as_listed(other, EVALUATION):
            yield Evaluated(f"{EVALUATION}/{other.path}", other.pixels, its)
    if params.known_sets:
        yield from known.evaluated(rows(known.FILE, known.Known))


def look(row: Photograph, embeddings: Mapping[str, str]) -> Look:
    """What a photograph is compared by, as far as the last run knows its embedding."""
    return Look(row.dhash, embeddings.get(row.sha256, alike.UNKNOWN))


def embeddings_of(table: Path) -> dict[str, str]:
    """The embeddings of the last run, by the SHA-256 of the files."""
    return {row.sha256: row.embedding for row in rows(table, Embedded)}


def missing(pick: str, source: Root, there: Collection[str], last: Last) -> str:
    """What to say of a pick that is no file: its new path, or the nearest there is."""
    if before := row_before(pick, last):
        for path in there:
            if is_as_listed(before._replace(path=path), source):
                return candidates.moved(pick, path, "file")
        for row in last.photographs:
            if row.pixels == before.pixels and is_as_listed(row, source):
                return candidates.moved(pick, row.path, "picture")
    for change in rows(CHANGES, listing.Change):
        if change.change == "renamed" and change.before == pick and change.path in there:
            return candidates.moved(pick, change.path, "file")
    return candidates.not_there(pick, there)


def row_before(pick: str, last: Last) -> Photograph | None:
    """What a table has listed under a path: that of the last run as it lies there, as DVC keeps it,
    or that of the last commit."""
    table = TABLES / "gathered_images.csv"

    def everywhere() -> Iterator[Photograph]:
        yield from last.photographs
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


def is_as_listed(row: Photograph, root: Root) -> bool:
    """Whether a file is still the one that a table lists."""
    file, member, _ = sources.locate(root, row.path)
    other_size = not member and file.is_file() and file.stat().st_size != row.bytes
    return not other_size and sources.sha256_of(root, row.path) == row.sha256
