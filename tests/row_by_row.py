"""The decision told row by row: what stages/common/cutoffs.py does on columns, slowly and plainly.

And rows as columns, so that a test can say what it means in a few rows.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from stages.common import cutoff_checks, cutoffs
from stages.common.columns import Columns, Likes, coded
from stages.common.cutoff_params import Cutoff, ImagesCutoff, TilesCutoff
from stages.common.leave_out import LeftOut
from stages.common.rows import (
    Decision,
    ImageMeasures,
    Neighbours,
    Score,
    Tile,
    TileMeasures,
)

Alike = Mapping[str, Sequence[tuple[str, str]]]  # by path: those it is like, and the evidence


class Candidate(NamedTuple):
    """What a cutoff needs of an image, beside its score."""

    path: str
    section: str
    sha256: str  # of the file; of a tile, its `pixels`
    bytes: int  # of the file; of a tile, about those of its PNG


class Known(NamedTuple):
    """What is known of images beside their scores, by path."""

    measures: Mapping[str, ImageMeasures | TileMeasures]
    alike: Alike
    tiles: Mapping[str, Tile]  # none of photographs
    sources: Mapping[str, str] = {}


NOTHING = Known({}, {}, {})


def of_images(
    measures: Iterable[ImageMeasures], pairs: Iterable[Neighbours], cutoff: ImagesCutoff
) -> Known:
    near, alike = cutoff.near_duplicates, defaultdict(list)
    for pair in pairs:
        if near and (pair.bits <= near.bits or pair.distance <= near.distance):
            evidence = f"{pair.bits} of 256 bits, distance {pair.distance:.3f}"
            alike[pair.path].append((pair.other, evidence))
            alike[pair.other].append((pair.path, evidence))
    likes = {path: sorted(others) for path, others in alike.items()}
    return Known({row.path: row for row in measures}, likes, {})


def of_tiles(measures: Iterable[TileMeasures], tiles: Sequence[Tile], cutoff: TilesCutoff) -> Known:
    by_path = {tile.path: tile for tile in tiles}
    alike = {} if cutoff.overlap is None else overlapping(tiles, cutoff.overlap)
    return Known({row.path: row for row in measures}, alike, by_path)


def overlapping(tiles: Sequence[Tile], ceiling: float) -> Alike:
    found = defaultdict(list)
    for a in tiles:
        for b in sorted(tiles, key=lambda tile: tile.path):
            if a.path != b.path and a.parent == b.parent and shared(a, b) > ceiling:
                found[a.path].append((b.path, f"{shared(a, b):.2f} shared"))
    return found


def shared(a: Tile, b: Tile) -> float:
    """The area of the intersection by that of the union."""
    width = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    common = max(width, 0) * max(height, 0)
    return common / (a.width * a.height + b.width * b.height - common)


def ranked(candidates: Sequence[Candidate], scores: Sequence[Score]) -> list[Decision]:
    """All images, best first, ties by path; all of them kept yet."""
    by_path = {score.path: score.hyperiqa for score in scores}
    order = sorted(candidates, key=lambda c: (-by_path[c.path], c.path))
    return [
        Decision(rank, c.path, c.section, c.sha256, c.bytes, by_path[c.path], True, "", "")
        for rank, c in enumerate(order, start=1)
    ]


def columns(
    rows: Sequence[Decision],
    known: Known = NOTHING,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> Columns:
    """Ranked rows as columns. Without tiles each image is a photograph of its own."""
    by_hand = {row.image: row.reason for row in left_out}
    standing = np.array([row.path in reserved for row in rows], np.bool_)
    section, sections = coded([row.section for row in rows])
    source, sources = coded([known.sources.get(row.path, "") for row in rows])
    tiles = [known.tiles[row.path] for row in rows] if known.tiles else []
    scale, scales = coded([tile.scale for tile in tiles])
    photograph, _ = coded([tile.photograph for tile in tiles])
    names = next(iter(known.measures.values()))._fields[2:] if known.measures else ()
    return Columns(
        hyperiqa=np.array([row.hyperiqa for row in rows], float),
        bytes=np.array([row.bytes for row in rows], np.int64),
        reserved=standing,
        left_out={
            i: by_hand.get(row.path, by_hand.get(row.sha256, ""))
            for i, row in enumerate(rows)
            if {row.path, row.sha256} & by_hand.keys()
        },
        section=section,
        source=source,
        scale=scale if tiles else np.zeros(len(rows), np.int32),
        photograph=photograph if tiles else np.arange(len(rows)),
        sections=sections,
        sources=sources,
        scales=scales,
        measures={
            name: np.array(
                [getattr(known.measures.get(row.path), name, np.nan) for row in rows], float
            )
            for name in names
        },
        likes=_likes(rows, known.alike, standing),
    )


def _likes(rows: Sequence[Decision], alike: Alike, standing: "np.ndarray") -> Likes | None:
    place = {row.path: i for i, row in enumerate(rows)}
    starts, others, words = [0], [], []
    for i, row in enumerate(rows):
        for path, evidence in alike.get(row.path, ()):
            if (j := place[path]) < i or standing[j]:
                others.append(j)
                words.append(evidence)
        starts.append(len(others))

    def evidence(_: "np.ndarray", edges: "np.ndarray") -> list[str]:
        return [words[edge] for edge in edges.tolist()]

    return Likes(np.array(starts), np.array(others, int), evidence) if others else None


def decided(
    rows: Sequence[Decision],
    cutoff: Cutoff,
    key: str,
    known: Known = NOTHING,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> list[Decision]:
    """What the columns' decision makes of rows."""
    c = columns(rows, known, reserved, left_out)
    found = cutoff_checks.decided(c, cutoff, key)
    words, others = cutoffs.details(c, found, slice(0, len(rows)))
    return [
        row._replace(
            kept=bool(found.kept[i]),
            reason=found.reasons[found.why[i]].text,
            detail=words[i] if others[i] < 0 else f"{words[i]}: {rows[others[i]].path}",
        )
        for i, row in enumerate(rows)
    ]


