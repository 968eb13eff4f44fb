"""How images are chosen by their scores: the model of a cutoff's parameters, and the one decision.

Ranked by score, ties by path. In this order: an image that is reserved for validation or left out
by hand is dropped (`EARLIER`); then one below its section's `min_score`; of the others the best
`count` are kept. None is no limit. A section of `per_section` overrides what it names: with a
`count` of its own it is a group of its own, all the others together are one; a count of 0 leaves it
out. A `min_score` can be a folder of photographs that are known to be good: their mean score.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Self, TypeVar

from pydantic import ConfigDict, Field, ValidationError, WrapValidator

from stages.common import decision, tables
from stages.common.decision import Dropped
from stages.common.errors import UserError
from stages.common.leave_out import LeftOut
from stages.common.params import Params
from stages.common.rows import Candidate, Decision, Score

RESERVED = "reserved for validation"
LEFT_OUT = "left out by hand"
EARLIER = frozenset({RESERVED, LEFT_OUT})  # reasons that no count and no score changes
REFERENCES = "data/reference"  # every reference is a folder below it
OTHERS = ""  # the group of all sections without a count of their own


class Reference(Params):
    """A folder of images whose mean score is a floor."""

    reference: str = Field(pattern=f"^{REFERENCES}/[^/]+")

    def mean(self, scores: Iterable[Score]) -> float:
        """The mean of the folder's scores, with six decimals.

        Raises:
            UserError: where it has none.
        """
        inside = f"{Path(self.reference).relative_to(REFERENCES).as_posix()}/"
        found = [score.hyperiqa for score in scores if score.path.startswith(inside)]
        if not found:
            raise UserError(f"{self.reference} holds no image: put good photographs there")
        return tables.mean(found)


def _floor(value: object, validate: Callable[[object], object]) -> object:
    try:
        return validate(value)
    except ValidationError:  # one message, and not one for each kind that it could be
        raise ValueError(
            f"must be a finite number, null or {{reference: {REFERENCES}/NAME}}"
        ) from None


Floor = Annotated[float | Reference | None, WrapValidator(_floor)]


class SectionCutoff(Params):
    """What a section overrides; what it does not name is as for all."""

    count: Annotated[int, Field(ge=0)] | None = None
    min_score: Floor = None


class Cutoff(Params):
    count: Annotated[int, Field(ge=1)] | None
    min_score: Floor
    report_at: float | None
    per_section: dict[str, SectionCutoff]

    def floor(self, section: str) -> float | None:
        """The least score of a section; every reference must be `measured`."""
        own = self.per_section.get(section)
        floor = own.min_score if own and "min_score" in own.model_fields_set else self.min_score
        assert not isinstance(floor, Reference)
        return floor

    def group(self, section: str) -> str:
        """The group that a section is counted in."""
        own = self.per_section.get(section)
        return section if own and "count" in own.model_fields_set else OTHERS

    def measured(self, scores: Sequence[Score]) -> "Cutoff":
        """The same cutoff with numbers in place of references, whose images have these `scores`.

        Raises:
            UserError: where a reference has no image.
        """

        def with_number(rule: C) -> C:
            if not isinstance(rule.min_score, Reference):
                return rule
            return rule.model_copy(update={"min_score": rule.min_score.mean(scores)})

        sections = {name: with_number(rule) for name, rule in self.per_section.items()}
        return with_number(self).model_copy(update={"per_section": sections})

    def most(self, group: str) -> int | None:
        """How many of a group are kept at most."""
        return self.count if group == OTHERS else self.per_section[group].count


C = TypeVar("C", Cutoff, SectionCutoff)


class CutoffParams(Params):
    images: Cutoff
    subimages: Cutoff

    def measured(self, *, images: Sequence[Score], subimages: Sequence[Score]) -> Self:
        """Both `Cutoff.measured`, each with the references' scores as what it cuts is scored."""
        both = {
            "images": self.images.measured(images),
            "subimages": self.subimages.measured(subimages),
        }
        return self.model_copy(update=both)


class Reserved(Params):
    """Of the section `validation`: the photographs that are never trained on."""

    model_config = ConfigDict(extra="ignore")

    picks: list[str]


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


def check(rows: Sequence[Decision], cutoff: Cutoff, key: str) -> None:
    """A named section must be there, and each count must be one that can be met.

    Raises:
        UserError: which names the group.
    """
    sections = {row.section for row in rows}
    unknown = sorted(cutoff.per_section.keys() - sections)
    if unknown:
        raise UserError(
            f"{key}.per_section names {', '.join(unknown)}, but the sections are "
            f"{', '.join(sorted(sections))}: correct it"
        )
    for group, there in Counter(cutoff.group(row.section) for row in rows).items():
        most = cutoff.most(group)
        if most is not None and most > there:
            asked = f"{key}.per_section.{group}.count" if group else f"{key}.count"
            raise UserError(
                f"{asked} asks for {most:,} of only {there:,} {named(group, cutoff)}: lower it, or "
                "set it to null for all"
            )


def named(group: str, cutoff: Cutoff) -> str:
    """What the images of a group are called."""
    if group:
        return f"of section {group}"
    own = any(cutoff.group(section) for section in cutoff.per_section)
    return "of the other sections" if own else "images"


def rules(
    cutoff: Cutoff, reserved: Sequence[str], left_out: Sequence[LeftOut]
) -> list[decision.Rule[Decision]]:
    """What is asked of an image, in this order."""
    by_hand = {row.image: Dropped(LEFT_OUT, row.reason) for row in left_out}

    def below_the_best(group: str) -> str:
        most = cutoff.most(group)
        if most == 0:
            return f"section {group} is left out"
        suffix = "" if named(group, cutoff) == "images" else f" {named(group, cutoff)}"
        return f"below the best {most:,}{suffix}"

    return [
        decision.listed({path: Dropped(RESERVED, "") for path in reserved}, lambda row: row.path),
        decision.listed(by_hand, lambda row: row.path),
        decision.listed(by_hand, lambda row: row.sha256),
        decision.at_least(
            lambda row: row.hyperiqa,
            lambda row: cutoff.floor(row.section),
            "below the score {floor:g}",
        ),
        decision.best(lambda row: cutoff.group(row.section), cutoff.most, below_the_best),
    ]


def decided(
    rows: Sequence[Decision],
    cutoff: Cutoff,
    key: str,
    reserved: Sequence[str] = (),
    left_out: Sequence[LeftOut] = (),
) -> list[Decision]:
    """Decide on ranked images; `key` is the cutoff's name in params.yaml.

    Raises:
        UserError: where a count can't be met, or none would be kept.
    """
    check(rows, cutoff, key)
    dropped = decision.decide(rows, rules(cutoff, reserved, left_out))
    if len(dropped) == len(rows):
        reasons = Counter(why.reason for why in dropped.values())
        why = ", ".join(f"{n:,} {reason}" for reason, n in reasons.most_common())
        best = f"; the best has {rows[0].hyperiqa:.6f}" if rows else ""
        raise UserError(f"{key} keeps none of {len(rows):,} ({why}{best}): loosen it")
    return [
        row._replace(kept=False, reason=dropped[row.path].reason, detail=dropped[row.path].detail)
        if row.path in dropped
        else row
        for row in rows
    ]
