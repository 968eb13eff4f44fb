"""The lists of a set: what they say of which image, and which of their lines say nothing.

| list | of an image |
|---|---|
| `meta_info*.txt` | `name (height,width,channels)` as BasicSR has it, or its name or path alone |
| `*score*.txt` | `name<TAB>score`; the last line may give the average |
| `lineage.csv` | this project's: hash, score, size, photograph |
| `metadata.jsonl` | `file_name`, `hyperiqa`, as `datasets` reads them |
| `SHA256SUMS` | its hash; and those of all other files |
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from stages.common import tables
from stages.common.errors import UserError
from stages.common.rows import Lineage
from stages.common.sets import sums
from stages.common.sets.faults import Fault

META = re.compile(r"(.+?) \((\d+), ?(\d+), ?(\d+)\)")
AVERAGE = re.compile(r"Average \S+ score of .* with (\d+) images is: (\S+)")
MICRO = 1.5e-6  # the most that an average of scores with six decimals may differ


class Entry(NamedTuple):
    """What a list says of an image; None where it does not say it."""

    name: str  # as the list has it
    size: tuple[int, int, int] | None = None  # height, width, channels
    score: float | None = None
    sha256: str | None = None


class Listing(NamedTuple):
    """A list, read."""

    path: str
    entries: dict[str, Entry]  # by path below the set's folder
    faults: list[Fault]


def names(folder: Path) -> list[str]:
    """The names of the lists at the top of a set."""
    found = [path.name for path in folder.iterdir() if path.is_file()]
    return sorted(name for name in found if any(fnmatchcase(name, p) for p in READERS))


def read_all(folder: Path) -> dict[str, tuple[list[Entry], list[Fault]]]:
    """Every list of a set as it stands, by name."""
    return {name: _read(folder, name) for name in names(folder)}


def resolved(
    path: str, entries: Iterable[Entry], faults: list[Fault], tops: Sequence[str], present: set[str]
) -> Listing:
    """A list by paths below the set's folder. Its names are from one of the folders `tops` on: from
    that which has most of them."""
    entries = list(entries)

    def hits(top: str) -> int:
        return sum(_join(top, entry.name) in present for entry in entries)

    best = max(tops, key=hits) if entries else ""
    by_path: dict[str, Entry] = {}
    for entry in entries:
        joined = _join(best, entry.name)
        if joined in by_path:
            faults.append(Fault(path, f"{entry.name} twice", "two lines", "one line an image"))
        by_path.setdefault(joined, entry)
    return Listing(path, by_path, faults)


def _join(top: str, name: str) -> str:
    """A name below a folder; `-samples/` takes that folder off the name."""
    return name.removeprefix(top[1:]) if top.startswith("-") else top + name


def _read(folder: Path, name: str) -> tuple[list[Entry], list[Fault]]:
    reader = next(read for pattern, read in READERS.items() if fnmatchcase(name, pattern))
    entries: list[Entry] = []
    faults: list[Fault] = []
    for what, got, expected in reader(folder / name, entries):
        faults.append(Fault(name, what, got, expected))
    if not entries and len(faults) > 1:  # another kind of list: one line says so
        faults = [Fault(name, "unreadable", "no line as such a list has them", faults[0].expected)]
    if not entries and not faults:
        faults.append(Fault(name, "empty", "no line", "one for each image"))
    return entries, faults


Complaints = Iterable[tuple[str, str, str]]  # what, got, expected


def _lines(path: Path) -> list[str]:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")]


def _meta_info(path: Path, entries: list[Entry]) -> Complaints:
    lines = _lines(path)
    found = [META.fullmatch(line) for line in lines]
    with_sizes = 2 * sum(match is not None for match in found) > len(lines)
    for number, (line, match) in enumerate(zip(lines, found, strict=True), start=1):
        if match:
            height, width, channels = map(int, match.groups()[1:])
            entries.append(Entry(match[1], size=(height, width, channels)))
        elif with_sizes or not line.strip():
            expected = "`name (height,width,channels)`" if with_sizes else "the name of an image"
            yield f"line {number}", f"`{line}`", expected
        else:
            entries.append(Entry(line))


def _scores(path: Path, entries: list[Entry]) -> Complaints:
    lines = _lines(path)
    average = AVERAGE.fullmatch(lines[-1])
    for number, line in enumerate(lines[:-1] if average else lines, start=1):
        name, tab, score = line.rpartition("\t")
        value = _number(score)
        if tab and name and value is not None:
            entries.append(Entry(name, score=value))
        else:
            yield f"line {number}", f"`{line}`", "`name<TAB>score`"
    if average is None:
        return
    count, mean = int(average[1]), _number(average[2])
    scores = [entry.score for entry in entries if entry.score is not None]
    expected = math.fsum(scores) / max(1, len(scores))
    if count != len(scores):
        yield "last line", f"{count} images", f"{len(scores)}, as lines above"
    elif mean is None or abs(mean - expected) > MICRO:
        yield "last line", f"the average {average[2]}", f"{expected:.6f}"


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def lineage(folder: Path) -> list[Lineage]:
    """The rows of lineage.csv; none where there is no such table, or none that can be read."""
    try:
        return tables.read(folder / "lineage.csv", Lineage)
    except UserError:
        return []


def _lineage(path: Path, entries: list[Entry]) -> Complaints:
    try:
        rows = tables.read(path, Lineage)
    except UserError as error:
        reason = str(error).removeprefix(f"{path} ").partition(": ")[0]
        yield "unreadable", f"a table that {reason}", "a row of lineage.csv for each image"
        return
    for row in rows:
        size = (row.height, row.width, 3)
        if not math.isfinite(row.hyperiqa):
            yield f"score of {row.name}", str(row.hyperiqa), "a number"
        entries.append(Entry(row.name, size, row.hyperiqa, row.sha256))
    numbers = [int(stem) for row in rows if (stem := Path(row.name).stem).isdecimal()]
    gaps = set(range(len(numbers))) - set(numbers)
    if len(numbers) == len(rows) == len(set(numbers)) and gaps:
        yield "numbering", f"no number {min(gaps)}", f"all of 0 to {len(numbers) - 1}"


def _metadata(path: Path, entries: list[Entry]) -> Complaints:
    for number, line in enumerate(_lines(path), start=1):
        row = json_object(line)
        name, score = row.get("file_name"), row.get("hyperiqa")
        if not isinstance(name, str) or not isinstance(score, float | int | None):
            yield f"line {number}", f"`{line[:200]}`", "a JSON object with file_name"
            continue
        entries.append(Entry(name, score=None if score is None else float(score)))


def json_object(line: str) -> dict[str, Any]:
    """A line of JSON; empty where it is no object."""
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _sums(path: Path, entries: list[Entry]) -> Complaints:
    read = sums.parse(path.read_bytes())
    for number in read.unread:
        yield f"line {number}", "no hash and path", "`<SHA-256>  <path>`"
    for name in read.twice:
        yield f"{name} twice", "two lines", "one line a file"
    entries += [Entry(name, sha256=sha256) for name, sha256 in read.sha256.items()]


READERS: dict[str, Callable[[Path, list[Entry]], Complaints]] = {
    "meta_info*.txt": _meta_info,
    "*score*.txt": _scores,
    "lineage.csv": _lineage,
    "metadata.jsonl": _metadata,
    sums.NAME: _sums,
}
