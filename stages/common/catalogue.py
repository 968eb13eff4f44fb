"""The catalogue of public sets: what is known of each, where it was read, and which fit.

Source: the pages that docs/datasets.yaml names, figure by figure.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from stages.common import params
from stages.common.errors import UserError
from stages.common.params import Params

LIST = Path("docs/datasets.yaml")
TILE = 512  # px; what is smaller gives no tile
TEST = "test"
USES = ("anime", "buildings", "faces", "general", "landscapes", "video", TEST)
TOO_SMALL = "too small"
NON_COMMERCIAL = "non-commercial"
WARNINGS = {  # and what each of them means
    NON_COMMERCIAL: "neither the set nor, by many readings, a network trained on it may be sold",
    TOO_SMALL: f"its short edge is below {TILE} px: no tile of that size can be cut",
    "made by restoration": "networks have made its detail, which another would learn from",
    "compressed": "mostly JPEG of middling quality: `blocks` drops many",
    "mixed licences": "each image has a licence of its own, or its sources have others",
    "links only": "a list of addresses, of which some no longer answer",
    "on request": "only after an agreement or a registration",
}
OWN_TERMS = "LicenseRef-"  # SPDX's way to name what is not on its list

Link = Annotated[str, Field(pattern=r"^https?://[^\s<>|()]+$")]
Line = Annotated[str, Field(pattern=r"^\S([^\n|]*\S)?$")]
# YAML reads a bare `yes` as true.
Answer = Annotated[
    Literal["yes", "no", "unknown"],
    BeforeValidator(lambda x: {True: "yes", False: "no"}[x] if isinstance(x, bool) else x),
]


class Figure(Params):
    """What is said of a set, and where it was read. No value: the source has none, or, where it is
    not verified, it is not known."""

    source: Link | None = None
    verified: Literal[False] | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.source is None) == (self.verified is None):
            raise ValueError("must have either its source or `verified: no`")
        return self

    def marked(self, text: str | None) -> str:
        """A text with a ? where it is not verified."""
        return (text or "none") if self.source else f"{text or ''}?"


class Count(Figure):
    value: Annotated[int, Field(ge=1)] | None = None


class Sizes(Figure):
    value: Line | None = None  # as published
    short_edge: Annotated[int, Field(ge=1)] | None = None  # px, of a typical image


class Licence(Figure):
    """Of the images, by its identifier at spdx.org; others begin with `LicenseRef-`."""

    value: (
        Annotated[
            str,
            Field(pattern=rf"^({OWN_TERMS}[A-Za-z0-9.-]+|CC0-1\.0|CC-BY(-NC)?(-SA|-ND)?-\d\.\d)$"),
        ]
        | None
    ) = None

    @property
    def short(self) -> str:
        return self.marked(self.value and self.value.removeprefix(OWN_TERMS))


class LeaveOut(Figure):
    value: Line | None = None


class Set(Params):
    """A public set."""

    name: Line
    where: Link
    use: Annotated[list[str], Field(min_length=1)]
    images: Count
    sizes: Sizes
    licence: Licence
    redistribute: Answer  # may tiles of it be passed on, as its licence says?
    leave_out: LeaveOut  # images that networks are tested or validated on
    warnings: Annotated[list[str], Field(default_factory=list)]
    note: Line | None = None

    @field_validator("use", "warnings")
    @classmethod
    def _known(cls, words: list[str], info: ValidationInfo) -> list[str]:
        known = USES if info.field_name == "use" else tuple(WARNINGS)
        if unknown := [word for word in words if word not in known]:
            raise ValueError(f"names {', '.join(unknown)}, but there are {', '.join(known)}")
        return words

    @model_validator(mode="after")
    def _read(self) -> Self:
        if self.redistribute != "unknown" and self.licence.source is None:
            raise ValueError("must have redistribute: unknown, as its licence is not verified")
        return self

    @property
    def all_warnings(self) -> list[str]:
        """Those that are stated, and those that follow from size and licence."""
        small = self.sizes.short_edge is not None and self.sizes.short_edge < TILE
        follow = {TOO_SMALL: small, NON_COMMERCIAL: "-NC" in (self.licence.value or "")}
        return [w for w in WARNINGS if w in self.warnings or follow.get(w)]


class Catalogue(Params):
    sets: Annotated[list[Set], Field(min_length=1)]

    @field_validator("sets")
    @classmethod
    def _once(cls, sets: list[Set]) -> list[Set]:
        names = [one.name.casefold() for one in sets]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"must name each set once, but {', '.join(twice)} comes twice")
        return sets


class Asked(NamedTuple):
    """What a set must have; None: anything."""

    use: str | None = None
    licence: str | None = None
    min_side: int | None = None  # px
    redistribute: str | None = None


def load(path: Path = LIST) -> list[Set]:
    """The sets of a file.

    Raises:
        UserError: with every fault of it.
    """
    content = params.read(path)
    if found := params.faults(Catalogue, "", content):
        raise UserError(f"{path}: {'; '.join(fault.removeprefix('.') for fault in found)}")
    return Catalogue.model_validate(content).sets


def has_licence(one: Set, asked: str) -> bool:
    """Whether a set has a licence: of any version where none is named; `*` stands for anything."""
    found, wanted = (one.licence.value or "none").casefold(), asked.casefold()
    names = {found, found.removeprefix(OWN_TERMS.casefold()), re.sub(r"-\d\.\d$", "", found)}
    return any(fnmatchcase(name, wanted) for name in names)


def fitting(sets: Iterable[Set], asked: Asked) -> tuple[list[Set], list[Set]]:
    """The sets that have all that is asked for, and those that only may have it, since the size of
    their images is not known."""
    found = [
        one
        for one in sets
        if (asked.use is None or asked.use in one.use)
        and (asked.licence is None or has_licence(one, asked.licence))
        and asked.redistribute in (None, one.redistribute)
    ]
    if asked.min_side is None:
        return found, []
    large = [one for one in found if (one.sizes.short_edge or 0) >= asked.min_side]
    return large, [one for one in found if one.sizes.short_edge is None]
