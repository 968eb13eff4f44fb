"""Where the parts of a set are: its images, its lists, its validation images.

A set is a folder of images, or of one folder of images with lists beside it.
"""

import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import files
from stages.common.errors import UserError
from stages.common.sets.looking import is_image

VALIDATION = "validation"
HR = ("hr", "gt")  # names of the folder of full-size validation images, in small letters


class Layout(NamedTuple):
    """The parts of a set; paths have `/`."""

    folder: Path
    top: str  # of the training images: a folder with `/` at its end, or empty for `folder` itself
    files: list[str]  # all, below `folder`
    images: list[str]  # those for training
    validation: Path | None  # the folder of validation images
    validating: list[str]  # files below that folder

    @property
    def prefix(self) -> str:
        """What makes a path below `validation` one from `folder` on."""
        assert self.validation is not None
        return Path(os.path.relpath(self.validation, self.folder)).as_posix() + "/"


def find(folder: Path, validation: Path | None, named: Sequence[str]) -> Layout:
    """Look where the parts are.

    Args:
        validation: the folder of validation images; None to look for it within the set, and for a
            folder with `hr` beside it.
        named: names of training images, as lists in the set have them.

    Raises:
        UserError: where there is no image.
    """
    inside = folder / VALIDATION
    if validation is None:
        beside = folder.parent / VALIDATION
        if inside.is_dir():
            validation = inside
        elif beside.is_dir() and any((beside / name).is_dir() for name in HR):
            validation = beside
    found = files.files_below(folder)
    places = [inside, *([validation] if validation else [])]
    apart = tuple(f"{os.path.relpath(place, folder)}/" for place in places)
    rest = [path for path in found if not path.startswith(apart)]
    top = _top(rest, named)
    images = [path for path in rest if path.startswith(top) and is_image(path)]
    if not images:
        raise UserError(f"{folder} holds no image: name the folder that a set was unpacked to")
    validating = files.files_below(validation) if validation else []
    return Layout(folder, top, found, images, validation, validating)


def set_folder(folder: Path) -> Path:
    """The folder of the set: this one, or the only one in it, as after unpacking.

    Raises:
        UserError: where there is none.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name the folder that a set was unpacked to")
    inside = list(folder.iterdir())
    only = inside[0] if len(inside) == 1 and inside[0].is_dir() else None
    return folder if only is None or not _is_set(only) else only


def _is_set(folder: Path) -> bool:
    """Whether a folder has more than images."""
    return any(path.is_dir() or not is_image(path.name) for path in folder.iterdir())


def _top(paths: Sequence[str], named: Collection[str]) -> str:
    """The folder of the images: where most of those are that lists name; where they name none, the
    only folder with images, or all."""
    present = set(paths)
    images = [path for path in paths if is_image(path)]
    folders = sorted({path.partition("/")[0] + "/" for path in images if "/" in path})
    whole = [name for name in named if name in present]  # named from the set's folder on
    hits = {
        top: sum(top + name in present for name in named)
        + sum(name.startswith(top) for name in whole)
        for top in folders
    } | {"": len(whole)}
    best = max(hits, key=lambda top: hits[top])
    if hits[best]:
        return best
    lists = [path for path in paths if "/" not in path and not is_image(path)]
    return folders[0] if len(folders) == 1 and lists else ""
