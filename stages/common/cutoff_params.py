"""The section `cutoff` of params.yaml: by what images are chosen."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    field_validator,
    model_validator,
)

from stages.common import tables
from stages.common.errors import UserError
from stages.common.params import Params
from stages.common.rows import ImageMeasures, Score, TileMeasures

REFERENCES = "data/reference"  # every reference is a folder below it
UNSEEN = {"size", "nfiles"}  # DVC leaves them out of what it knows a past run by, at any depth
OTHERS = ""  # the group of all sections without a count of their own
IMAGE_MEASURES = ImageMeasures._fields[2:]
TILE_MEASURES = tuple(name for name in TileMeasures._fields[2:] if name != "bytes")


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


def _floor(value: object, validate: Any) -> object:
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


class SourceCutoff(Params):
    """What is asked of the images of a source, beside all else."""

    count: Annotated[int, Field(ge=0)] | None = None
    min_score: Floor = None


class Limit(Params):
    """A floor and a ceiling of a measure; what is at one is kept."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _is_a_limit(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("must have a min, a max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("must have a min of at most its max")
        return self


class NearDuplicates(Params):
    """When two photographs are nearly the same picture: one of both is enough."""

    bits: int = Field(ge=0, le=48)  # in which their difference hashes differ at most, of 256
    distance: float = Field(ge=0, le=0.25)  # of their embeddings at most, 1 - cosine


def _as_text(scales: object) -> object:
    """Names of scales as tables have them: YAML reads 0.75 as a number."""
    if not isinstance(scales, Mapping):
        return scales
    return {f"{k:g}" if isinstance(k, int | float) else k: v for k, v in scales.items()}


class Shares(Params):
    """The most that each scale may be of what is kept; a scale without one is free."""

    shares: Annotated[
        dict[str, Annotated[float, Field(ge=0, le=1, strict=False)]], BeforeValidator(_as_text)
    ]

    def most(self, count: int) -> dict[str, int]:
        """How many of each scale are kept at most. They add up to `count` where the shares add up
        to 1: each one is rounded together with those before it."""
        ends = [0]
        part = 0.0
        for share in self.shares.values():
            part += share
            ends.append(math.floor(part * count + 0.5))
        return {scale: ends[i + 1] - ends[i] for i, scale in enumerate(self.shares)}


class Cutoff(Params):
    """What photographs and tiles have in common."""

    count: Annotated[int, Field(ge=1)] | None
    min_score: Floor
    report_at: float | None
    limits: dict[str, Limit]
    per_section: dict[str, SectionCutoff]
    per_source: dict[str, SourceCutoff] = Field(default_factory=dict)  # older sets have none

    @field_validator("per_section", "per_source")
    @classmethod
    def _names_that_dvc_sees(cls, rules: dict[str, Any]) -> dict[str, Any]:
        if found := sorted(UNSEEN & rules.keys()):
            raise ValueError(
                f"can't hold `{found[0]}`: where DVC looks for a past run it passes over that "
                "name, and may take another's result over: rename that folder or source"
            )
        return rules

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

    def measured(self, scores: Sequence[Score]) -> Self:
        """The same cutoff with numbers in place of references, whose images have these `scores`.

        Raises:
            UserError: where a reference has no image.
        """

        def numbered(rule: Cutoff | SectionCutoff | SourceCutoff) -> dict[str, float]:
            floor = rule.min_score
            return {"min_score": floor.mean(scores)} if isinstance(floor, Reference) else {}

        sections = {
            name: rule.model_copy(update=numbered(rule)) for name, rule in self.per_section.items()
        }
        sources = {
            name: rule.model_copy(update=numbered(rule)) for name, rule in self.per_source.items()
        }
        own = {"per_section": sections, "per_source": sources}
        return self.model_copy(update=numbered(self) | own)

    def most(self, group: str) -> int | None:
        """How many of a group are kept at most."""
        return self.count if group == OTHERS else self.per_section[group].count

    def source_most(self, source: str) -> int | None:
        """How many of a source are kept at most."""
        own = self.per_source.get(source)
        return own.count if own else None

    def source_floor(self, source: str) -> float | None:
        """The least score of a source; every reference must be `measured`."""
        own = self.per_source.get(source)
        floor = own.min_score if own else None
        assert not isinstance(floor, Reference)
        return floor


def _known(limits: dict[str, Limit], measures: Sequence[str]) -> dict[str, Limit]:
    unknown = [name for name in limits if name not in measures]
    if unknown:
        raise ValueError(
            f"names {', '.join(unknown)}, but the measures are {', '.join(measures)}: correct it"
        )
    return limits


class ImagesCutoff(Cutoff):
    """Which photographs are used."""

    near_duplicates: NearDuplicates | None

    @field_validator("limits")
    @classmethod
    def _measures(cls, limits: dict[str, Limit]) -> dict[str, Limit]:
        return _known(limits, IMAGE_MEASURES)


class TilesCutoff(Cutoff):
    """Which tiles are released."""

    overlap: Annotated[float, Field(ge=0, lt=1)] | None
    per_photograph: Annotated[int, Field(ge=1)] | None
    scales: Shares | None

    @field_validator("limits")
    @classmethod
    def _measures(cls, limits: dict[str, Limit]) -> dict[str, Limit]:
        return _known(limits, TILE_MEASURES)

    @model_validator(mode="after")
    def _shares_of_a_count(self) -> Self:
        if self.scales and self.count is None:
            raise ValueError(
                "must have a count, of which scales.shares are: set it, or scales to null"
            )
        return self


class CutoffParams(Params):
    """The section `cutoff`."""

    images: ImagesCutoff
    subimages: TilesCutoff

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
