"""What is wrong with a set: one fault a line."""

from collections.abc import Iterable
from typing import NamedTuple

from stages.common.sets.names import shown


class Fault(NamedTuple):
    """Something that is not as it should be."""

    path: str  # of the file that is at fault, below the set's folder
    what: str
    got: str
    expected: str


def line(fault: Fault) -> str:
    """A fault for people."""
    path, what, got, expected = map(shown, fault)
    return f"{path}: {what}: got {got}, expected {expected}"


def first_of_each(faults: Iterable[Fault]) -> list[Fault]:
    """The first of those that say the same of a file, by path."""
    by_file: dict[tuple[str, str], Fault] = {}
    for fault in faults:
        by_file.setdefault((fault.path, fault.what), fault)
    return sorted(by_file.values())