def told(
    rows: Sequence[Decision],
    cutoff: Cutoff,
    known: Known = NOTHING,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> list[Decision]:
    """The decision as its docstring tells it, one row after the other."""
    by_hand = {row.image: row.reason for row in left_out}
    standing = set(reserved) if isinstance(cutoff, ImagesCutoff) else set()
    seen: Counter[object] = Counter()
    taken: Counter[object] = Counter()
    found = []
    for row in rows:
        why = alone(row, cutoff, known, reserved, by_hand)
        asked = []
        if why is None:
            near = (x for x in known.alike.get(row.path, ()) if x[0] in standing)
            if (like := next(near, None)) is not None:
                is_tile = bool(known.tiles)
                overlap = cutoff.overlap if isinstance(cutoff, TilesCutoff) else None
                reason = f"overlap above {overlap:g}" if is_tile else "near-duplicate"
                why = (reason, f"{like[1]}: {like[0]}")
        if why is None:
            for kind, most, reason, within in counted(row, cutoff, known):
                seen[kind] += 1
                if most is not None and taken[kind] >= most:
                    why = (reason, f"rank {seen[kind]}{within}")
                    break
                asked.append(kind)
        if why is None:
            standing.add(row.path)
            taken.update(asked)
        reason, detail = why or ("", "")
        found.append(row._replace(kept=why is None, reason=reason, detail=detail))
    return found


def alone(
    row: Decision,
    cutoff: Cutoff,
    known: Known,
    reserved: Sequence[str],
    by_hand: Mapping[str, str],
) -> tuple[str, str] | None:
    """The first rule that a row fails whatever the others are."""
    source, score = known.sources.get(row.path, ""), row.hyperiqa
    if row.path in reserved:
        return "reserved for validation", ""
    for name in (row.path, row.sha256):
        if name in by_hand:
            return "left out by hand", by_hand[name]
    for kind, name, own in (
        ("section", row.section, cutoff.per_section),
        ("source", source, cutoff.per_source),
    ):
        if name in own and own[name].count == 0:
            return f"{kind} {name} is left out", ""
    for name, limit in cutoff.limits.items():
        value = float(getattr(known.measures[row.path], name))
        if limit.min is not None and value < limit.min:
            return f"{name} below {limit.min:g}", f"{value:.6f}"
        if limit.max is not None and value > limit.max:
            return f"{name} above {limit.max:g}", f"{value:.6f}"
    floor, own_floor = cutoff.floor(row.section), cutoff.source_floor(source)
    if floor is not None and score < floor:
        return f"below the score {floor:g}", f"{score:.6f}"
    if own_floor is not None and score < own_floor:
        return f"below the score {own_floor:g} of source {source}", f"{score:.6f}"
    return None


def counted(
    row: Decision, cutoff: Cutoff, known: Known
) -> list[tuple[object, int | None, str, str]]:
    """What a row is counted in: its kind, how many are kept of it, and what is said of others."""
    group = cutoff.group(row.section)
    most = cutoff.most(group)
    found: list[tuple[object, int | None, str, str]] = []
    if isinstance(cutoff, TilesCutoff):
        tile, each = known.tiles.get(row.path), cutoff.per_photograph
        if tile and each is not None:
            reason = f"beyond {each:,} of a photograph"
            found.append((("photograph", tile.photograph), each, reason, " of its photograph"))
        if tile and cutoff.scales is not None:
            share = cutoff.scales.shares.get(tile.scale, 1)
            quota = None if most is None else cutoff.scales.most(most).get(tile.scale)
            reason = f"beyond {share:.0%} at scale {tile.scale}"
            found.append((("scale", group, tile.scale), quota, reason, " at its scale"))
    source = known.sources.get(row.path, "")
    cap = cutoff.source_most(source)
    if cap is not None:
        found.append((("source", source), cap, f"beyond {cap:,} of source {source}", OF_SOURCE))
    suffix = f" {cutoffs.named(group, cutoff)}"
    suffix = "" if suffix == " images" else suffix
    found.append((("group", group), most, f"below the best {most or 0:,}{suffix}", ""))
    return found


OF_SOURCE = " of its source"
