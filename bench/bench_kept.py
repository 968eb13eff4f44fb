"""Tiles without files: what they save, and that the set is the same.

    python -m bench.bench_kept [--images data/samples] [--photographs 24] [--peer CHECKOUT]

Photographs of 1024x1024 px are cropped out of a folder's, and go the whole way by FaceUp's windows:
once with `subimages.files: all`, once with `kept`, once in a checkout of an older version, if one
is named; each with a score store of its own that knows nothing. Told are CPU seconds, the files
below data/, and the SHA-256 of the archives of `all` and `kept`, which must be equal.

Before that, the CPU of a tile beside the network: to have its crops for the network from files, as
the folders of `all` would be written and read, and from the photograph. Both in this process.
Ends with 1 where the archives differ.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import Any

import numpy as np
import yaml
from PIL import Image

from bench.measure import Cost, machine, run
from bench.tiles_project import REPOSITORY, WHO
from stages import multiscale, subimages
from stages.common.hyperiqa import crops
from stages.common.measures.bits import bits
from stages.common.measures.clipping import black, white
from stages.common.pages import thumbnails
from stages.common.pixels import images, pictures, png
from stages.common.pixels.pictures import Picture
from stages.common.rows import Collected, Scaled, Tile
from stages.common.subimages_params import SubimagesParams
from stages.multiscale import MultiscaleParams

SIDE = 1024  # px
SCALES = MultiscaleParams(scales=[1, 0.75], shortest_edge=512)
WINDOWS = SubimagesParams(size=512, step=240, threshold=0, spacing="step", files="kept")


def make(folder: Path, source: Path, count: int) -> None:
    """Crop so many photographs, as JPEG of quality 95, out of those that are large enough."""
    folder.mkdir()
    found = [path for path in sorted(source.rglob("*")) if path.is_file()]
    generator, made = np.random.default_rng(0), 0
    while made < count:
        before = made
        for path in found:
            size = images.size_of(path)
            if size is None or min(size) < SIDE or made == count:
                continue
            try:
                pixels = images.read(path)
            except images.ImageError:  # it may be cut off
                continue
            top, left = (generator.integers(0, edge - SIDE + 1) for edge in pixels.shape[:2])
            square = np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])
            Image.fromarray(square).save(folder / f"{made:03d}.jpg", quality=95)
            made += 1
        if made == before:
            raise SystemExit(f"no image in {source} has {SIDE} px on both sides")


def tiles_of(photograph: Path) -> tuple[list[Scaled], list[Tile]]:
    """The sizes and tiles of a photograph."""
    content = photograph.read_bytes()
    pixels = images.pixels_sha256(images.decode(content))
    sha256 = hashlib.sha256(content).hexdigest()
    whole = (SIDE, SIDE, pixels, photograph.name, sha256)
    row = Collected(f"{photograph.stem}.png", ".", "", *whole)
    places = {"hr": Path(), "folder": Path()}
    scaled, _ = multiscale.downscale(row, **places, params=SCALES, write=False)
    return scaled, [tile for each in scaled for tile in subimages.tiles_of(each, WINDOWS)]


def cropped(pixels: images.Pixels, tile: Picture) -> None:
    """What the network takes of a tile."""
    plan = crops.plan("cover", tile.width, tile.height, seed=tile.pixels)
    crops.extract(pixels, plan, first=0, last=len(plan.boxes))


def by_files(photograph: Path, folder: Path, look: Callable[..., Any]) -> None:
    """Write the photograph, its sizes and its tiles as PNG, and read each where it is needed."""

    def kept(name: str, pixels: images.Pixels) -> images.Pixels:
        path = folder / name
        sha256 = hashlib.sha256(png.write(path, pixels)).hexdigest()
        return images.read_checked(path, sha256)

    scaled, tiles = tiles_of(photograph)
    whole = kept("hr.png", images.read(photograph))
    for row in scaled:
        smaller = images.resize(whole, row.width, row.height, Image.Resampling.LANCZOS)
        parent = kept(f"{row.scale}.png", smaller)
        for tile in (tile for tile in tiles if tile.parent == row.path):
            square = parent[tile.top : tile.top + tile.height, tile.left : tile.left + tile.width]
            look(kept("tile.png", square), pictures.of_tile(tile))


def by_photograph(photograph: Path, folder: Path, look: Callable[..., Any]) -> None:
    """Cut the tiles out of the photograph in memory."""
    _, tiles = tiles_of(photograph)
    for tile in map(pictures.of_tile, tiles):
        look(pictures.pixels(photograph.parent, tile), tile)
    pictures.forget()


def measured(pixels: images.Pixels, _: Picture) -> None:
    """What `measure` does with a tile."""
    for measure in (bits, white, black, png.about_size):
        measure(pixels)


def shown(pixels: images.Pixels, _: Picture) -> None:
    """What `subimages` does with a tile that it need not write."""
    thumbnails.thumbnail(pixels)


def a_tile(photographs: Sequence[Path], folder: Path) -> list[str]:
    """A table: milliseconds of CPU a tile."""
    count = sum(len(tiles_of(path)[1]) for path in photographs)
    lines = ["| CPU a tile, beside the network | ms |", "|---|---|"]
    for what, way, look in (
        ("files written and read, crops", by_files, cropped),
        ("from the photograph: crops, for `score`", by_photograph, cropped),
        ("likewise: measures, for `measure`", by_photograph, measured),
        ("likewise: thumbnails, in `subimages`", by_photograph, shown),
    ):
        start = process_time()
        for path in photographs:
            way(path, folder, look)
        lines.append(f"| {what} | {(process_time() - start) / count * 1e3:.1f} |")
    return lines


def project(folder: Path, code: Path, source: Path, count: int, files: str | None) -> Path:
    """A clone with these photographs; `files` None is for a version that knows only `all`."""
    run(["git", "clone", "--quiet", "--no-hardlinks", code, folder])
    shutil.copytree(source, folder / "data/source")
    sections: dict[str, Any] = yaml.safe_load((folder / "params.yaml").read_text())
    sections["gather"]["source"] = "data/source"
    off: dict[str, Any] = {"limits": {}, "per_section": {}}
    sections["cutoff"]["images"] |= {"count": count - 2, "near_duplicates": None} | off
    windows = sections["subimages"] | {"spacing": "step"}
    off |= {"overlap": None, "per_photograph": None}
    sections["cutoff"]["subimages"] |= {"count": 5 * count} | off
    sections["subimages"] = windows | ({"files": files} if files else {})
    sections["validation"]["count"] = 0
    (folder / "params.yaml").write_text(yaml.safe_dump(sections, sort_keys=False))
    run(["git", *WHO, "commit", "--all", "--quiet", "--message", "parameters"], folder=folder)
    return folder


def whole_way(folder: Path) -> Cost:
    """The cost of `dvc repro`."""
    variables = {"SRSET_STORE": str(folder.with_suffix(".sqlite")), "DVC_NO_ANALYTICS": "1"}
    cost, _ = run([sys.executable, "-m", "dvc", "repro"], variables=variables, folder=folder)
    return cost


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, default=REPOSITORY / "data/samples")
    parser.add_argument("--photographs", type=int, default=24)
    parser.add_argument("--peer", type=Path, help="a checkout of an older version")
    given = parser.parse_args()
    print(machine())
    with TemporaryDirectory(prefix="bench-kept-") as name:
        folder = Path(name)
        source = folder / "photographs"
        make(source, given.images, given.photographs)
        print(*a_tile(sorted(source.iterdir())[:8], folder), sep="\n")
        ways: list[tuple[str, Path, str | None]] = [
            ("all", REPOSITORY, "all"),
            ("kept", REPOSITORY, "kept"),
        ]
        ways += [("peer", given.peer.absolute(), None)] if given.peer else []
        archives = {}
        print("\n| the whole way | CPU s | files below data/ |\n|---|---|---|")
        for way, code, files in ways:
            there = project(folder / way, code, source, given.photographs, files)
            cost = whole_way(there)
            count = sum(path.is_file() for path in (there / "data").rglob("*"))
            tracked = ["git", "ls-files", "data"]
            own = subprocess.run(tracked, cwd=there, check=True, capture_output=True, text=True)
            count -= len(own.stdout.splitlines())
            print(f"| {way} | {cost.cpu:.1f} | {count:,} |", flush=True)
            archive = next((there / "data/release").glob("*.7z"))
            archives[way] = hashlib.sha256(archive.read_bytes()).hexdigest()
    same = archives["all"] == archives["kept"]
    print(f"\narchives of all and kept: {'equal' if same else 'different'}, {archives['kept']}")
    print(machine())
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
