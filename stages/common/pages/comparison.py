"""Experiments beside each other: a table for the terminal, and a page with charts and tiles."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stages.common import text
from stages.common.versions import settings
from stages.common.versions.experiments import Version

BASELINE = "last commit"
LONGEST = 36  # characters of a name in the table, which has 100 in all
PROBED = "kept-all"  # dB, of the probe with the most classes
LARGE = 1.0  # GB, from which on sizes are in GB


class Entry(NamedTuple):
    """A row of a comparison: an experiment that was run, or the baseline, which is the first."""

    name: str
    version: Version


def table(entries: Sequence[Entry]) -> str:
    """A row an entry, the baseline first; at most 100 characters wide.

    Below it stand the names that are too long for it, and what experiments change whose names do
    not say it.
    """
    header, rows = cells(entries)
    longest = LONGEST - (len(PROBED) + 2 if PROBED in header else 0)
    short = [[_short(name, longest), *numbers] for name, *numbers in rows]
    baseline = entries[0].version
    notes = []
    for name, version in entries[1:]:
        changes = settings.differences(version.params, baseline.params)
        if settings.name_of(changes) != name:
            notes.append(f"{name}: {described(changes)}")
        elif len(name) > longest:
            notes.append(f"{_short(name, longest)}: {name}")
    return "\n".join([text.table(header, short), *notes])


def cells(entries: Sequence[Entry]) -> tuple[tuple[str, ...], list[list[str]]]:
    """The header and the rows, as text."""
    every = [entry.version.metrics or {} for entry in entries]
    large = any(metrics.get("GB", 0) >= LARGE for metrics in every)
    unit, reach = "GB" if large else "MB", _reach(entries[0].version.params)
    header: tuple[str, ...] = (
        "experiment",
        "tiles",
        "mean",
        "lowest",
        reach,
        unit,
        "photos",
        "largest",
    )
    rows = [
        [entry.name, *_numbers(metrics, large)]
        for entry, metrics in zip(entries, every, strict=True)
    ]
    if not any(entry.version.probed for entry in entries):
        return header, rows
    return (*header, PROBED), [
        [*row, _probed(entry.version.probed)] for row, entry in zip(rows, entries, strict=True)
    ]


def described(changes: settings.Settings) -> str:
    """What an experiment sets, as `cutoff.subimages.count=150`."""
    parts = [f"{key}={settings.yaml_of(value)}" for key, value in changes.items()]
    return ", ".join(parts) or "changes no parameter"


def _short(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _probed(numbers: Mapping[str, Any] | None) -> str:
    """How much the kept set is above all tiles, dB; nothing where it was not asked."""
    if not numbers:
        return ""
    most = max(numbers["classes"], key=int)
    return f"{numbers['classes'][most]['kept_minus_all']:+.4f}"


def _reach(params: Mapping[str, Any]) -> str:
    """What the column is called that says how many tiles reach the score that is asked after."""
    score = params["cutoff"]["subimages"]["report_at"]
    return "reach" if score is None else f"reach {score:g}"


def _numbers(metrics: Mapping[str, Any], large: bool) -> list[str]:
    """The numbers of a row; nothing for one that is not there."""

    def cell(key: str, form: str, factor: float | None = None) -> str:
        value = metrics.get(key)
        if value is None:
            return ""
        return format(value if factor is None else value * factor, form)

    return [
        cell("tiles", ","),
        cell("mean", ".5f"),
        cell("lowest", ".5f"),
        cell("reach", ","),
        cell("GB", ".2f") if large else cell("GB", ",.1f", 1000),
        cell("photographs", ","),
        cell("largest_photograph", ".1%"),
    ]
