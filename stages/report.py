"""Show what was kept, what was not, and why, on one page on which a cut can be tried.

Takes:  every table; measures; what_if.csv; what `score` says of its scorer; the scores of the
        references; what the probe has found; the sheets of thumbnails; all of params.yaml.
Leaves: report.html, which needs no network; sheets/*.png, contact sheets; charts/*.png, scores
        before and after each cut, and how other cuts train, where that was tried.
Rule:   it reads and counts, and decides nothing. No photograph and no tile is read. Of more than
        100,000 tiles the page shows a sample, and says so; what it counts is of all (sampled.py).
"""

from pathlib import Path
from typing import Any

import yaml
from markupsafe import Markup
from pydantic import ConfigDict

from stages.common import files, ranking, tables
from stages.common.cli import run
from stages.common.columns import Columns, Mask
from stages.common.cutoff_params import CutoffParams
from stages.common.pages import (
    charts,
    effects,
    gallery,
    html,
    listed,
    overview,
    probed,
    sampled,
    sheets,
)
from stages.common.pages.charts import Chart
from stages.common.pages.sampled import Sample
from stages.common.params import Params
from stages.common.ranking import IMAGES, TILES
from stages.common.rows import ProbePoint, Rejected, Score
from stages.common.what_if import ALL, ONLY, WITHOUT, WhatIf

LISTED = 200  # rejected files that the page names


class Section(Params):
    """A section of params.yaml as it stands: the page shows all of it, and its stage checks it."""

    model_config = ConfigDict(extra="allow")


def cut_of(
    which: str,
    c: Columns,
    kept: Mask,
    cutoff: CutoffParams,
    drawn: dict[str, Chart],
    others: list[WhatIf],
    tried: Chart | None,
) -> dict[str, Any]:
    """What the page shows of one cut."""
    what = {IMAGES: "photographs", TILES: "tiles"}[which]
    shares = [("sections", c.sections)]
    if which == TILES:
        shares.append(("scales", c.scales))
    own = [x for x in others if x.which == which and x.by not in (ONLY, WITHOUT)]
    rule = {IMAGES: cutoff.images, TILES: cutoff.subimages}[which]
    names = {"curve": "count", "histogram": "score", "sections": "sections"}  # as templates call it
    return {
        "key": which,
        "what": what,
        "box": charts.BOX,
        "charts": {name: Markup(drawn[key].svg) for key, name in names.items() if key in drawn}
        | ({} if "sections" in drawn else {"sections": ""}),
        "shares": [(kind, [html.shown(name) for name in some]) for kind, some in shares],
        "measures": effects.histograms(c, kept, rule),
        "rules": effects.effects(which, others),
        "probe": Markup(tried.svg) if tried and which == TILES else "",
        "others": [line for line in own if line.section == ALL],
        "by_section": [line for line in own if line.section != ALL],
    }


def columns_of(
    folder: Path, image_measures: Path, tile_measures: Path, cutoff: CutoffParams, beside: Path
) -> tuple[dict[str, Columns], dict[str, Mask], Sample | None]:
    """What is ranked, with all that the rules ask of it; which is kept; a sample of very many
    tiles."""
    found, kept, sample = {}, {}, None
    for which, table, measures, rule in (
        (IMAGES, "screened", image_measures, cutoff.images),
        (TILES, "subimages", tile_measures, cutoff.subimages),
    ):
        its = ranking.Files(folder / f"{table}.csv", measures, folder / "neighbours.csv")
        decisions = folder / f"cutoff_{which}.csv"
        with ranking.decided_with_texts(which, its, decisions, rule, beside) as (its_ranking, mask):
            found[which], kept[which] = its_ranking.columns, mask
            if which == TILES and mask.size > sampled.MOST:
                sample = sampled.take(its_ranking, mask, its.table, beside)
    return found, kept, sample


def main(
    folder: Path,
    image_measures: Path,
    tile_measures: Path,
    scorer: Path,
    image_reference: Path,
    tile_reference: Path,
    what_if: Path,
    curve: Path,
    thumbnails: Path,
    report: Path,
    sheets_folder: Path,
    charts_folder: Path,
    gather: Section,
    screen: Section,
    score: Section,
    cutoff: CutoffParams,
    validation: Section,
    multiscale: Section,
    subimages: Section,
    probe: Section,
    dataset: Section,
) -> None:
    parts = {
        "gather": gather,
        "screen": screen,
        "score": score,
        "cutoff": cutoff,
        "validation": validation,
        "multiscale": multiscale,
        "subimages": subimages,
        "probe": probe,
        "dataset": dataset,
    }
    parameters = {name: part.model_dump(exclude_unset=True) for name, part in parts.items()}
    limits = cutoff.measured(
        images=tables.read(image_reference, Score), subimages=tables.read(tile_reference, Score)
    )
    columns, kept, sample = columns_of(folder, image_measures, tile_measures, limits, report.parent)
    t = listed.read(folder, sample)
    others = tables.read(what_if, WhatIf)
    drawn = {which: charts.charts(columns[which], kept[which]) for which in (IMAGES, TILES)}
    tiles = int(kept[TILES].sum())
    tried = probed.chart(tables.read(curve, ProbePoint), tiles)
    files.new_folder(charts_folder)
    if tried:
        files.write(charts_folder / "probe.png", tried.png)
    for which, some in drawn.items():
        for name, chart in some.items():
            files.write(charts_folder / f"{which}_{name}.png", chart.png)
    contact = overview.contact_sheets(t, thumbnails)
    files.new_folder(sheets_folder)
    sheets.write_sheets(sheets_folder, {it.file: it.pictures for it in contact})
    unused = [*t.unreadable_images, *t.rejected, *t.multiscale_rejected, *t.subimages_rejected]
    left_out = overview.left_out(t)
    page = html.render(
        "report.html",
        name=parameters["dataset"]["name"],
        kept=next(line for line in others if (line.which, line.by) == (TILES, "now")),
        facts=overview.facts(parameters, tables.read_numbers(scorer)["scorer"]),
        steps=overview.steps(t),
        correlation=listed.size_correlation(t),
        cuts=[
            cut_of(which, columns[which], kept[which], limits, drawn[which], others, tried)
            for which in (TILES, IMAGES)
        ],
        sheets=[
            (title, overview.figures(contact, sheets_folder.name, title))
            for title in overview.TITLES
        ],
        chosen=gallery.CHOSEN,
        sample=sample,
        validation=overview.validation(t),
        sources=overview.sources(t),
        validation_sheets=overview.figures(contact, sheets_folder.name, overview.VALIDATION),
        left_out=html.table(("image", "reason"), left_out) if left_out else None,
        unused=html.table(Rejected._fields, unused[:LISTED]) if unused else None,
        unused_more=max(0, len(unused) - LISTED),
        parameters=yaml.safe_dump(parameters, sort_keys=False, allow_unicode=True),
        data=html.script_data(
            gallery.data(
                parameters["dataset"]["name"],
                parameters["gather"],
                parameters["subimages"]["files"],
                t,
                columns | ({TILES: sample.columns} if sample else {}),
                written=cutoff,
                measured=limits,
            )
        ),
    )
    files.write(report, page.encode(errors="backslashreplace"))  # names need not be UTF-8
    print(f"{report}: {tiles:,} tiles, {len(unused):,} files not used, and why")


if __name__ == "__main__":
    run(main)
