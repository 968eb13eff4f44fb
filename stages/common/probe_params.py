"""The section `probe` of params.yaml: by what the kept tiles are tried."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field, field_validator

from stages.common.params import Params

LEAST = 20  # photographs: of fewer the interval says nothing


class ProbeParams(Params):
    """The section `probe`."""

    held: str | None
    points: int = Field(ge=2, le=32)  # 2 MB each, in every process
    classes: list[Literal[12, 48, 192]] = Field(min_length=1)

    @field_validator("classes")
    @classmethod
    def _ascending(cls, classes: list[int]) -> list[int]:
        if classes != sorted(set(classes)):
            raise ValueError("must ascend, each of 12, 48 and 192 at most once")
        return classes


class EvaluationSets(Params):
    """Of the section `screen`: what is never trained on."""

    model_config = ConfigDict(extra="ignore")

    evaluation_sets: list[str]


def fault(held: str, evaluation_sets: Sequence[str]) -> str:
    """What is wrong with a folder of held photographs; empty where nothing is."""
    if any(Path(held).is_relative_to(Path(folder)) for folder in evaluation_sets):
        return ""
    known = ", ".join(evaluation_sets) or "none yet"
    return (
        f"probe.held: {held} is in none of screen.evaluation_sets ({known}), so its photographs "
        "could be trained on: add it there, or set probe.held to one of them or to null"
    )
