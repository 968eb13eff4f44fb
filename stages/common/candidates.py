"""Photographs to validate with: which can be taken, which are, and why another can't be."""

import difflib
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from stages.common.cutoff_params import IMAGE_MEASURES
from stages.common.cutoffs import LEFT_OUT, NEAR_DUPLICATE
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.near import alike, search
from stages.common.near.alike import NEAR, Bounds, Look
from stages.common.params import Params
from stages.common.rows import Decision

# How much validation photographs differ at least. Unrelated ones differ in 128 bits on average, and
# their embeddings are 1 apart.
APART = Bounds(bits=64, distance=0.4)
NAMED = 10  # candidates that a message names
MENDS = {  # by the reason why a photograph may not be used; any other is a fault of the file
    "excluded": "take that pattern out",
    "too small": "lower screen.min_short_edge",
    "evaluation set": "take that set out of screen.evaluation_sets",
    "too large": "raise gather.max_megapixels",
    "not an image": "convert it",
}
PAGE = "reports/pick.html, which `dvc repro pick` makes"


class ValidationParams(Params):
    """The section `validation`."""

    candidates: int = Field(ge=1)
    count: int = Field(ge=0)
    picks: list[str]
    scales: list[Annotated[int, Field(ge=1)]] = Field(min_length=1)


def beyond_a_limit(row: Decision) -> bool:
    """Whether a photograph was dropped for one of its measures."""
    return row.reason.partition(" ")[0] in IMAGE_MEASURES


def candidates(rows: Sequence[Decision], most: int) -> list[Decision]:
    """The next best photographs that are not trained on: each section's best, then each one's
    second best, and so on; last those that are beyond a limit, for a person to pick. None that is
    left out, by its section or by hand, or a near-duplicate."""
    places: Counter[tuple[bool, str]] = Counter()
    found = []
    for row in rows:
        left_out = row.reason in (LEFT_OUT, NEAR_DUPLICATE) or row.reason.endswith("is left out")
        if not (row.kept or left_out):
            last = beyond_a_limit(row)
            places[last, row.section] += 1
            found.append((last, places[last, row.section], row.rank, row))
    return [row for *_, row in sorted(found)[:most]]


def twins(
    paths: Sequence[str], trained_on: Sequence[str], looks: Mapping[str, Look]
) -> dict[str, str]:
    """Of each photograph that is nearly the same picture as one of `trained_on`, that one.

    Args:
        looks: what photographs are compared by, by their paths.
    """
    if not trained_on:
        return {}
    there = [looks[other] for other in trained_on]
    nearest = search.closest([looks[path] for path in paths], there)
    return {
        path: trained_on[first if bits <= NEAR.bits else second]
        for path, (first, bits, second, distance) in zip(paths, nearest, strict=True)
        if alike.is_near(bits, distance)
    }


def are_apart(one: Look, others: Sequence[Look]) -> bool:
    """Whether a photograph is unlike each of some others, by its hash and by its embedding."""
    if not others:
        return True
    ((_, bits, _, distance),) = search.closest([one], others)
    return bits >= APART.bits and distance >= APART.distance


def choose(
    rows: Sequence[Decision],
    looks: Mapping[str, Look],
    params: ValidationParams,
    unused: Mapping[str, Dropped],
) -> list[Decision]:
    """The validation photographs: those of `picks`, whatever their rank and measures; without any,
    candidates within the limits that are unlike each other and all that are trained on.

    Args:
        rows: all photographs that may be used, best first.
        looks: what each is compared by, by path.
        unused: why any other file may not be used, by path.

    Raises:
        UserError: where there are too few, or picks can't be taken.
    """
    trained_on = [row.path for row in rows if row.kept]
    some = candidates(rows, params.candidates)
    alike_ones = twins([row.path for row in some], trained_on, looks)
    rest = [row for row in some if row.path not in alike_ones]
    if params.picks:
        found = faults(rows, looks, params.picks, unused)
        if found:
            raise UserError(f"validation.picks: {'; '.join(found)}; {named(rest)}")
        by_path = {row.path: row for row in rows}
        return [by_path[pick] for pick in dict.fromkeys(params.picks)]
    taken: list[Decision] = []
    good = [row for row in some if not beyond_a_limit(row)]
    for row in good:
        if row.path in alike_ones:
            continue
        others = [looks[other.path] for other in taken]
        if len(taken) < params.count and are_apart(looks[row.path], others):
            taken.append(row)
    if len(taken) < params.count:
        raise UserError(
            f"validation.count asks for {params.count}, but of the {len(good)} next best "
            f"photographs only {len(taken)} differ from the training ones and from each other: "
            "lower it, keep fewer by cutoff.images, or add photographs"
        )
    return taken


