"""How images are chosen by their scores: the one decision.

Ranked by score, ties by path. In this order an image is dropped: where it is reserved for
validation or left out by hand (`EARLIER`); where its section has a count of 0; at the first of
`limits` that it fails; below its section's `min_score`. The others are asked in turn, the best
first: dropped is what is nearly the same picture as a kept or reserved photograph, or overlaps a
kept tile, or is beyond the tiles of its photograph, the share of its scale, or the count of its
group. None is no limit. A section of `per_section` overrides what it names: with a `count` of its
own it is a group of its own, all the others together are one. A `min_score` can be a folder of
photographs that are known to be good: their mean score.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from stages.common import decision, likes
from stages.common.cutoff_params import Cutoff, ImagesCutoff, Limit, TilesCutoff
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.likes import Alike
from stages.common.rows import (
    Candidate,
    Decision,
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)

RESERVED = "reserved for validation"
LEFT_OUT = "left out by hand"
EARLIER = frozenset({RESERVED, LEFT_OUT})  # reasons that no count, score or limit changes
NEAR_DUPLICATE = "near-duplicate"
BY_RANK = ("below the best", "below the score")  # how the reasons begin that rank alone gives


class Known(NamedTuple):
    """What is known of images beside their scores, by path."""

    measures: Mapping[str, ImageMeasures | TileMeasures]
    alike: Alike  # as far as the cutoff minds
    tiles: Mapping[str, Tile]  # none of photographs


def of_images(
    measures: Iterable[ImageMeasures], pairs: Iterable[Neighbours], cutoff: ImagesCutoff
) -> Known:
    """What is known of photographs."""
    near = cutoff.near_duplicates
    alike = likes.near(pairs, near.bits, near.distance) if near else {}
    return Known({row.path: row for row in measures}, alike, {})


def of_tiles(measures: Iterable[TileMeasures], tiles: Sequence[Tile], cutoff: TilesCutoff) -> Known:
    """What is known of tiles."""
    alike = {} if cutoff.overlap is None else likes.overlapping(tiles, cutoff.overlap)
    by_path = {tile.path: tile for tile in tiles}
    return Known({row.path: row for row in measures}, alike, by_path)


def ranked(candidates: Sequence[Candidate], scores: Sequence[Score]) -> list[Decision]:
    """All images, best first, all of them kept yet."""
    by_path = {score.path: score.hyperiqa for score in scores}
    if by_path.keys() != {c.path for c in candidates}:
        raise UserError("the table and its scores list different images: run `dvc repro`")
    order = sorted(candidates, key=lambda c: (-by_path[c.path], c.path))
    return [
        Decision(rank, c.path, c.section, c.sha256, c.bytes, by_path[c.path], True, "", "")
        for rank, c in enumerate(order, start=1)
    ]


def undecided(rows: Sequence[Decision]) -> tuple[list[Decision], list[str], list[LeftOut]]:
    """Decided rows as they were before: what `decided` takes, to decide by other limits."""
    reserved = [row.path for row in rows if row.reason == RESERVED]
    left_out = [LeftOut(row.path, row.detail) for row in rows if row.reason == LEFT_OUT]
    return [row._replace(kept=True, reason="", detail="") for row in rows], reserved, left_out


def check(rows: Sequence[Decision], cutoff: Cutoff, known: Known, key: str) -> None:
    """What is named must be there, every image measured, and each count one that can be met.

    Raises:
        UserError: which names the section, scale, measure or group.
    """
    sections, scales = {row.section for row in rows}, {t.scale for t in known.tiles.values()}
    named_scales = cutoff.scales.shares if isinstance(cutoff, TilesCutoff) and cutoff.scales else ()
    for what, names, there in (
        ("per_section", cutoff.per_section, sections),
        ("scales.shares", named_scales, scales),
    ):
        if unknown := sorted(set(names) - there):
            kind = "sections" if what == "per_section" else "scales"
            raise UserError(
                f"{key}.{what} names {', '.join(unknown)}, but the {kind} are "
                f"{', '.join(sorted(there))}: correct it"
            )
    if cutoff.limits and not known.measures.keys() >= {row.path for row in rows}:
        raise UserError(f"{key}: some images are not measured: run `dvc repro`")
    for group, there_are in Counter(cutoff.group(row.section) for row in rows).items():
        most = cutoff.most(group)
        if most is not None and most > there_are:
            raise UserError(
                f"{asked(group, key)} asks for {most:,} of only {there_are:,} "
                f"{named(group, cutoff)}: lower it, or set it to null for all"
            )


def asked(group: str, key: str) -> str:
    """The parameter that says how many of a group are kept."""
    return f"{key}.per_section.{group}.count" if group else f"{key}.count"


def named(group: str, cutoff: Cutoff) -> str:
    """What the images of a group are called."""
    if group:
        return f"of section {group}"
    own = any(cutoff.group(section) for section in cutoff.per_section)
    return "of the other sections" if own else "images"


def limit_reasons(name: str, limit: Limit) -> Iterator[str]:
    """The reasons that a limit gives, its floor's first."""
    if limit.min is not None:
        yield f"{name} below {limit.min:g}"
    if limit.max is not None:
        yield f"{name} above {limit.max:g}"


