"""The section `subimages` of params.yaml, of which more than one stage reads a part."""

from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, Field

from stages.common import files
from stages.common.params import Params

Files = Literal["all", "kept"]


class SubimagesParams(Params):
    """How tiles are cut, and which of them become files."""

    size: int = Field(ge=8)
    step: int = Field(ge=1)
    threshold: int = Field(ge=0)
    spacing: Literal["step", "even"]
    files: Files


class Written(Params):
    """Of the section `subimages`: whether all images on the way to the set become files, or only
    those that are kept."""

    model_config = ConfigDict(extra="ignore")

    files: Files


def write_why_empty(folder: Path) -> None:
    """Say in a stage's folder why it holds no image."""
    text = "No image is written here: subimages.files is `kept`, in params.yaml.\n"
    files.write_about(folder, text)