def faults(
    rows: Sequence[Decision],
    looks: Mapping[str, Look],
    picks: Iterable[str],
    unused: Mapping[str, Dropped],
) -> list[str]:
    """Why picks can't be taken, a text for each that can't. Any photograph that may be used can be,
    unless it is like one that is trained on."""
    by_path = {row.path: row for row in rows}
    trained_on = [row.path for row in rows if row.kept]
    there = [pick for pick in dict.fromkeys(picks) if pick in by_path]
    twin = twins(there, trained_on, looks)
    found = []
    for pick in dict.fromkeys(picks):
        if pick in unused:
            found.append(out_of_reach(pick, unused[pick]))
        elif pick not in by_path:
            hint = "`make check` says whether it was renamed"
            found.append(f"{not_there(pick, [*by_path, *unused])} {hint}")
        elif by_path[pick].kept:
            found.append(f"{pick} is trained on: run `dvc repro`")
        elif pick in twin:
            found.append(nearly_trained_on(pick, twin[pick]))
    return found


def named(rest: Sequence[Decision]) -> str:
    """The best of the candidates that can be picked, and where the others stand."""
    if not rest:
        return "there is no candidate: keep fewer by cutoff.images, or add photographs"
    best = ", ".join(f"{row.path} ({row.hyperiqa:.4f})" for row in rest[:NAMED])
    if len(rest) <= NAMED:
        return f"the candidates are {best}: see {PAGE}"
    return f"the best of {len(rest):,} candidates are {best}; all are in {PAGE}"


def nearly_trained_on(pick: str, twin: str) -> str:
    """What to say of a pick that is nearly the same picture as one that is trained on."""
    return (
        f"{pick} is nearly the same picture as {twin}, which is trained on: pick that one, too, or "
        "name it in screen.exclude, or pick another"
    )


def out_of_reach(pick: str, why: Dropped) -> str:
    """What to say of a pick that is there, but may not be used."""
    mend = MENDS.get(why.reason, "mend the file") + ", or pick another"
    if why.reason == "exact duplicate":
        mend = "pick that one"
    return f"{pick} may not be used: {why.reason}, {why.detail}: {mend}"


def moved(pick: str, path: str, same: str) -> str:
    """What to say of a pick that was renamed; `same` is what the new path has of it."""
    return f"{pick} is no longer there: the same {same} is now {path}: pick that"


def not_there(pick: str, paths: Iterable[str]) -> str:
    """What to say of a pick that is no file; `paths` are those that there are."""
    close = nearest(pick, paths)
    if close is None:
        return f"{pick} is no file in gather.source, and none has a name like it."
    if _plain(close) == _plain(pick) and close.casefold() != pick.casefold():
        close = f'"{ascii(close)[1:-1]}", with its letters in another Unicode form'
    return f"{pick} is no file in gather.source: did you mean {close}?"


def nearest(pick: str, paths: Iterable[str]) -> str | None:
    """The path that was most likely meant: the same but for case and Unicode form, or so ending, or
    else a similar one."""
    plain: dict[str, str] = {}
    for path in paths:
        plain.setdefault(_plain(path), path)
    wanted = _plain(pick)
    name = wanted.rpartition("/")[2]
    if wanted in plain:
        return plain[wanted]
    ending = [path for path in plain if path.rpartition("/")[2] == name]
    close = difflib.get_close_matches(wanted, ending, n=1, cutoff=0)
    close = close or difflib.get_close_matches(wanted, plain, n=1)
    return plain[close[0]] if close else None


def _plain(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()
