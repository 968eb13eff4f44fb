"""data/CHANGELOG.md: the versions of a set, newest first; an entry each, made at its release.

Nothing here reads or writes a file.
"""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stages.common import tables
from stages.common.archive.card import escaped
from stages.common.errors import UserError
from stages.common.versions import changes, numbers, settings
from stages.common.versions.numbers import MEANING, NAMES, Version
from stages.common.versions.snapshots import Snapshot

FILE = Path("data/CHANGELOG.md")
HEADING = re.compile(r"^## (\d+\.\d+\.\d+) ", re.MULTILINE)
TOLD_APART = {"release.version", "release.date"}  # parameters that the heading has
Old = tuple[Version, Snapshot | None]  # None: nobody has its tables any more


def head(name: str) -> str:
    """What stands above the entries."""
    meaning = "".join(f"- {level}: {text}.\n" for level, text in MEANING.items())
    return (
        f"# Versions of {name}\n\nTiles are numbered by score, from 0 on. What a version's number "
        f"MAJOR.MINOR.PATCH says to those who train on it:\n\n{meaning}"
    )


def entry(old: Old | None, version: Version, new: Snapshot) -> str:
    """What is said of a version; `old` is the one before, None for the first."""
    date = new.params["release"]["date"]
    parts = [f"## {version} of {date}\n", _summary(old, version, new), _figures(old, version, new)]
    if old and old[1]:
        parts.append(_parameters(old[0], old[1], version, new))
    return "\n".join(part for part in parts if part)


def _summary(old: Old | None, version: Version, new: Snapshot) -> str:
    if old is None:
        return "The first version.\n"
    number, before = old
    step = f"{NAMES[numbers.step(number, version)]} since {number}"
    if before is None:
        return f"{step}: not compared, since its tables are lost, or of another form.\n"
    found = [escaped(why) for _, why in changes.reasons(before, new)]
    lines = [f"{step}: {'; '.join(found) or 'documents only'}.\n"]
    tiles = changes.counts(before, new)
    if tiles.added or tiles.gone or tiles.numbered_alike < tiles.both:
        lines.append(
            f"New tiles: {tiles.added:,}; gone: {tiles.gone:,}; in both: {tiles.both:,}, of which "
            f"{tiles.numbered_alike:,} under the same number.\n"
        )
    return "\n".join(lines)


def _figures(old: Old | None, version: Version, new: Snapshot) -> str:
    """A table: what the versions are in figures, tiles by section and by licence too."""
    both = [(old[0], old[1]), (version, new)] if old and old[1] else [(version, new)]
    columns = [figures(snapshot) for _, snapshot in both if snapshot]
    names = list(dict.fromkeys(name for column in reversed(columns) for name in column))
    rows = [[name, *(column.get(name, "0") for column in columns)] for name in names]
    return _table(["", *(str(number) for number, _ in both)], rows, right=True)


def figures(it: Snapshot) -> dict[str, str]:
    """A version in figures, ready to be shown."""
    scores = [tile.hyperiqa for tile in it.tiles]
    found = {
        "tiles": f"{len(it.tiles):,}",
        "mean score": f"{tables.mean(scores):.6f}",
        "lowest score": f"{min(scores):.6f}",
        "photographs": f"{len({tile.photograph_sha256 for tile in it.tiles}):,}",
        "photographs to validate": f"{sum(row.scale == 'hr' for row in it.validation):,}",
    }
    sections = Counter(tile.section for tile in it.tiles)
    under = Counter(it.licences[tile.photograph] for tile in it.tiles)
    found |= {f"tiles of section {name}": f"{sections[name]:,}" for name in sorted(sections)}
    return found | {f"tiles under {name}": f"{under[name]:,}" for name in sorted(under)}


def _parameters(number: Version, old: Snapshot, version: Version, new: Snapshot) -> str:
    """A table of the parameters that were changed; empty where none were."""
    before, now = (dict(settings.leaves(it.params)) for it in (old, new))
    changed = [k for k in settings.differences(now, before) if k not in TOLD_APART]
    rows = [
        [key, *(settings.yaml_of(it[key]) if key in it else "none" for it in (before, now))]
        for key in changed
    ]
    return _table(["parameter", str(number), str(version)], rows) if rows else ""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], right: bool = False) -> str:
    rule = "---|" + ("--:|" if right else "---|") * (len(header) - 1)
    lines = [header, *([escaped(cell) for cell in row] for row in rows)]
    first, *rest = [f"| {' | '.join(line)} |\n".replace("|  |", "| |") for line in lines]
    return f"{first}|{rule}\n{''.join(rest)}"


def versions(text: str) -> list[Version]:
    """The versions that have an entry, newest first."""
    return sorted(filter(None, map(numbers.parse, HEADING.findall(text))), reverse=True)


def section(text: str, version: Version) -> str | None:
    """A version's entry, with whatever people have added; None where there is none."""
    begins = rf"^## {re.escape(str(version))} .*?(?=^## \d+\.|\Z)"
    found = re.search(begins, text, re.MULTILINE | re.DOTALL)
    return found[0] if found else None


def with_entry(text: str | None, name: str, version: Version, new: str) -> str:
    """The file with an entry, above those of before; as it is where it has that entry. People may
    add to an entry, but what was generated must stand in it.

    Raises:
        UserError: where there is an entry of this version that is of other data.
    """
    text = head(name) if text is None else text
    there = section(text, version)
    if there is not None:
        if new.strip() not in there:
            raise UserError(
                f"{FILE} has an entry of {version} which is not of this set: delete it and "
                "commit; it is written anew"
            )
        return text
    first = HEADING.search(text)
    place = first.start() if first else len(text)
    before, after = text[:place].rstrip("\n"), text[place:]
    return f"{before}\n\n{new.rstrip()}\n" + (f"\n{after}" if after else "")
