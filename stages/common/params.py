"""Parameters: one strict model per stage, all faults found at once."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from stages.common.errors import UserError

LONGEST = 200  # characters of a value that a message shows


class Params(BaseModel):
    """Base of a stage's parameter model: no conversions, no unknown keys, no changes later."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Recipe(Params):
    """All sections of a parameter file as plain values, for a stage that tells of the others'."""

    sections: dict[str, Any]


P = TypeVar("P", bound=Params)


def load(model: type[P], section: str, path: Path = Path("params.yaml")) -> P:
    """Read one section of a parameter file.

    Raises:
        UserError: with every fault of the section, as in
            `params.yaml: multiscale.scales[1] must be less than or equal to 1, got 1.5`.
    """
    sections = read(path)
    if section not in sections:
        raise UserError(f"{path}: section `{section}` is missing: take it from the repository's")
    found = faults(model, section, sections[section])
    if found:
        raise UserError(f"{path}: {'; '.join(found)}")
    return model.model_validate(sections[section])


def read(path: Path) -> dict[str, Any]:
    """Read a parameter file as plain values."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing: run from the folder that holds it") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} must hold one section per stage, got {content!r}")
    return content


def faults(model: type[P], section: str, values: object) -> list[str]:
    """Every fault of a section's values, one text each; none where they fit the model."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        return [_message(section, fault) for fault in error.errors()]
    return []


def _message(section: str, fault: Any) -> str:
    parameter = section
    for part in fault["loc"]:
        parameter += f"[{part}]" if isinstance(part, int) else f".{part}"
    if fault["type"] == "missing":
        return f"{parameter} is missing"
    if fault["type"] == "extra_forbidden":
        return f"{parameter} is not a parameter: check its spelling, or remove it"
    message = fault["msg"].removeprefix("Value error, ")
    message = re.sub(r"^(Input|String|List) should", "must", message)
    got = repr(fault["input"])
    return f"{parameter} {message}, got {got}" if len(got) <= LONGEST else f"{parameter} {message}"
