"""How images are chosen by their scores: the one decision.

Ranked by score, ties by path. In this order an image is dropped: where it is reserved for
validation or left out by hand; where its section or its source has a count of 0; at the first of
`limits` that it fails; below its section's `min_score`, or its source's. The others are asked in
turn, the best first: dropped is what is nearly the same picture as a kept or reserved photograph,
or overlaps a kept tile, or is beyond the tiles of its photograph, the share of its scale, the count
of its source or that of its group. None is no limit. A section of `per_section` overrides what it
names: with a `count` of its own it is a group of its own, all the others together are one. A
`min_score` can be a folder of photographs that are known to be good: their mean score.

It works on columns (columns.py): what `cutoff` writes and what the figures of other cutoffs are
counted from is one function, `decide`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stages.common.columns import Codes, Columns, Likes, Mask, Numbers, Places
from stages.common.cutoff_params import Cutoff, ImagesCutoff, TilesCutoff

RESERVED = "reserved for validation"
LEFT_OUT = "left out by hand"
EARLIER = frozenset({RESERVED, LEFT_OUT})  # reasons that no count, score or limit changes
NEAR_DUPLICATE = "near-duplicate"
BY_RANK = ("below the best", "below the score")  # how the reasons begin that rank alone gives
AT_ONCE = 1 << 16  # images that are asked as Python numbers
AT_SCALE = " at its scale"
NONE, NUMBER, RANK, EDGE, PLACE = range(5)  # what the value of a dropped image is


class Reason(NamedTuple):
    """Why images are dropped."""

    text: str  # short, to be counted
    kind: int = NONE  # of their values: a number, a rank, an edge of `likes`, a place
    within: str = ""  # in what they have that rank


class Decided(NamedTuple):
    """What a cutoff makes of ranked images: columns of the same length."""

    kept: Mask
    why: Codes  # places in `reasons`; 0 where kept
    value: Numbers  # that it was dropped for
    reasons: Sequence[Reason]


class _Verdicts:
    """What is decided so far: each image has the first rule that it fails."""

    def __init__(self, size: int) -> None:
        self.why = np.zeros(size, np.int32)
        self.value = np.zeros(size)
        self.reasons = [Reason("")]
        self._codes: dict[Reason, int] = {}

    def code(self, reason: Reason) -> int:
        """A reason's place."""
        if reason not in self._codes:
            self._codes[reason] = len(self.reasons)
            self.reasons.append(reason)
        return self._codes[reason]

    def drop(self, fails: Mask, reason: Reason, value: Numbers | Places) -> None:
        """Drop what fails a rule and no rule before it."""
        found = np.flatnonzero(fails & (self.why == 0))
        if found.size:
            self.why[found] = self.code(reason)
            self.value[found] = value[found]


class _Question(NamedTuple):
    """How many of each kind are kept, and why no more."""

    key: Codes  # each image's kind
    most: list[float]  # by kind; inf is no limit
    reason: list[int]  # by kind


def decide(c: Columns, cutoff: Cutoff) -> Decided:
    """Which images a cutoff keeps, and why it drops the others. What is alike is that of `c`,
    whatever the cutoff says of it."""
    verdicts = _Verdicts(c.size)
    _drop_alone(c, cutoff, verdicts)
    questions = [q for q in _questions(c, cutoff, verdicts) if min(q.most, default=0) < math.inf]
    asked = np.flatnonzero(verdicts.why == 0)
    if questions or c.likes is not None:
        # reserved photographs stand in the way of what is alike, as kept ones do
        standing = c.reserved if isinstance(cutoff, ImagesCutoff) else np.zeros(c.size, np.bool_)
        alike = verdicts.code(Reason(_alike_reason(cutoff), EDGE)) if c.likes is not None else 0
        _ask_in_turn(asked, c.likes, alike, standing, questions, verdicts)
    return Decided(verdicts.why == 0, verdicts.why, verdicts.value, verdicts.reasons)


def _drop_alone(c: Columns, cutoff: Cutoff, verdicts: _Verdicts) -> None:
    """The rules that ask of an image what does not depend on others."""
    places = np.arange(c.size)
    verdicts.drop(c.reserved, Reason(RESERVED), places)
    by_hand = np.zeros(c.size, np.bool_)
    by_hand[list(c.left_out)] = True
    verdicts.drop(by_hand, Reason(LEFT_OUT, PLACE), places)
    for kind, names, codes, own in (
        ("section", c.sections, c.section, cutoff.per_section),
        ("source", c.sources, c.source, cutoff.per_source),
    ):
        for code, name in enumerate(names):
            if name in own and own[name].count == 0:
                verdicts.drop(codes == code, Reason(f"{kind} {name} is left out"), places)
    for name, limit in cutoff.limits.items():
        values = c.measures[name]
        if limit.min is not None:
            verdicts.drop(values < limit.min, Reason(f"{name} below {limit.min:g}", NUMBER), values)
        if limit.max is not None:
            verdicts.drop(values > limit.max, Reason(f"{name} above {limit.max:g}", NUMBER), values)
    floors = [cutoff.floor(name) for name in c.sections]
    for floor in dict.fromkeys(floor for floor in floors if floor is not None):
        below = np.array([own == floor for own in floors])[c.section] & (c.hyperiqa < floor)
        verdicts.drop(below, Reason(f"below the score {floor:g}", NUMBER), c.hyperiqa)
    for code, name in enumerate(c.sources):
        own_floor = cutoff.source_floor(name)
        if own_floor is not None:
            below = (c.source == code) & (c.hyperiqa < own_floor)
            reason = Reason(f"below the score {own_floor:g} of source {name}", NUMBER)
            verdicts.drop(below, reason, c.hyperiqa)


