"""The probe: does it see what is known to harm, and what does it cost?

    make inspect DIR=FOLDER OUT=scores
    python -m bench.bench_probe --tiles FOLDER --scores scores.csv --held FOLDER ...
                                [--most 300] [--seed 0]

Tiles are the middles, at most 512 px, of so many photographs of FOLDER, taken by chance. Held are
those of the other folders; where one of these is FOLDER itself, 60 that no tile is cut from. Then,
a line a bar, with the interval over the held photographs:

- a quarter of the tiles compressed at JPEG quality 30, or blurred by 1.2 px, beside themselves;
- all but the fifth of the lowest scores beside all;
- 24 random tiles beside all;
- the curve at 24 and at a fifth of the tiles beside runs on just those;
- CPU of a tile and of a point;
- the stage itself on all of it: memory of its largest process, and the same bytes with other
  numbers of processes and threads and on other kernels of BLAS.

Ends with 1 where a bar is missed.
"""

import argparse
import csv
import hashlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
import yaml
from numpy.random import Generator
from PIL import Image, ImageFilter

from bench.measure import machine
from stages.common import tables
from stages.common.measures.luma import Luma, luma
from stages.common.pixels import images, png
from stages.common.pixels.images import ImageError, Pixels
from stages.common.probe_params import LEAST
from stages.common.probing import equations, filters, held, verdict
from stages.common.probing.equations import Floats, Sums
from stages.common.rows import Decision, Photograph, Tile

TILE, CLASSES, POINTS = 512, (48, 192), 16
FEW, WORST = 24, 0.2  # tiles; a share
PARTED = 60  # photographs
JPEG, BLUR = 30, 1.2  # quality; px, of a Gaussian


