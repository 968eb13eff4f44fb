"""Write the kept photographs in canonical form.

Takes:  the folders of photographs; gathered_images.csv, unreadable_images.csv; cutoff_images.csv.
Leaves: hr/<section>/<name>-<hash>.png, 8-bit RGB, sRGB, upright; collected.csv (`Collected`).
Rule:   the one door for pixels (common/pixels/images.py); a name says the photograph and its hash.
        The folders must hold the files that `gather` listed, no more and no less.
"""

import hashlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from stages.common import disk, files, listing, sources, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pixels import png
from stages.common.rows import Collected, Decision, Photograph, Unreadable
from stages.common.sources import Root


def convert(row: Decision, *, source: Root, hr: Path) -> Collected:
    """Write one photograph as PNG."""
    pixels = sources.pixels(source, row.path, row.sha256)
    name = files.image_name(row.section, row.path, row.sha256)
    content = png.write(hr / name, pixels)
    height, width, _ = pixels.shape
    sha256 = hashlib.sha256(content).hexdigest()
    return Collected(name, row.section, sha256, width, height, row.path, row.sha256)


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
) -> None:
    photographs = tables.read(gathered, Photograph)
    check_listed(source, [*photographs, *tables.read(unreadable, Unreadable)])
    kept = [row for row in tables.read(decisions, Decision) if row.kept]
    sizes = {row.path: (row.width, row.height) for row in photographs}
    disk.check_room(hr, disk.png_bytes(sizes[row.path] for row in kept), "this stage")
    files.new_folder(hr)
    written = workers.each(partial(convert, source=source, hr=hr), kept, what="collect")
    whose = {row.path: row.source for row in photographs}
    rows = sorted(row._replace(source=whose[row.photograph]) for row in written)
    if len({row.path for row in rows}) != len(kept):
        raise AssertionError("two photographs have one name")
    megapixels = sum(row.width * row.height for row in rows) / 1e6
    tables.write(collected, Collected, rows)
    tables.write_numbers(numbers, {"photographs": len(rows), "megapixels": round(megapixels, 3)})
    print(f"collected {len(rows):,} photographs · {megapixels:,.1f} megapixels")


if __name__ == "__main__":
    run(main)
