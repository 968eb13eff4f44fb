"""How `screen` decides which photographs may be used, row by row.

Rules are applied in a stated order, each to the rows that all before it have left. Every row that
is dropped gets the first rule that it fails, and its value. What is chosen by scores is decided on
columns: cutoffs.py.
"""

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
