"""Experiments beside each other as a page: their figures, their scores by rank, and in pictures the
tiles that each adds to the baseline's and drops.

A tile is the same in two versions if its path and its bytes are. The pictures are those that the
last run has left in reports/thumbnails; a tile that only an experiment has cut has none.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from stages.common import duck, surrogates
from stages.common.duck import REAL, TEXT, WHOLE, Source
from stages.common.pages import charts, comparison, html, placed, thumbnails
from stages.common.pages.comparison import Entry
from stages.common.versions import settings

FOLDER = Path("reports/thumbnails/subimages")
SHOWN = 48  # tiles of a kind, at most
POINTS = 500  # of a curve, at most
SIZE, BOX = (9.2, 4.0), (0.06, 0.1, 0.7, 0.85)  # inches; shares: left, bottom, width, height
COLOURS = ("#2a7a94", "#c2531b", "#7a5aa6", "#4c8a3f", "#b8860b", "#a63d5e", "#4a6fa5", "#6b6b6b")


KEPT = {"rank": WHOLE, "path": TEXT, "sha256": TEXT, "hyperiqa": REAL, "kept": TEXT}


class Kept(NamedTuple):
    """A tile that is kept: the part of its `Decision` that the page needs."""

    path: str
    sha256: str
    hyperiqa: float


class Picture(NamedTuple):
    """A thumbnail on its sheet, px from the sheet's left and top."""

    sheet: str  # a URL
    left: int
    top: int
    label: str


class Tiles(NamedTuple):
    """Tiles that an experiment adds or drops."""

    number: int
    shown: list[Picture]


class Change(NamedTuple):
    """What an experiment does to the baseline's tiles."""

    name: str
    sets: str
    adds: Tiles
    drops: Tiles


def page(entries: Sequence[Entry], commit: str, table: Path, root: Path) -> str:
    """The whole page. `table` is subimages.csv of the baseline, which is the first entry; all
    entries have their table of decisions."""
    meanwhile = (root / FOLDER).parents[1]
    kept = kept_of(entries, meanwhile)
    baseline, *others = entries
    changed = {
        row.path
        for entry in others
        for some in differing(kept[baseline.name], kept[entry.name])
        for row in some
    }
    places = placed.places(table, sorted(changed), meanwhile)
    sheets = {where.sheet for where in places.values()}
    there = {sheet for sheet in sheets if (root / FOLDER / sheet).is_file()}
    pictures = {path: where for path, where in places.items() if where.sheet in there}
    metrics = {entry.name: entry.version.metrics or {} for entry in entries}
    cells = comparison.cells(entries)
    return html.render(
        "compared.html",
        commit=commit[:7],
        figures=html.table(*cells)._replace(numeric=[False, *[True] * (len(cells[0]) - 1)]),
        shares=[
            (what, shares(metrics, what))
            for what in ("sections", "scales")
            if any(len(numbers.get(what, {})) > 1 for numbers in metrics.values())
        ],
        curves=curves(kept),
        changes=[
            change(entry, baseline, kept[baseline.name], kept[entry.name], pictures)
            for entry in others
        ],
        side=thumbnails.SIDE,
    )


def kept_of(entries: Sequence[Entry], folder: Path) -> dict[str, list[Kept]]:
    """The tiles that each entry keeps, best first, by its name."""
    files = [entry.version.decisions for entry in entries]
    sources = {f"of_{i}": Source(file, KEPT) for i, file in enumerate(files) if file}
    size = sum(source.path.stat().st_size for source in sources.values())
    found = {}
    with duck.opened(folder, size) as (base, own):
        shown = surrogates.restored if duck.load(base, sources, own) else str
        for entry, name in zip(entries, sources, strict=True):
            rows = base.execute(
                f"SELECT path, sha256, hyperiqa FROM {name} WHERE kept = 'yes' ORDER BY rank"
            ).fetchall()
            found[entry.name] = [Kept(shown(path), *others) for path, *others in rows]
    return found


def differing(before: Sequence[Kept], after: Sequence[Kept]) -> tuple[list[Kept], list[Kept]]:
    """The tiles that are added and those that are dropped, best first."""
    old, new = ({(row.path, row.sha256) for row in rows} for rows in (before, after))
    return (
        [row for row in after if (row.path, row.sha256) not in old],
        [row for row in before if (row.path, row.sha256) not in new],
    )


def shares(metrics: Mapping[str, Mapping[str, Mapping[str, float]]], what: str) -> html.Table:
    """A row an entry, a column a section or scale: its share of the tiles."""
    names = sorted({name for numbers in metrics.values() for name in numbers.get(what, {})})
    rows = [
        [entry, *(f"{numbers.get(what, {}).get(name, 0):.1%}" for name in names)]
        for entry, numbers in metrics.items()
    ]
    return html.table(("experiment", *names), rows)._replace(numeric=[False, *[True] * len(names)])


def change(
    entry: Entry,
    baseline: Entry,
    before: Sequence[Kept],
    after: Sequence[Kept],
    pictures: Mapping[str, thumbnails.Place],
) -> Change:
    """What an experiment adds and drops."""
    sets = settings.differences(entry.version.params, baseline.version.params)
    added, dropped = differing(before, after)
    return Change(
        entry.name,
        comparison.described(sets),
        Tiles(len(added), shown(added, pictures)),
        Tiles(len(dropped), shown(dropped, pictures)),
    )


def shown(rows: Sequence[Kept], pictures: Mapping[str, thumbnails.Place]) -> list[Picture]:
    """Pictures of tiles, best first: of `SHOWN`, evenly spread from the best to the worst."""
    there = [row for row in rows if row.path in pictures]
    at = np.unique(np.linspace(0, max(0, len(there) - 1), SHOWN).round().astype(int))
    return [picture(row, pictures[row.path]) for row in (there[i] for i in at if i < len(there))]


def picture(row: Kept, where: thumbnails.Place) -> Picture:
    """A tile's place on its sheet."""
    down, right = divmod(where.cell, thumbnails.COLUMNS)
    url = f"{FOLDER.relative_to('reports').as_posix()}/{where.sheet}"
    return Picture(
        quote(url),
        right * thumbnails.SIDE,
        down * thumbnails.SIDE,
        f"{row.path}, score {row.hyperiqa:.4f}",
    )


def curves(kept: Mapping[str, Sequence[Kept]]) -> str:
    """The scores of what each entry keeps, from the best to the worst, over each other: an SVG.

    A longer curve lies below a shorter one, so that what only the longer one has is seen.
    """
    with mpl.rc_context(charts.STYLE):
        figure = Figure(SIZE)
        axes = figure.add_axes(BOX)
        colours = dict(zip(kept, COLOURS * len(kept), strict=False))
        for name, rows in sorted(kept.items(), key=lambda item: -len(item[1])):
            at = np.unique(np.linspace(0, len(rows) - 1, POINTS).astype(int))
            scores = [rows[i].hyperiqa for i in at]
            axes.plot(at + 1, scores, color=colours[name], linewidth=2, label=labelled(name, rows))
            axes.plot(at[-1] + 1, scores[-1], "o", color=colours[name], markersize=6)
        axes.set_xlim(0, None)
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.xaxis.set_major_formatter(lambda rank, _: f"{rank:,.0f}")
        figure.legend(loc="center left", bbox_to_anchor=(BOX[0] + BOX[2], 0.5), frameon=False)
        return charts.saved(figure, "compared", []).svg


def labelled(name: str, rows: Sequence[Kept]) -> str:
    """An entry's name in the legend."""
    return f"{charts.printable(name)}  {len(rows):,}"
