"""The one way to decide which images are kept.

Rules are applied in a stated order, each to the rows that all before it have left. Every row that
is dropped gets the first rule that it fails, and its value. So one more measure is one more rule:
a mapping from path to value, and its limits. What depends on the rows that are kept already, such
as a count, is a `Question` of the rule `in_turn`, which must be the last.
"""

from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar


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


class Question(NamedTuple, Generic[R]):
    """What is asked of a row after all better ones: `why` it is dropped, None where it is not.
    `keep` is called with every row that none drops."""

    why: Callable[[R], Dropped | None]
    keep: Callable[[R], None]


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
    """Drop what is below its floor; None is no floor. `why` is a format of `limit`, as `below the
    score {limit:g}`."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        found = {}
        for row in rows:
            least, own = floor(row), value(row)
            if least is not None and own < least:
                found[row.path] = Dropped(why.format(limit=least), f"{own:.6f}")
        return found

    return rule


def at_most(value: Callable[[R], float], ceiling: float, why: str) -> Rule[R]:
    """Drop what is above a ceiling. `why` is a format of `limit`, as `blocks above {limit:g}`."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        return {
            row.path: Dropped(why.format(limit=ceiling), f"{own:.6f}")
            for row in rows
            if (own := value(row)) > ceiling
        }

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


def in_turn(questions: Callable[[], Sequence[Question[R]]]) -> Rule[R]:
    """Ask each row after all better ones, so that a question knows which of these are kept.
    `questions` makes them anew for each use, since they remember."""

    def rule(rows: Sequence[R]) -> dict[str, Dropped]:
        found = {}
        made = questions()
        for row in rows:
            dropped = next(
                (why for question in made if (why := question.why(row)) is not None), None
            )
            if dropped is not None:
                found[row.path] = dropped
                continue
            for question in made:
                question.keep(row)
        return found

    return rule


def best(
    group: Callable[[R], Hashable],
    count: Callable[[R], int | None],
    reason: Callable[[R], str],
    within: str = "",
) -> Question[R]:
    """Keep the first so many of each group; a count of None keeps all. The detail is the row's rank
    in its group, whose name may follow: `rank 31 of its photograph`."""
    seen: Counter[Hashable] = Counter()
    kept: Counter[Hashable] = Counter()

    def why(row: R) -> Dropped | None:
        name, most = group(row), count(row)
        seen[name] += 1
        if most is None or kept[name] < most:
            return None
        return Dropped(reason(row), f"rank {seen[name]}{within}")

    def keep(row: R) -> None:
        kept[group(row)] += 1

    return Question(why, keep)


def unlike(
    alike: Mapping[str, Sequence[tuple[str, str]]], taken: Collection[str], reason: str
) -> Question[R]:
    """Keep none that is like a kept one.

    Args:
        alike: by path, the paths of those it is like, each with the evidence.
        taken: paths that count as kept from the beginning.
    """
    kept = set(taken)

    def why(row: R) -> Dropped | None:
        for other, evidence in alike.get(row.path, ()):
            if other in kept:
                return Dropped(reason, f"{evidence}: {other}")
        return None

    return Question(why, lambda row: kept.add(row.path))