def photographs(folder: Path) -> list[Path]:
    """All files below a folder that may be images."""
    found = sorted(folder.rglob("*"))
    return [path for path in found if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp")]


def tile(path: Path) -> Pixels | None:
    """The middle of a photograph; None where it can't be read, or is small."""
    try:
        pixels = images.read(path)
    except ImageError:
        return None
    height, width = (min(TILE, side) for side in pixels.shape[:2])
    if min(height, width) < held.SMALLEST:
        return None
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return pixels[top : top + height, left : left + width]


def compressed(pixels: Pixels) -> Pixels:
    """As after saving as JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG)
    return images.decode(file.getvalue())


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(BLUR)))


def summed(tiles: Sequence[Pixels]) -> Sums:
    """The sums of some tiles."""
    total = equations.empty()
    for pixels in tiles:
        total += equations.of_tile(luma(pixels))
    return total


class Bars:
    """What is promised, and whether it holds."""

    def __init__(self) -> None:
        self.missed = 0

    def __call__(self, what: str, got: str, met: bool) -> None:
        self.missed += not met
        print(f"{what:50} {got:32} {'met' if met else 'MISSED'}", flush=True)


def trained(sets: Sequence[Sums], hrs: Sequence[Luma], classes: int) -> Floats:
    """PSNR by set and held photograph, (sets, photographs)."""
    every = np.array([filters.solved(sums, classes) for sums in sets])
    return np.array([held.look(hr, {classes: every}).psnr[classes] for hr in hrs]).T


def harms(
    tiles: Sequence[Pixels], scores: Sequence[float], hrs: Sequence[Luma], random: Generator
) -> Bars:
    """Every bar but the costs."""
    bars = Bars()
    some = [tiles[i] for i in random.permutation(len(tiles))[: max(1, len(tiles) // 4)]]
    order = np.argsort(-np.array(scores), kind="stable")
    best = [tiles[i] for i in order[: round(len(tiles) * (1 - WORST))]]
    few = [tiles[i] for i in random.permutation(len(tiles))[:FEW]]
    sets = {
        "all": summed(tiles),
        "some": summed(some),
        "jpeg": summed([compressed(pixels) for pixels in some]),
        "blur": summed([blurred(pixels) for pixels in some]),
        "best": summed(best),
        "few": summed(few),
    }
    for classes in CLASSES:
        of = dict(zip(sets, trained(list(sets.values()), hrs, classes), strict=True))
        for name, beside, what, limit in (
            ("jpeg", "some", f"JPEG {JPEG} of {len(some)} minus these", -0.05),
            ("blur", "some", f"blur {BLUR} of {len(some)} minus these", -0.2),
            ("few", "all", f"{FEW} random tiles minus all {len(tiles)}", -0.03),
        ):
            it = verdict.difference(of[name], of[beside])
            got = f"{it.mean:+.4f} [{it.low:+.4f}, {it.high:+.4f}] <= {limit}"
            bars(f"{classes} classes: {what}", got, it.mean <= limit and it.high < 0)
        it = verdict.difference(of["best"], of["all"])
        got = f"{it.mean:+.4f} [{it.low:+.4f}, {it.high:+.4f}] >= -0.002"
        bars(f"{classes} classes: without the worst fifth minus all", got, it.mean >= -0.002)
    total, off = equations.empty(), 0.0
    for i, pixels in enumerate(best, start=1):
        total += equations.of_tile(luma(pixels))
        if i in (FEW, len(best) // 5):
            alone = summed(best[:i][::-1])
            curve, run = trained([total, alone], hrs[:4], CLASSES[-1])
            off = max(off, float(np.abs(curve - run).max()))
    bars("the curve minus runs on just those tiles", f"{off:.1e} <= 1e-6 dB", off <= 1e-6)
    return bars


def costs(tiles: Sequence[Pixels], hrs: Sequence[Luma], bars: Bars) -> None:
    """CPU of a tile and of a point."""
    some = [luma(pixels) for pixels in tiles]
    start = process_time()
    total = equations.empty()
    for grey in some:
        total += equations.of_tile(grey)
    ms = (process_time() - start) * 1e3 / sum(grey.size for grey in some) * TILE**2
    bars(f"CPU a tile of {TILE} px, by {len(some)} tiles", f"{ms:.1f} ms <= 30", ms <= 30)
    start = process_time()
    for classes in CLASSES:
        trained([total] * POINTS, hrs, classes)
    s = (process_time() - start) / POINTS
    bars(f"CPU a point, {len(hrs)} held photographs", f"{s:.2f} s <= 2", s <= 2)


BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
spent = resource.getrusage(resource.RUSAGE_CHILDREN)
print(spent.ru_utime + spent.ru_stime, spent.ru_maxrss / 1e3)
"""
WAYS: tuple[dict[str, str], ...] = (  # environments that must make no difference
    {},
    {"SRSET_WORKERS": "0", "OPENBLAS_NUM_THREADS": "2"},
    {"SRSET_WORKERS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"},
)


def stage(tiles: Sequence[Pixels], held_pixels: Sequence[Pixels], bars: Bars) -> None:
    """Run the stage, some of the best tiles kept, in each of `WAYS`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows, decisions, photographs = [], [], []
        for i, pixels in enumerate(tiles):
            path, (height, width, _) = f"{i}.png", pixels.shape
            sha256 = hashlib.sha256(png.write(folder / "tiles" / path, pixels)).hexdigest()
            box = (0, 0, width, height)
            whole = (path, "1", width, height)
            rows.append(Tile(path, ".", sha256, *whole, *box, path, sha256))
            decisions.append(Decision(i + 1, path, ".", sha256, 0, 0, i % 2 == 0, "", ""))
        for i, pixels in enumerate(held_pixels):
            path, (height, width, _) = f"held/{i}.png", pixels.shape
            sha256 = hashlib.sha256(png.write(folder / "evaluation" / path, pixels)).hexdigest()
            facts = ("held", sha256, width, height, 0, "PNG RGB", "", "")
            photographs.append(Photograph(path, *facts))
        tables.write(folder / "tiles.csv", Tile, rows)
        tables.write(folder / "cut.csv", Decision, decisions)
        tables.write(folder / "evaluation.csv", Photograph, photographs)
        asked = {"held": str(folder / "evaluation/held"), "points": POINTS, "classes": [*CLASSES]}
        sections = {"probe": asked, "screen": {"evaluation_sets": [asked["held"]]}}
        (folder / "params.yaml").write_text(yaml.safe_dump(sections))
        left, peaks = zip(*(ran(folder, f"out{i}", w) for i, w in enumerate(WAYS)), strict=True)
    peak = max(peaks)
    bars("memory of the stage's largest process", f"{peak:.0f} MB <= 400", peak <= 400)
    same = all(each == left[0] for each in left)
    bars("the same bytes, processes 0, 1, 2, threads 1, 2", f"{len(left[0])} files", same)


def ran(folder: Path, out: str, way: dict[str, str]) -> tuple[dict[str, bytes], float]:
    """What the stage leaves, and the memory of its largest process, MB."""
    options = {
        "photographs": folder / "tiles",
        "table": folder / "tiles.csv",
        "decisions": folder / "cut.csv",
        "evaluation-folder": folder / "evaluation",
        "evaluation": folder / "evaluation.csv",
        "numbers": folder / out / "probe.json",
        "folder": folder / out / "probe",
        "params": folder / "params.yaml",
    }
    arguments = [str(word) for name, path in options.items() for word in (f"--{name}", path)]
    # By a small process between: a child's peak begins with that of what has started it.
    command = [sys.executable, "-c", BETWEEN, sys.executable, "-m", "stages.probe", *arguments]
    done = subprocess.run(command, env=os.environ | way, capture_output=True, text=True, check=True)
    *said, spent = done.stdout.splitlines()
    cpu, peak = map(float, spent.split())
    print(*said, f"{way or 'all cores'}: {cpu:.1f} s of CPU, {peak:.0f} MB", sep="\n", flush=True)
    files = sorted(path for path in (folder / out).rglob("*") if path.is_file())
    return {str(path.relative_to(folder / out)): path.read_bytes() for path in files}, peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tiles", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--scores", type=Path, required=True, metavar="CSV")
    parser.add_argument("--held", type=Path, nargs="+", required=True, metavar="FOLDER")
    parser.add_argument("--most", type=int, default=300, help="tiles")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(machine())
    with arguments.scores.open(encoding="utf-8", newline="") as file:
        score = {row["path"]: float(row["hyperiqa"]) for row in csv.DictReader(file)}
    random = np.random.default_rng(arguments.seed)
    every = [arguments.tiles / path for path in sorted(score)]
    every = [every[i] for i in random.permutation(len(every))]
    others = [path for folder in arguments.held for path in photographs(folder)]
    parted = every[:PARTED] if arguments.tiles in arguments.held else []
    to_hold = [path for path in others if path not in set(every)] + parted
    read = [(path, tile(path)) for path in every[len(parted) :][: arguments.most]]
    tiles = [pixels for _, pixels in read if pixels is not None]
    scores = [score[p.relative_to(arguments.tiles).as_posix()] for p, it in read if it is not None]
    held_pixels = [images.read(path) for path in to_hold]
    hrs = [held.middle(luma(pixels)) for pixels in held_pixels]
    print(f"{len(tiles)} tiles of {arguments.tiles}; {len(hrs)} held")
    bars = harms(tiles, scores, hrs, random)
    costs(tiles, hrs, bars)
    if len(hrs) >= LEAST:
        stage(tiles, held_pixels, bars)
    sys.exit(1 if bars.missed else 0)


if __name__ == "__main__":
    main()
