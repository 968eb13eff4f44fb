"""The one way to decide which images are kept.

Rules are applied in a stated order, each to the rows that all before it have left. Every row that
is dropped gets the first rule that it fails, and its value. So one more measure is one more rule:
a mapping from path to value, and its limits.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeVar


class HasPath(Protocol):
    """What is decided on has a path that no other row has."""

    @property
    def path(self) -> str: ...


class Dropped(NamedTuple):
    """Why a row is not kept."""

    reason: str  # short, to be counted
    detail: str  # its value


R = TypeVar("R", bound=HasPath)
Rule = Callable[[Sequence[R]], Mapping[str, Dropped]]  # of the rows that are left: those it drops


def decide(rows: Sequence[R], rules: Iterable[Rule[R]]) -> dict[str, Dropped]:
    """What the rules drop, by path.

    Args:
        rows: in the order in which they are preferred.
        rules: in the order in which they are applied.
    """
    dropped: dict[str, Dropped] = {}
    for rule in rules:
        dropped |= rule([row for row in rows if row.path not in dropped])
    return dropped


def listed(reasons: Mapping[str, Dropped], name: Callable[[R], str]) -> Rule[R]:
    """Drop what is known by a name, such as its path or its hash."""
    return lambda rows: {row.path: reasons[name(row)] for row in rows if name(row) in reasons}


def at_least(value: Callable[[R], float], floor: Callable[[R], float | None], why: str) -> Rule[R]:
    """Drop what is below its floor; None is no floor. `why` is a format of `floor` and `value`, as
    `below the score {floor:g}`."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        found = {}
        for row in rows:
            least, own = floor(row), value(row)
            if least is not None and own < least:
                found[row.path] = Dropped(why.format(floor=least), f"{own:.6f}")
        return found

    return rule


def first_of(key: Callable[[R], Hashable], reason: Callable[[R, R], Dropped]) -> Rule[R]:
    """Of rows with the same key keep the first; `reason` tells it of another and the first."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        first: dict[Hashable, R] = {}
        found = {}
        for row in rows:
            kept = first.setdefault(key(row), row)
            if kept is not row:
                found[row.path] = reason(row, kept)
        return found

    return rule


def best(
    group: Callable[[R], str], count: Callable[[str], int | None], reason: Callable[[str], str]
) -> Rule[R]:
    """Keep the first so many of each group; a count of None keeps all."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        groups: dict[str, list[R]] = defaultdict(list)
        for row in rows:
            groups[group(row)].append(row)
        return {
            row.path: Dropped(reason(name), f"rank {place}")
            for name, members in groups.items()
            for place, row in enumerate(members, start=1)
            if (most := count(name)) is not None and place > most
        }

    return rule
