"""Write the kept photographs in canonical form.

Takes:  the folder of photographs; cutoff_images.csv.
Leaves: hr/<section>/<name>-<hash>.png, 8-bit RGB, sRGB, upright; collected.csv (`Collected`).
Rule:   the one door for pixels (common/images.py); a name says the photograph and its hash.
"""

import hashlib
from functools import partial
from pathlib import Path

from stages.common import files, images, tables, workers
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.tables import Collected, Verdict


def convert(row: Verdict, *, source: Path, hr: Path) -> Collected:
    """Write one photograph as PNG."""
    content = (source / row.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise UserError(f"{source / row.path} has changed since it was listed: run `dvc repro`")
    pixels = images.decode(content)
    name = files.image_name(row.section, row.path, row.sha256)
    images.write_png(hr / name, pixels)
    height, width, _ = pixels.shape
    return Collected(name, row.section, width, height, row.path, row.sha256)


def main(source: Path, verdicts: Path, hr: Path, collected: Path, metrics: Path) -> None:
    kept = [row for row in tables.read(verdicts, Verdict) if row.kept]
    files.new_folder(hr)
    rows = sorted(workers.each(partial(convert, source=source, hr=hr), kept, what="collect"))
    if len({row.path for row in rows}) != len(kept):
        raise AssertionError("two photographs have one name")
    megapixels = sum(row.width * row.height for row in rows) / 1e6
    tables.write(collected, Collected, rows)
    tables.write_metrics(metrics, {"photographs": len(rows), "megapixels": round(megapixels, 3)})
    print(f"collected {len(rows):,} photographs · {megapixels:,.1f} megapixels")


if __name__ == "__main__":
    run(main)