def rules(
    cutoff: Cutoff, known: Known, reserved: Sequence[str], left_out: Sequence[LeftOut]
) -> list[decision.Rule[Decision]]:
    """What is asked of an image, in this order."""
    by_hand = {row.image: Dropped(LEFT_OUT, row.reason) for row in left_out}
    sections = {
        name: Dropped(f"section {name} is left out", "")
        for name, own in cutoff.per_section.items()
        if own.count == 0
    }
    return [
        decision.listed({path: Dropped(RESERVED, "") for path in reserved}, lambda row: row.path),
        decision.listed(by_hand, lambda row: row.path),
        decision.listed(by_hand, lambda row: row.sha256),
        decision.listed(sections, lambda row: row.section),
        *(rule for name, limit in cutoff.limits.items() for rule in limits(name, limit, known)),
        decision.at_least(
            lambda row: row.hyperiqa,
            lambda row: cutoff.floor(row.section),
            "below the score {limit:g}",
        ),
        decision.in_turn(lambda: list(questions(cutoff, known, reserved))),
    ]


def limits(name: str, limit: Limit, known: Known) -> Iterator[decision.Rule[Decision]]:
    """The rules of a measure's limit."""

    def value(row: Decision) -> float:
        return float(getattr(known.measures[row.path], name))

    if limit.min is not None:
        yield decision.at_least(value, lambda _: limit.min, f"{name} below {{limit:g}}")
    if limit.max is not None:
        yield decision.at_most(value, limit.max, f"{name} above {{limit:g}}")


def questions(
    cutoff: Cutoff, known: Known, reserved: Sequence[str]
) -> Iterator[decision.Question[Decision]]:
    """What is asked of an image in turn: it depends on those that are kept already."""
    if isinstance(cutoff, TilesCutoff):
        yield from questions_of_tiles(cutoff, known)
    elif known.alike:
        yield decision.unlike(known.alike, reserved, NEAR_DUPLICATE)

    def below_the_best(row: Decision) -> str:
        group = cutoff.group(row.section)
        most = cutoff.most(group)
        suffix = "" if named(group, cutoff) == "images" else f" {named(group, cutoff)}"
        return f"below the best {most:,}{suffix}"

    yield decision.best(
        lambda row: cutoff.group(row.section),
        lambda row: cutoff.most(cutoff.group(row.section)),
        below_the_best,
    )


def questions_of_tiles(cutoff: TilesCutoff, known: Known) -> Iterator[decision.Question[Decision]]:
    """Variety among tiles: overlap, tiles of a photograph, shares of scales."""
    tiles = known.tiles
    if known.alike:
        yield decision.unlike(known.alike, (), f"overlap above {cutoff.overlap:g}")
    if cutoff.per_photograph is not None:
        yield decision.best(
            lambda row: tiles[row.path].photograph,
            lambda _: cutoff.per_photograph,
            lambda _: f"beyond {cutoff.per_photograph:,} of a photograph",
            " of its photograph",
        )
    if cutoff.scales is not None:
        shares = cutoff.scales

        def most(row: Decision) -> int | None:
            count = cutoff.most(cutoff.group(row.section))
            return None if count is None else shares.most(count).get(tiles[row.path].scale)

        yield decision.best(
            lambda row: (cutoff.group(row.section), tiles[row.path].scale),
            most,
            lambda row: (
                f"beyond {shares.shares[tiles[row.path].scale]:.0%} at scale "
                f"{tiles[row.path].scale}"
            ),
            " at its scale",
        )


def decided(
    rows: Sequence[Decision],
    cutoff: Cutoff,
    key: str,
    known: Known,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> list[Decision]:
    """Decide on ranked images; `key` is the cutoff's name in params.yaml.

    Raises:
        UserError: where a count can't be met, or none would be kept.
    """
    check(rows, cutoff, known, key)
    dropped = decision.decide(rows, rules(cutoff, known, reserved, left_out))
    found = [
        row._replace(kept=False, reason=dropped[row.path].reason, detail=dropped[row.path].detail)
        if row.path in dropped
        else row
        for row in rows
    ]
    if len(dropped) == len(rows):
        best = f"; the best has {rows[0].hyperiqa:.6f}" if rows else ""
        why = reasons(found)
        raise UserError(f"{key} keeps none of {len(rows):,} ({why}{best}): loosen it")
    check_reached(found, cutoff, key)
    return found


def reasons(rows: Iterable[Decision]) -> str:
    """Why rows are not kept, most frequent first."""
    counts = Counter(row.reason for row in rows if not row.kept)
    return ", ".join(f"{n:,} {reason}" for reason, n in counts.most_common())


def check_reached(rows: Sequence[Decision], cutoff: Cutoff, key: str) -> None:
    """Where nothing says that an image can be too bad, as `min_score` does, as many must be kept as
    were asked for, but for those left out by hand or reserved.

    Raises:
        UserError: which says how far it goes, and what holds it back.
    """
    groups: dict[str, list[Decision]] = {}
    for row in rows:
        groups.setdefault(cutoff.group(row.section), []).append(row)
    for group, members in groups.items():
        most = cutoff.most(group)
        if most is None or any(cutoff.floor(row.section) is not None for row in members):
            continue
        kept = sum(row.kept for row in members)
        if kept + sum(row.reason in EARLIER for row in members) < most:
            raise UserError(
                f"{asked(group, key)} asks for {most:,}, but of {len(members):,} "
                f"{named(group, cutoff)} only {kept:,} can be kept ({reasons(members)}): lower it, "
                "loosen what holds it back, or set it to null for all"
            )
