"""Show what was kept, what was not, and why.

Takes:  every table; the photographs, tiles and validation images, for the contact sheets.
Leaves: report.html, which needs no network; sheets/*.png, contact sheets of the best, the worst,
        the last kept and the first dropped.
Rule:   it reads and counts, and decides nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stages.common import files
from stages.common.cli import run
from stages.common.pages import html, sheets, summary
from stages.common.pages.sheets import Picture
from stages.common.tables import Decision, Rejected, Validation

LISTED = 200  # rejected files that the page names
SHARES = ("cut", "share", "kept", "share")


class Cut(NamedTuple):
    """What the page shows of one cutoff."""

    name: str
    kept: int
    every: int
    histogram: html.Histogram
    others: html.Table
    figures: list[html.Figure]


def cut_of(name: str, rows: Sequence[Decision], sheets_folder: Path) -> Cut:
    """One cutoff: its distribution, what other cutoffs would leave, and its sheets."""
    kept = [row.hyperiqa for row in rows if row.kept]
    return Cut(
        name,
        len(kept),
        len(rows),
        html.histogram([row.hyperiqa for row in rows], kept),
        html.table(
            ("of", "keep the best", "mean", "lowest", "MB"), summary.what_if_by_section(rows)
        ),
        [
            html.Figure(f"{sheets_folder.name}/{sheet_name(name, what)}", f"{name}: {what}")
            for what in summary.samples(rows)
        ],
    )


def sheet_name(cut: str, what: str) -> str:
    """File name of a contact sheet, as `images_last_kept.png`."""
    return f"{cut}_{what.replace(' ', '_')}.png"


def cut_sheets(name: str, rows: Sequence[Decision], folder: Path) -> dict[str, list[Picture]]:
    """The pictures of a cutoff's sheets, by the sheets' file names."""
    return {
        sheet_name(name, what): [
            Picture(folder / r.path, r.sha256, f"#{r.rank}   {r.hyperiqa:.4f}") for r in some
        ]
        for what, some in summary.samples(rows).items()
    }


def validation_sheet(chosen: Sequence[Validation], folder: Path) -> dict[str, list[Picture]]:
    """The sheet of the validation photographs, where there are any."""
    pictures = [
        Picture(folder / r.path, r.sha256, f"{r.width}x{r.height}   {r.hyperiqa:.4f}")
        for r in chosen
    ]
    return {"validation.png": pictures} if pictures else {}


def page(name: str, t: summary.Tables, sheets_folder: Path) -> str:
    """The whole page."""
    sheet = html.Figure(f"{sheets_folder.name}/validation.png", "validation photographs")
    names = [(row.path, row.photograph) for row in t.validation]
    unused = [*t.unreadable_images, *t.rejected]
    return html.render(
        "report.html",
        title=f"Dataset {name}",
        kept=summary.what_is_kept(t),
        correlation=summary.size_correlation(t),
        way=html.table(("stage", "in", "out", "left out"), summary.way(t)),
        sections=html.table(("section", *SHARES), summary.by_section(t)),
        scales=html.table(("scale", *SHARES), summary.by_scale(t)),
        cuts=[
            cut_of("images", t.cutoff_images, sheets_folder),
            cut_of("subimages", t.cutoff_subimages, sheets_folder),
        ],
        validation=html.table(("file", "photograph"), names) if names else None,
        validation_sheet=sheet,
        unused=html.table(Rejected._fields, unused[:LISTED]) if unused else None,
        unused_more=max(0, len(unused) - LISTED),
    )


def main(
    name: str,
    folder: Path,
    source: Path,
    subimages: Path,
    validation: Path,
    report: Path,
    sheets_folder: Path,
) -> None:
    t = summary.read(folder)
    files.new_folder(sheets_folder)
    shown = (
        cut_sheets("images", t.cutoff_images, source)
        | cut_sheets("subimages", t.cutoff_subimages, subimages)
        | validation_sheet(t.validation, validation)
    )
    sheets.write_sheets(sheets_folder, shown)
    files.write(report, page(name, t, sheets_folder).encode())
    tiles = sum(row.kept for row in t.cutoff_subimages)
    unused = len(t.unreadable_images) + len(t.rejected)
    print(f"{report}: {tiles:,} tiles, {unused:,} files not used, and why")


if __name__ == "__main__":
    run(main)
