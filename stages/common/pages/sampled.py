"""A sample of very many tiles, for the report: a page of all of them would be too large to open.

What is counted is counted of all tiles, on columns; the sample is what one can look at.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from stages.common import duck, figures, surrogates
from stages.common.columns import Columns, Mask, Places
from stages.common.cutoffs import BY_RANK
from stages.common.duck import TEXT, WHOLE, Source
from stages.common.figures import Figures
from stages.common.pages import placed
from stages.common.pages.thumbnails import Place
from stages.common.ranking import Ranking
from stages.common.rows import Decision, Tile

MOST = 100_000  # tiles that a page shows without taking a sample
EVENLY = 20_000  # ranks at even steps, from the first to the last
BEST = 200
EDGE = 100  # of each section: the last kept, and the first that rank alone drops
OF_EACH = 200  # of each reason, at even steps
FEWEST = 100  # kept ones with the fewest bytes a pixel
IN_ALL = 5_000  # of all sections, and of all reasons: where these are many, fewer of each


class Sample(NamedTuple):
    """Some tiles of a set, best first, and what is counted of all."""

    number: int  # of all
    reasons: Counter[str]  # of all, by why they are dropped; "" where they are kept
    sources: Counter[str]  # kept ones, by whose they are
    figures: Figures | None  # of the kept ones; None where there are none
    places: Places  # of the sample among all; the rank less one
    columns: Columns  # the sample's; what is alike is left out
    decisions: list[Decision]
    tiles: list[Tile]  # in the order of their table
    thumbnails: dict[str, Place]  # by path


def take(ranking: Ranking, kept: Mask, table: Path, folder: Path) -> Sample:
    """Take a sample.

    Args:
        ranking: the tiles, from their cutoff's table.
        table: subimages.csv.
        folder: where what does not fit in memory stands meanwhile.
    """
    c, base = ranking.columns, ranking.base
    shown = surrogates.restored if ranking.is_escaped else str
    duck.number(base, "ranked", "of_reason", ["reason"])
    why = duck.column(base, "ranked JOIN of_reason USING (reason)", "id", "ranked.rowid")
    reasons = list(map(shown, duck.texts(base, "of_reason", "reason")))
    light = duck.column(base, "ranked", 'bytes / ("width"::DOUBLE * "height")')
    by_rank = np.array([reason.startswith(BY_RANK) for reason in reasons])[why]
    places = np.unique(np.concatenate(list(_chosen(c, kept, why, by_rank, light))))
    rows = base.execute(
        """SELECT rank, path, section, sha256, bytes, hyperiqa, kept = 'yes', reason, detail
        FROM ranked WHERE rowid IN (SELECT unnest($1::BIGINT[])) ORDER BY rowid""",
        [places.tolist()],
    ).fetchall()
    decisions = [Decision(*_shown(row, shown)) for row in rows]
    paths = [row.path for row in decisions]
    sources = np.bincount(c.source[kept], minlength=len(c.sources)).tolist()
    return Sample(
        number=c.size,
        reasons=Counter(dict(zip(reasons, np.bincount(why).tolist(), strict=True))),
        sources=Counter(dict(zip(c.sources, sources, strict=True))),
        figures=figures.of(c, kept) if kept.any() else None,
        places=places,
        columns=_part(c, places),
        decisions=decisions,
        tiles=_tiles(table, paths, folder),
        thumbnails=placed.places(table, paths, folder),
    )


def _chosen(
    c: Columns, kept: Mask, why: Places, by_rank: Mask, light: "np.ndarray[Any, Any]"
) -> Iterator[Places]:
    """Places of tiles to look at, some of them several times."""
    yield np.linspace(0, c.size - 1, EVENLY).astype(np.int64)
    yield np.arange(min(BEST, c.size))
    yield np.arange(max(0, c.size - BEST), c.size)
    edge = max(1, min(EDGE, IN_ALL // len(c.sections)))
    for code in range(len(c.sections)):
        own = c.section == code
        yield np.flatnonzero(own & kept)[-edge:]
        yield np.flatnonzero(own & by_rank)[:edge]
    for codes in (c.section, c.scale):
        yield np.unique(codes, return_index=True)[1]  # so that each has one
    reasons = int(why.max()) + 1
    each = max(1, min(OF_EACH, IN_ALL // reasons))
    for code in range(reasons):
        own = np.flatnonzero(why == code)
        yield own[np.linspace(0, own.size - 1, min(each, own.size)).astype(np.int64)]
    yield np.array(list(c.left_out), np.int64)
    of_kept = np.flatnonzero(kept)
    yield of_kept[np.argsort(light[of_kept], kind="stable")[:FEWEST]]


def _part(c: Columns, places: Places) -> Columns:
    """The columns of some tiles."""
    return c._replace(
        hyperiqa=c.hyperiqa[places],
        bytes=c.bytes[places],
        reserved=c.reserved[places],
        left_out={},
        section=c.section[places],
        source=c.source[places],
        scale=c.scale[places],
        photograph=c.photograph[places],
        measures={name: values[places] for name, values in c.measures.items()},
        likes=None,
    )


def _tiles(table: Path, paths: list[str], folder: Path) -> list[Tile]:
    """The rows of some tiles."""
    types = {name: TEXT if kind is str else WHOLE for name, kind in get_type_hints(Tile).items()}
    newer = tuple(Tile._field_defaults)
    with duck.opened(folder, table.stat().st_size) as (base, own):
        is_escaped = duck.load(base, {"t": Source(table, types, newer)}, own)
        shown = surrogates.restored if is_escaped else str
        asked = map(surrogates.escaped, paths) if is_escaped else paths
        rows = base.execute(
            "SELECT * FROM t WHERE path IN (SELECT unnest($1::VARCHAR[])) ORDER BY rowid",
            [list(asked)],
        ).fetchall()
    return [Tile(*_shown(row, shown)) for row in rows]


def _shown(row: Sequence[Any], shown: Callable[[str], str]) -> list[Any]:
    """A row of DuckDB with its texts as they are."""
    return [shown(x) if isinstance(x, str) else x for x in row]
