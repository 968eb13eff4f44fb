"""Write the kept photographs in canonical form.

Takes:  the folders of photographs; gathered_images.csv, unreadable_images.csv; cutoff_images.csv.
Leaves: hr/<section>/<name>-<hash>.png, 8-bit RGB, sRGB, upright; collected.csv (`Collected`).
Rule:   the one door for pixels (common/pixels/images.py); a name says the photograph and its hash.
        The folders must hold the files that `gather` listed, no more and no less. Where
        `subimages.files` is `kept`, hr/ gets no image, and no photograph is read.
"""

import hashlib
from collections.abc import Iterable
from functools import partial
from itertools import repeat
from pathlib import Path

from stages.common import disk, files, listing, sources, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pixels import png
from stages.common.rows import Collected, Decision, Photograph, Unreadable
from stages.common.sources import Root
from stages.common.subimages_params import Written, write_why_empty


def name_of(row: Photograph) -> str:
    """Of a photograph's own PNG, below hr/."""
    return files.image_name(row.section, row.path, row.sha256)


def convert(row: Photograph, *, source: Root, hr: Path) -> str:
    """Write one photograph as PNG; gives that file's SHA-256."""
    content = png.write(hr / name_of(row), sources.pixels(source, row.path, row.sha256))
    return hashlib.sha256(content).hexdigest()


def collected_row(row: Photograph, sha256: str) -> Collected:
    """A photograph and its PNG, whose SHA-256 is empty where there is none."""
    return Collected(
        path=name_of(row),
        section=row.section,
        sha256=sha256,
        width=row.width,
        height=row.height,
        pixels=row.pixels,
        photograph=row.path,
        photograph_sha256=row.sha256,
        source=row.source,
    )


def check_listed(source: Root, rows: Iterable[Unreadable | Photograph]) -> None:
    """The folders must hold what `gather` has listed."""
    listed = {row.path: row.bytes for row in rows}
    there = {entry.path: entry.bytes for entry in sources.entries(sources.listed(source))}
    found = listing.changes(listed, there)
    if found:
        raise UserError(
            f"{sources.named(source)} has changed since it was gathered: {listing.named(found)}: "
            "run `dvc repro --force gather@images`, then `dvc repro`"
        )


def main(
    source: Path,
    gathered: Path,
    unreadable: Path,
    decisions: Path,
    hr: Path,
    collected: Path,
    numbers: Path,
    subimages: Written,
) -> None:
    photographs = tables.read(gathered, Photograph)
    check_listed(source, [*photographs, *tables.read(unreadable, Unreadable)])
    by_path = {row.path: row for row in photographs}
    kept = [by_path[row.path] for row in tables.read(decisions, Decision) if row.kept]
    write = subimages.files == "all"
    if write:
        disk.check_room(hr, disk.png_bytes((row.width, row.height) for row in kept), "this stage")
    files.new_folder(hr)
    hashes: Iterable[str] = repeat("", len(kept))
    if not write:
        write_why_empty(hr)
    else:
        hashes = workers.each(partial(convert, source=source, hr=hr), kept, what="collect")
    rows = sorted(map(collected_row, kept, hashes))
    if len({row.path for row in rows}) != len(kept):
        raise AssertionError("two photographs have one name")
    megapixels = sum(row.width * row.height for row in rows) / 1e6
    tables.write(collected, Collected, rows)
    tables.write_numbers(numbers, {"photographs": len(rows), "megapixels": round(megapixels, 3)})
    print(f"collected {len(rows):,} photographs · {megapixels:,.1f} megapixels")


if __name__ == "__main__":
    run(main)
