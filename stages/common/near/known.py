"""The images of public test sets, known without having them: facts of each, and no picture.

`make known-sets` writes the table from the sets themselves; data/known_sets.md says where they came
from.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from stages.common.near.alike import Look

FILE = Path("data/known_sets.csv")
SETS = ("Set5", "Set14", "BSD100", "Urban100", "Kodak")
WHOLE = "whole"  # a view of an image


class Known(NamedTuple):
    """A view of an image of a public test set: data/known_sets.csv."""

    set: str  # as `Urban100`
    image: str  # as `img_001`
    view: str  # `whole`, or what was cut out of it and how it was changed
    pixels: str  # SHA-256 of the canonical pixels
    dhash: str  # 256-bit difference hash, hexadecimal
    mirrored: str  # that of the mirror image
    embedding: str  # 128 signed bytes, hexadecimal


class Evaluated(NamedTuple):
    """An image that must never be trained on, or a view of one, as photographs are compared with
    it."""

    name: str  # its path, or its set and its name there
    pixels: str
    look: Look


def evaluated(rows: Iterable[Known]) -> Iterator[Evaluated]:
    """What to compare photographs with: each view, and its mirror image."""
    for row in rows:
        name = f"{row.set} {row.image}"
        for dhash in (row.dhash, row.mirrored):
            yield Evaluated(name, row.pixels, Look(dhash, row.embedding))
