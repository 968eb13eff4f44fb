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
- CPU of a tile and of a point, and the peak of memory.

Ends with 1 where a bar is missed.
"""

import argparse
import csv
import io
import resource
import sys
from collections.abc import Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from bench.measure import machine
from stages.common.measures.luma import Luma, luma
from stages.common.pixels import images
from stages.common.pixels.images import ImageError, Pixels
from stages.common.probing import equations, filters, held, verdict
from stages.common.probing.equations import Floats, Sums

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
    """CPU of a tile and of a point, and memory."""
    some = [luma(pixels) for pixels in tiles if pixels.shape[:2] == (TILE, TILE)]
    some = some or [np.zeros((TILE, TILE), np.uint8)]
    start = process_time()
    total = equations.empty()
    for grey in some:
        total += equations.of_tile(grey)
    ms = (process_time() - start) / len(some) * 1e3
    bars(f"CPU a tile of {TILE} px, of {len(some)}", f"{ms:.1f} ms <= 30", ms <= 30)
    start = process_time()
    for classes in CLASSES:
        trained([total] * POINTS, hrs, classes)
    s = (process_time() - start) / POINTS
    bars(f"CPU a point, {len(hrs)} held photographs", f"{s:.2f} s <= 2", s <= 2)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(f"memory at its peak, with all tiles in it: {peak:.0f} MB")


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
    hrs = [held.middle(luma(images.read(path))) for path in to_hold]
    print(f"{len(tiles)} tiles of {arguments.tiles}; {len(hrs)} held")
    bars = harms(tiles, scores, hrs, random)
    costs(tiles, hrs, bars)
    sys.exit(1 if bars.missed else 0)


if __name__ == "__main__":
    main()
