"""Look at any folder of images: its scores and measures, the best and the worst.

    make inspect DIR=../photographs        make inspect DIR=../photographs OUT=looked/at

It leaves OUT.csv, a row for every image, best first, and OUT.png, a sheet of the best and the
worst; OUT is inspected/NAME where none is given, after the folder. No pipeline and no parameters:
it runs the stages gather, measure and score on the folder, with the built-in scorer at the images'
own size, and what the store knows is not computed again. Nothing in the folder is changed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from stages.common import cli, files, tables
from stages.common.errors import UserError
from stages.common.pages import sheets, thumbnails
from stages.common.rows import ImageMeasures, Photograph, Score, TileMeasures, Unreadable

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "data" / "weights"
SHOWN = 24  # of the best, and of the worst
PARAMS = """
gather: {source: ".", more: {}, max_megapixels: 250}
score: {model: builtin, crops: cover, size: native, device: auto, precision: auto}
"""


class Inspected(NamedTuple):
    """An image: a row of OUT.csv."""

    path: str
    width: int  # px, upright
    height: int
    bytes: int
    hyperiqa: float
    blocks: float
    detail: float
    noise: float
    white: float
    black: float
    quality: int
    bits: float


def stage(name: str, params: Path | None = None, **options: str | Path) -> None:
    """Run a stage as a program of its own; it says nothing but its progress and its faults.

    Raises:
        UserError: where it fails.
    """
    command: list[str | Path] = [sys.executable, "-m", f"stages.{name}"]
    for option, value in options.items():
        command += [f"--{option.replace('_', '-')}", value]
    command += ["--params", params] if params else []
    here = os.environ | {"SRSET_ENGINE": "local"}  # other machines may not see the folder
    done = subprocess.run(command, cwd=ROOT, env=here, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise UserError(f"stopped, since {name} failed: see above")


def look(folder: Path, temporary: Path) -> tuple[list[Inspected], list[Unreadable]]:
    """Every image of a folder, best first; and what is none. The sheets of thumbnails, in the order
    of paths, are left in `temporary`."""
    params = temporary / "params.yaml"
    params.write_text(PARAMS)
    made = {name: temporary / f"{name}.csv" for name in ("images", "tiles", "scores", "unreadable")}
    table, numbers = temporary / "gathered.csv", temporary / "numbers.json"
    stage(
        "gather",
        params,
        folder=folder,
        gathered=table,
        unreadable=made["unreadable"],
        sources_table=temporary / "sources.csv",
        thumbnails=temporary / "thumbnails",
        numbers=numbers,
        changes=temporary / "changes.csv",
    )
    unreadable = tables.read(made["unreadable"], Unreadable)
    photographs = tables.read(table, Photograph)
    if not photographs:
        return [], unreadable
    for which, left in (("images", made["images"]), ("subimages", made["tiles"])):
        stage("measure", which=which, table=table, folder=folder, measures=left, numbers=numbers)
    stage(
        "score",
        params,
        which="images",
        table=table,
        folder=folder,
        weights_folder=WEIGHTS,
        scores=made["scores"],
        numbers=numbers,
    )
    scores = {row.path: row.hyperiqa for row in tables.read(made["scores"], Score)}
    measured = {row.path: row for row in tables.read(made["images"], ImageMeasures)}
    bits = {row.path: row.bits for row in tables.read(made["tiles"], TileMeasures)}
    rows = [
        Inspected(
            p.path, p.width, p.height, p.bytes, scores[p.path], *measured[p.path][2:], bits[p.path]
        )
        for p in photographs
    ]
    return sorted(rows, key=lambda row: (-row.hyperiqa, row.path)), unreadable


def write_sheet(path: Path, rows: Sequence[Inspected], folder: Path) -> None:
    """The best and the worst, of the thumbnails in a folder; all where they are few."""
    place = {name: i for i, name in enumerate(sorted(row.path for row in rows))}
    shown = rows if len(rows) <= 2 * SHOWN else [*rows[:SHOWN], *rows[-SHOWN:]]
    pictures = [
        sheets.picture(
            folder,
            thumbnails.place(thumbnails.PHOTOGRAPHS, place[row.path]),
            PurePosixPath(row.path).name,
            f"{row.hyperiqa:.4f}",
        )
        for row in shown
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    sheets.write_sheets(path.parent, {path.name: pictures})


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m stages.tools.inspect",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--folder", required=True, help="of images, in any folders")
    parser.add_argument("--out", help="where to leave the table and the sheet, without an ending")
    arguments = parser.parse_args()
    if not arguments.folder:  # else it would be this one, and thousands of files of packages
        raise UserError("say which folder of images, as `make inspect DIR=../photographs`")
    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name one of images, as DIR=../photographs")
    out = Path(arguments.out or f"inspected/{files.plain_name(folder.resolve().name)}").absolute()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        rows, unreadable = look(folder.resolve(), temporary)
        for row in unreadable:
            print(f"{row.path}: {row.reason}: {row.detail}")
        if not rows:
            raise UserError(f"no image in {folder}: name a folder of images")
        tables.write(out.with_name(f"{out.name}.csv"), Inspected, rows)
        write_sheet(out.with_name(f"{out.name}.png"), rows, temporary / "thumbnails")
    mean = tables.mean([row.hyperiqa for row in rows])
    print(f"{out}.csv, {out}.png")
    print(f"average hyperiqa score of {folder} with {len(rows):,} images is {mean:.6f}")


if __name__ == "__main__":
    cli.shell("inspect", main, again="make inspect")