def _alike_reason(cutoff: Cutoff) -> str:
    if isinstance(cutoff, TilesCutoff) and cutoff.overlap is not None:
        return f"overlap above {cutoff.overlap:g}"
    return NEAR_DUPLICATE


def _questions(c: Columns, cutoff: Cutoff, verdicts: _Verdicts) -> Iterator[_Question]:
    """What is counted, in the order in which it is asked."""
    groups = [cutoff.group(section) for section in c.sections]
    names = sorted(set(groups))
    most = [math.inf if n is None else n for n in map(cutoff.most, names)]
    group = np.array([names.index(name) for name in groups], np.int32)[c.section]
    if isinstance(cutoff, TilesCutoff) and cutoff.per_photograph is not None:
        each = cutoff.per_photograph
        reason = Reason(f"beyond {each:,} of a photograph", RANK, " of its photograph")
        number = int(c.photograph.max(initial=-1)) + 1
        yield _Question(c.photograph, [each] * number, [verdicts.code(reason)] * number)
    if isinstance(cutoff, TilesCutoff) and cutoff.scales is not None:
        shares = cutoff.scales
        own = [{} if n == math.inf else shares.most(int(n)) for n in most]
        free = [quotas.get(scale, math.inf) for quotas in own for scale in c.scales]
        codes = [
            verdicts.code(
                Reason(f"beyond {shares.shares.get(scale, 1):.0%} at scale {scale}", RANK, AT_SCALE)
            )
            for scale in c.scales
        ]
        yield _Question(group * len(c.scales) + c.scale, free, codes * len(names))
    if cutoff.per_source:
        caps = [cutoff.source_most(name) for name in c.sources]
        codes = [
            verdicts.code(Reason(f"beyond {n or 0:,} of source {name}", RANK, " of its source"))
            for n, name in zip(caps, c.sources, strict=True)
        ]
        yield _Question(c.source, [math.inf if n is None else n for n in caps], codes)
    codes = [verdicts.code(Reason(_below_the_best(cutoff, name), RANK)) for name in names]
    yield _Question(group, most, codes)


def _below_the_best(cutoff: Cutoff, group: str) -> str:
    suffix = "" if named(group, cutoff) == "images" else f" {named(group, cutoff)}"
    return f"below the best {cutoff.most(group) or 0:,}{suffix}"


def named(group: str, cutoff: Cutoff) -> str:
    """What the images of a group are called."""
    if group:
        return f"of section {group}"
    own = any(cutoff.group(section) for section in cutoff.per_section)
    return "of the other sections" if own else "images"


def _ask_in_turn(
    asked: Places,
    likes: Likes | None,
    alike: int,
    standing: Mask,
    questions: Sequence[_Question],
    verdicts: _Verdicts,
) -> None:
    """Ask each image after all better ones: is it like a kept one, is there room for it?"""
    kept = bytearray(standing)
    seen = [[0] * len(q.most) for q in questions]
    left = [list(q.most) for q in questions]
    reason = [q.reason for q in questions]
    for start in range(0, asked.size, AT_ONCE):
        rows = asked[start : start + AT_ONCE]
        edges, others, first = _edges(likes, rows)
        keys = list(zip(*(q.key[rows].tolist() for q in questions), strict=True))
        places, codes, values = [], [], []
        for i, (begin, end), own in zip(
            rows.tolist(), edges, keys or [()] * rows.size, strict=True
        ):
            why = 0
            for edge in range(begin, end):
                if kept[others[edge]]:
                    why, value = alike, first + edge
                    break
            else:
                for q, key in enumerate(own):
                    seen[q][key] += 1
                    if left[q][key] <= 0:
                        why, value = reason[q][key], seen[q][key]
                        break
            if why:
                places.append(i)
                codes.append(why)
                values.append(value)
                continue
            kept[i] = 1
            for q, key in enumerate(own):
                left[q][key] -= 1
        verdicts.why[places] = codes
        verdicts.value[places] = values


def _edges(likes: Likes | None, rows: Places) -> tuple[Sequence[tuple[int, int]], list[int], int]:
    """Where the edges of rows begin and end in a list of what they are like, and the place of that
    list among all."""
    if likes is None or not rows.size:
        return [(0, 0)] * rows.size, [], 0
    first, last = int(likes.starts[rows[0]]), int(likes.starts[rows[-1] + 1])
    begins, ends = likes.starts[rows] - first, likes.starts[rows + 1] - first
    pairs = list(zip(begins.tolist(), ends.tolist(), strict=True))
    return pairs, likes.others[first:last].tolist(), first


def details(c: Columns, decided: Decided, part: slice) -> tuple[list[str], list[int]]:
    """The values of some images in words, and for each the place of the one that it is like, which
    the words are of, or -1."""
    why, value = decided.why[part], decided.value[part]
    words, others = np.full(why.size, "", object), np.full(why.size, -1)
    kinds = np.array([reason.kind for reason in decided.reasons])[why]
    for kind in np.unique(kinds).tolist():
        rows = np.flatnonzero(kinds == kind)
        values = value[rows]
        if kind == NUMBER:
            words[rows] = [f"{x:.6f}" for x in values.tolist()]
        elif kind == RANK:
            within = [reason.within for reason in decided.reasons]
            codes = why[rows].tolist()
            ranks = zip(values.astype(int).tolist(), codes, strict=True)
            words[rows] = [f"rank {n}{within[code]}" for n, code in ranks]
        elif kind == PLACE:
            words[rows] = [c.left_out[place] for place in values.astype(int).tolist()]
        elif kind == EDGE:
            assert c.likes is not None
            edges = values.astype(np.int64)
            words[rows] = c.likes.evidence(rows + (part.start or 0), edges)
            others[rows] = c.likes.others[edges]
    return words.tolist(), others.tolist()
