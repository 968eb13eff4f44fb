"""Write the kept photographs in canonical form.

Takes:  the folders of photographs; gathered_images.csv, unreadable_images.csv; cutoff_images.csv.
Leaves: hr/<section>/<name>-<hash>.png, 8-bit RGB, sRGB, upright; collected.csv (`Collected`).
Rule:   the one door for pixels (common/pixels/images.py); a name says the photograph and its hash.
        The folders must hold the files that `gather` listed, no more and no less. Where
        `subimages.files` is `kept`, hr/ gets no image, and no photograph is read.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from stages.common import disk, files, listing, sources, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.pixels import png
from stages.common.rows import Collected, Decision, Photograph, Unreadable
from stages.common.sources import Root
from stages.common.subimages_params import Written, write_why_empty

MORE = 16  # digits of a hash in a name, where 8 don't keep two photographs apart


def names_of(rows: Sequence[Photograph]) -> list[str]:
    """Of each photograph's own PNG, below hr/. Those that would have one name have more of their
    hashes in it: of 100,000 names without a Latin letter, all of which become `image`, some do."""
    names = [files.image_name(row.section, row.path, row.sha256) for row in rows]
    counts = Counter(names)
    return [
        name if counts[name] == 1 else files.image_name(row.section, row.path, row.sha256, MORE)
        for name, row in zip(names, rows, strict=True)
    ]


def collected_row(name: str, row: Photograph) -> Collected:
    """A photograph and the name of its PNG, which is not written yet."""
    return Collected(
        path=name,
        section=row.section,
        sha256="",
        width=row.width,
        height=row.height,
        pixels=row.pixels,
        photograph=row.path,
        photograph_sha256=row.sha256,
        source=row.source,
    )


def convert(row: Collected, *, source: Root, hr: Path) -> Collected:
    """Write one photograph as PNG; gives the row with that file's SHA-256."""
    pixels = sources.pixels(source, row.photograph, row.photograph_sha256)
    content = png.write(hr / row.path, pixels)
    return row._replace(sha256=hashlib.sha256(content).hexdigest())


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
    rows = sorted(map(collected_row, names_of(kept), kept))
    if len({row.path for row in rows}) != len(rows):
        raise AssertionError("two photographs have one name")
    files.new_folder(hr)
    if write:
        rows = list(workers.each(partial(convert, source=source, hr=hr), rows, what="collect"))
    else:
        write_why_empty(hr)
    megapixels = sum(row.width * row.height for row in rows) / 1e6
    tables.write(collected, Collected, rows)
    tables.write_numbers(numbers, {"photographs": len(rows), "megapixels": round(megapixels, 3)})
    print(f"collected {len(rows):,} photographs · {megapixels:,.1f} megapixels")


if __name__ == "__main__":
    run(main)
