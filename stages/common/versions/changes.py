"""What has changed from one version of a set to the next, and how large a step that is.

Nothing here reads a file.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import count, takewhile
from typing import NamedTuple

from stages.common.archive.licences import NOT_STATED
from stages.common.versions.numbers import MAJOR, MINOR, PATCH
from stages.common.versions.snapshots import Snapshot


class Counts(NamedTuple):
    """Tiles by their pixels, of which several may be alike."""

    added: int
    gone: int
    both: int
    numbered_alike: int  # of those in both


def counts(old: Snapshot, new: Snapshot) -> Counts:
    """How many tiles came, went and stayed."""
    before, now = Counter(old.pictures), Counter(new.pictures)
    both = (before & now).total()
    alike = sum(a == b for a, b in zip(old.pictures, new.pictures, strict=False))
    return Counts(len(new.pictures) - both, len(old.pictures) - both, both, alike)


def reasons(old: Snapshot, new: Snapshot) -> list[tuple[int, str]]:
    """Everything that makes the step from `old` more than a PATCH, as (level, in words), the
    largest first."""
    return [(MAJOR, why) for why in _major(old, new)] + [(MINOR, why) for why in _minor(old, new)]


def level(found: list[tuple[int, str]]) -> int:
    """The step that reasons ask for."""
    return max((level for level, _ in found), default=PATCH)


def _major(old: Snapshot, new: Snapshot) -> Iterator[str]:
    before, now = _sizes(old), _sizes(new)
    if before != now:
        yield f"tiles are {', '.join(now)} px, were {', '.join(before)}"
    scales = sorted({row.scale for row in old.validation} - {row.scale for row in new.validation})
    if scales:
        yield f"no more validation images {', '.join(scales)}"
    licence, former = (it.params["release"]["licence"] for it in (new, old))
    if licence != former:
        yield f"the licence is {licence}, was {former}"
    known = set(old.licences.values())
    arrived = {new.licences[path] for path in new.licences.keys() - old.licences.keys()} - known
    if arrived:
        yield f"photographs under {', '.join(sorted(arrived))}, as none was"
    both = sorted(old.licences.keys() & new.licences.keys())
    others = [p for p in both if old.licences[p] not in (NOT_STATED, new.licences[p])]
    if others:
        it = f"{new.licences[others[0]]}, was {old.licences[others[0]]}"
        yield f"the licence of {_number(others, 'photograph')} changed, as {others[0]}: {it}"
    pairs = zip(count(), old.pictures, new.pictures, strict=False)
    number = sum(1 for _ in takewhile(lambda pair: pair[1] == pair[2], pairs))
    if number < min(len(old.pictures), len(new.pictures)):
        yield f"number {number} is another tile"


def _minor(old: Snapshot, new: Snapshot) -> Iterator[str]:
    tiles = counts(old, new)
    if tiles.added:
        yield f"{_number(tiles.added, 'tile')} added"
    if tiles.gone:
        yield f"{_number(tiles.gone, 'tile')} gone"
    if _validating(old) != _validating(new):
        yield "other validation images"
    scores: dict[str, set[float]] = {}
    for picture, tile in zip(old.pictures, old.tiles, strict=True):
        scores.setdefault(picture, set()).add(tile.hyperiqa)
    pairs = zip(new.pictures, new.tiles, strict=True)
    if any(tile.hyperiqa not in scores.get(it, {tile.hyperiqa}) for it, tile in pairs):
        yield "other scores"


def _sizes(it: Snapshot) -> list[str]:
    """The sizes of tiles, px, as `512x512`."""
    return [
        f"{width}x{height}" for width, height in sorted({(t.width, t.height) for t in it.tiles})
    ]


def _validating(it: Snapshot) -> set[tuple[str, str, int, int]]:
    """What is validated with. By the photograph, whatever PNG was made of it."""
    return {(row.photograph_sha256, row.scale, row.width, row.height) for row in it.validation}


def _number(of: int | list[str], what: str) -> str:
    number = of if isinstance(of, int) else len(of)
    return f"{number:,} {what}{'s' * (number != 1)}"
