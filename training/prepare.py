"""List the rated images, with the label each one has and the fold that withholds it.

Takes:  the folder of LIVE In the Wild: `images/` and `mos.csv` (image, mos in 0..100, std).
Leaves: labels.csv (`Rated`), by name.
Rule:   the label is MOS / 100; the fold is the SHA-256 of the image's name modulo `folds`, so it
        depends on nothing else.
Source: Ghadiyaram & Bovik, "Massive Online Crowdsourced Study of Subjective and Objective Picture
        Quality", IEEE TIP 2016.
"""

import hashlib
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from pydantic import Field

from stages.common import tables
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.params import Params


class PrepareParams(Params):
    source: str
    folds: int = Field(ge=2)


class Opinion(NamedTuple):
    """A row of mos.csv that matters here."""

    image: str
    mos: float  # mean opinion score, 0..100


class Rated(NamedTuple):
    """A row of labels.csv."""

    image: str
    label: float  # 0..1
    fold: int  # the model of this fold never sees the image


def fold_of(name: str, folds: int) -> int:
    """The fold that withholds an image, by its name alone."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % folds


def main(source: Path, labels: Path, params: PrepareParams) -> None:
    opinions = tables.read(source / "mos.csv", Opinion)
    missing = [o.image for o in opinions if not (source / "images" / o.image).is_file()]
    if missing:
        raise UserError(f"{source}/images lacks {len(missing)} rated images, as {missing[0]}")
    rows = [Rated(o.image, o.mos / 100, fold_of(o.image, params.folds)) for o in opinions]
    tables.write(labels, Rated, rows)
    sizes = Counter(row.fold for row in rows)
    print(f"{len(rows)} rated images, {min(sizes.values())} to {max(sizes.values())} a fold")


if __name__ == "__main__":
    run(main)
