"""data/licences.csv: who made the photographs and under which licence they stand; written by hand.

Each line has a pattern of paths below gather.source, as `faces/*` or `faces/a.jpg`; the first line
that fits a photograph is the photograph's. Of what no line fits its source.yaml says it
(common/credits.py), and where there is none, it is not stated.
"""

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from stages.common import handwritten
from stages.common.errors import UserError
from stages.common.rows import Source

FILE = Path("data/licences.csv")
NOT_STATED = "not stated"


class Licence(NamedTuple):
    """A row of licences.csv."""

    photographs: str  # a pattern
    licence: str  # as `CC-BY-4.0`
    author: str
    source: str  # the collection, as `FFHQ`
    url: str  # of the source, or of the licence's terms


UNKNOWN = Licence("*", NOT_STATED, "", NOT_STATED, "")


def read(path: Path) -> list[Licence]:
    """Read the licences.

    Raises:
        UserError: where the file is missing, a line has not five cells, no licence, or a url that
            is none.
    """
    rows = handwritten.read(path, Licence)
    for row in rows:
        if not row.licence:
            raise UserError(f"{path}: {row.photographs}: has no licence: name it, or delete it")
        if row.url and not re.fullmatch(r"https?://\S+", row.url):
            raise UserError(f"{path}: {row.photographs}: url must be as https://…, got {row.url!r}")
    return rows


def of(photographs: Mapping[str, Source], rows: Sequence[Licence]) -> Mapping[str, Licence]:
    """Each photograph's licence, by its path; `UNKNOWN` where nobody says it.

    Args:
        photographs: each one's source.
    """
    return {
        path: next((row for row in rows if fnmatchcase(path, row.photographs)), of_source(source))
        for path, source in photographs.items()
    }


def of_source(source: Source) -> Licence:
    """What a source says of all its photographs; `UNKNOWN` where it says nothing."""
    if not source.licence:
        return UNKNOWN
    return Licence("*", source.spdx or source.licence, "", source.name, source.url)
