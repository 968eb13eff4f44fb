"""Show what was kept, what was not, and why.

Takes:  every table; the photographs, tiles and validation images, for the contact sheets.
Leaves: report.html, which needs no network; sheets/*.png, contact sheets of the best, the worst,
        the last kept and the first dropped; plots/*.csv, scores by rank for `dvc plots`.
Rule:   it reads and counts, and decides nothing.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stages.common import files, tables
from stages.common.cli import run
from stages.common.pages import page, sheets
from stages.common.pages.summary import reasons, samples, shares, what_if, write_curve
from stages.common.tables import (
    Collected,
    Photograph,
    Rejected,
    Scaled,
    Tile,
    Validation,
    Verdict,
)

LISTED = 200  # rejected files that the page names


def cutoff_part(name: str, rows: Sequence[Verdict], folder: Path, sheets_folder: Path) -> str:
    """One cutoff: its distribution, what other cutoffs would leave, and its sheets."""
    kept = [row for row in rows if row.kept]
    scores = [row.hyperiqa for row in rows]
    parts = [
        f"<h2>Cutoff of {name}: {len(kept):,} of {len(rows):,}</h2>",
        page.histogram(scores, [row.hyperiqa for row in kept]),
        "<p>What another cutoff would leave:</p>",
        page.table(("keep the best", "mean", "lowest", "MB"), what_if(rows)),
    ]
    for what, some in samples(rows).items():
        file = f"{name}_{what.replace(' ', '_')}.png"
        pictures = [
            sheets.Picture(folder / r.path, r.sha256, f"#{r.rank}   {r.hyperiqa:.4f}") for r in some
        ]
        sheets.write_sheet(sheets_folder / file, pictures)
        parts.append(page.figure(f"{sheets_folder.name}/{file}", f"{name}: {what}"))
    return "\n".join(parts)


def main(
    name: str,
    folder: Path,
    source: Path,
    subimages: Path,
    validation: Path,
    report: Path,
    sheets_folder: Path,
    plots: Path,
) -> None:
    def read(table: str, row_type: type[Any]) -> list[Any]:
        return tables.read(folder / f"{table}.csv", row_type)

    gathered, unreadable = read("gathered_images", Photograph), read("unreadable_images", Rejected)
    screened, rejected = read("screened", Photograph), read("rejected", Rejected)
    unused = [*unreadable, *rejected]
    images, tiles = read("cutoff_images", Verdict), read("cutoff_subimages", Verdict)
    collected = read("collected", Collected)
    chosen = [row for row in read("validation", Validation) if row.scale == "hr"]
    scaled, unscaled = read("multiscale", Scaled), read("multiscale_rejected", Rejected)
    cut, uncut = read("subimages", Tile), read("subimages_rejected", Rejected)
    kept = [row for row in tiles if row.kept]
    files.new_folder(sheets_folder)
    files.new_folder(plots)
    write_curve(plots / "images.csv", images)
    write_curve(plots / "subimages.csv", tiles)

    way = [
        ("gather", len(gathered) + len(unreadable), len(gathered), reasons(unreadable)),
        ("screen", len(gathered), len(screened), reasons(rejected)),
        ("cutoff of images", len(images), len(collected), reasons(images)),
        ("validation", len(images) - len(collected), len(chosen), ""),
        ("multiscale", len(collected), len(scaled), reasons(unscaled)),
        ("subimages", len(scaled), len(cut), reasons(uncut)),
        ("cutoff of subimages", len(tiles), len(kept), reasons(tiles)),
    ]
    tile_of = {tile.path: tile for tile in cut}
    origins = {tile_of[row.path].photograph_sha256 for row in kept}
    header = ("", "cut", "share", "kept", "share")
    sections = shares((r.section for r in tiles), (r.section for r in kept))
    scales = shares((tile_of[r.path].scale for r in tiles), (tile_of[r.path].scale for r in kept))
    mean = math.fsum(row.hyperiqa for row in kept) / len(kept)
    parts = [
        f"<p>{len(kept):,} tiles of {len(origins):,} photographs · HyperIQA {mean:.4f} on "
        f"average, {kept[-1].hyperiqa:.4f} at least · {sum(r.bytes for r in kept) / 1e6:,.1f} MB"
        "</p><h2>The way</h2>",
        page.table(("stage", "in", "out", "left out"), way),
        "<p>A score rises as an image shrinks, so one cut prefers the smaller scales.</p>"
        f'<div class="side"><div>{page.table(("section", *header[1:]), sections)}</div>',
        f"<div>{page.table(('scale', *header[1:]), scales)}</div></div>",
        cutoff_part("images", images, source, sheets_folder),
        cutoff_part("subimages", tiles, subimages, sheets_folder),
    ]
    if chosen:
        pictures = [
            sheets.Picture(
                validation / r.path, r.sha256, f"{r.width}x{r.height}   {r.hyperiqa:.4f}"
            )
            for r in chosen
        ]
        sheets.write_sheet(sheets_folder / "validation.png", pictures)
        names = page.table(("file", "photograph"), [(r.path, r.photograph) for r in chosen])
        sheet = page.figure(f"{sheets_folder.name}/validation.png", "validation photographs")
        parts += ["<h2>Validation</h2>", names, sheet]
    if unused:
        listed = page.table(Rejected._fields, unused[:LISTED])
        more = (
            f"<p>… and {len(unused) - LISTED:,} more in unreadable_images.csv and rejected.csv</p>"
        )
        parts += ["<h2>Files not used</h2>", listed, more if len(unused) > LISTED else ""]
    files.write(report, page.page(f"Dataset {name}", parts).encode())
    print(f"{report}: {len(kept):,} tiles, {len(unused):,} files not used, and why")


if __name__ == "__main__":
    run(main)
