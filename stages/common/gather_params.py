"""The section `gather` of params.yaml: which photographs there are."""

from typing import Annotated

from pydantic import Field, field_validator

from stages.common.params import Params
from stages.common.pixels import images


class GatherParams(Params):
    """The section `gather`."""

    source: str
    more: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*$")], str]
    max_megapixels: float = Field(gt=0, le=images.MAX_MEGAPIXELS)

    @field_validator("more")
    @classmethod
    def _apart(cls, more: dict[str, str]) -> dict[str, str]:
        inside = [(a, b) for a in more for b in more if b.startswith(f"{a}/")]
        if inside:
            raise ValueError(f"must not have a name inside another's, as {inside[0][1]}")
        return more
