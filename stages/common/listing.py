"""Folders that people write to: listed when they are quiet, and compared with an earlier listing.

DVC hashes a folder after the stage that read it. A file that comes or changes meanwhile would thus
count as read, and be missed for good.
"""

import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from stages.common import surrogates, workers
from stages.common.errors import UserError
from stages.common.files import files_below

QUIET_SECONDS = 3.0  # a file that was written later than so long ago may still be written
NAMED = 5  # paths that a message names before it only counts them


class Status(NamedTuple):
    """What tells that a file is still the one that was listed."""

    bytes: int
    mtime_ns: int
    inode: int


class Change(NamedTuple):
    """What happened to a file between two listings."""

    path: str
    change: str  # new, gone, renamed or replaced
    before: str  # the path it had, where it was renamed


def status(path: Path) -> Status:
    """Of a file, or of the link where it leads nowhere."""
    try:
        found = path.stat()
    except OSError:
        found = path.lstat()
    return Status(found.st_size, found.st_mtime_ns, found.st_ino)


def listing(folder: Path) -> dict[str, Status]:
    """Every file below a folder, by path, sorted. A file that goes meanwhile is left out."""
    found = {}
    for path in files_below(folder):
        with suppress(FileNotFoundError):
            found[path] = status(folder / path)
    return found


def quiet_listing(folder: Path) -> dict[str, Status]:
    """`listing`, as soon as no file was written for `QUIET_SECONDS`."""
    last_line = -float(workers.LINE_SECONDS)
    while True:
        listed = listing(folder)
        now = time.time()
        ages = {path: now - seen.mtime_ns / 1e9 for path, seen in listed.items()}
        fresh = [path for path, age in ages.items() if 0 <= age < QUIET_SECONDS]
        if not fresh:
            return listed
        if time.monotonic() - last_line >= workers.LINE_SECONDS:
            print(f"{folder} is being written to, as {fresh[0]}: waiting", file=sys.stderr)
            last_line = time.monotonic()
        time.sleep(min(QUIET_SECONDS, 0.5))


def check_names(folder: str | Path, listed: Collection[str]) -> None:
    """DVC, which hashes the folder, takes no name that is not UTF-8, and would not say which it is.

    Raises:
        UserError: which names the first file.
    """
    odd = [path for path in listed if not surrogates.is_valid(path)]
    if odd:
        raise UserError(
            f"{folder}: {len(odd):,} of {len(listed):,} names are not UTF-8, as {odd[0]!a}, and "
            f"DVC can't keep these: rename them, as by `convmv -f latin1 -t utf8 -r --notest "
            f"'{folder}'`, or put them into an archive"
        )


def check_unchanged(
    folder: str | Path, before: Mapping[str, Status], after: Mapping[str, Status]
) -> None:
    """The folder must hold what was listed before.

    Raises:
        UserError: which says what came, went or changed.
    """
    found = changes(before, after)
    if found:
        raise UserError(
            f"{folder} changed while it was read: {summary(found)} (as {named(found)}): run `dvc "
            "repro` again when nothing writes there any more"
        )


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[Change]:
    """What happened between two listings, which say what each path held, by path.

    What went and came under another path is renamed, where it is the only one that does so.
    """
    gone = [path for path in before if path not in after]
    came = [path for path in after if path not in before]
    counts = Counter(before[path] for path in gone) + Counter(after[path] for path in came)
    home = {before[path]: path for path in gone if counts[before[path]] == 2}
    renamed = {path: home[after[path]] for path in came if after[path] in home}
    left = set(renamed.values())
    found = [Change(path, "renamed", old) for path, old in renamed.items()]
    found += [Change(path, "new", "") for path in came if path not in renamed]
    found += [Change(path, "gone", "") for path in gone if path not in left]
    found += [
        Change(path, "replaced", "")
        for path in before
        if after.get(path, before[path]) != before[path]
    ]
    return sorted(found)


def summary(found: list[Change]) -> str:
    """`5 new, 2 gone, 1 renamed, 1 replaced`."""
    counts = Counter(change.change for change in found)
    kinds = ("new", "gone", "renamed", "replaced")
    return ", ".join(f"{counts[kind]:,} {kind}" for kind in kinds if counts[kind])


def named(found: list[Change]) -> str:
    """The first paths, and how many more there are."""
    more = f" and {len(found) - NAMED:,} more" if len(found) > NAMED else ""
    return ", ".join(change.path for change in found[:NAMED]) + more
