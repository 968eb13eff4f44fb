"""Does the recipe of training/showcase see what is known to harm, and does the probe agree?

    make inspect DIR=FOLDER OUT=scores
    python -m bench.bench_showcase --images FOLDER --scores scores.csv --held FOLDER --work FOLDER

Six sets are made of the images: a random quarter; the best and the worst quarter by score; all but
the worst fifth; the random quarter compressed at JPEG quality 30, or blurred by 1.2 px. On each the
network is trained, 3,200 steps, and compared on the held photographs, which must not be among the
images. WORK keeps sets and networks, so that a run that was stopped goes on.

Where the probe is there, it is asked of the same sets and photographs, and these are bars:

- both order the sets alike: Spearman's correlation of their PSNR is 0.8 or more;
- no two sets of which each says with an interval clear of 0 the opposite of the other.

Ends with 1 where one is missed.
"""

import argparse
import csv
import io
import sys
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from stages.common import files, tables
from stages.common.correlation import rank_correlation
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.probing import equations, filters
from stages.common.probing import held as seen
from training.showcase import compare, sets
from training.showcase.compare import Photograph
from training.showcase.quality import difference

JPEG, BLUR = 30, 1.2  # quality; px, of a Gaussian
QUARTER, WORST = 0.25, 0.2
CLASSES = 48  # of the probe
ALIKE = 0.8
Floats = NDArray[np.float64]


def read_scores(path: Path) -> dict[str, float]:
    """Scores by path, best first, as `make inspect` leaves them."""
    with path.open(newline="") as file:
        found = {row["path"]: float(row["hyperiqa"]) for row in csv.DictReader(file)}
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def chosen(names: Sequence[str]) -> dict[str, list[str]]:
    """Which images the sets have, of all of them, best first."""
    some = round(len(names) * QUARTER)
    random = [names[i] for i in np.random.default_rng(0).permutation(len(names))[:some]]
    return {
        "random": random,
        "top": list(names[:some]),
        "bottom": list(names[-some:]),
        "drop-worst": list(names[: round(len(names) * (1 - WORST))]),
        "jpeg": random,
        "blur": random,
    }


def compressed(pixels: Pixels) -> Pixels:
    """As after saving as JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=JPEG)
    return images.decode(file.getvalue())


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(BLUR)))


HARM: dict[str, Callable[[Pixels], Pixels]] = {"jpeg": compressed, "blur": blurred}


def make(folder: Path, source: Path, names: Sequence[str]) -> None:
    """A set as a folder, where it is not there yet."""
    for name in names:
        harm = HARM.get(folder.name)
        path = (folder / name).with_suffix(".png") if harm else folder / name
        if path.is_file():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if harm:
            png.write(path, harm(images.read(source / name)))
        else:
            files.write(path, (source / name).read_bytes())


def probed(folders: Sequence[Path], held: Path, least: int) -> Floats:
    """PSNR of the probe's filters by set and held photograph."""
    solved = []
    for folder in folders:
        total = equations.empty()
        for path in sets.find(folder).values():
            total += equations.of_tile(sets.read(path))
        solved.append(filters.solved(total, CLASSES))
    every = {CLASSES: np.array(solved)}
    photographs = [sets.read(path) for _, path in sets.held(held, least)]
    looked = [seen.look(seen.middle(luma), every).psnr[CLASSES] for luma in photographs]
    return np.array(looked).T


def contradictions(names: Sequence[str], ours: Floats, theirs: Floats) -> list[str]:
    """Pairs of sets of which both speak clearly, and say the opposite."""
    found = []
    for i, k in combinations(range(len(names)), 2):
        one, other = difference(ours[i], ours[k]), difference(theirs[i], theirs[k])
        clear = one.low * one.high > 0 and other.low * other.high > 0
        if clear and one.mean * other.mean < 0:
            found.append(f"{names[i]} minus {names[k]}: network {one}, probe {other}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in ("images", "scores", "held", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--scale", type=int, choices=(2, 4), default=2)
    parser.add_argument("--params", type=Path, default=compare.PARAMS)
    given = parser.parse_args()
    names = chosen(list(read_scores(given.scores)))
    folders = [given.work / "sets" / name for name in names]
    for folder in folders:
        make(folder, given.images, names[folder.name])
    rows = compare.compared(folders, given.held, given.scale, given.work, given.params)
    print(*compare.lines(rows), sep="\n", flush=True)

    table = tables.read(given.work / f"x{given.scale}_photographs.csv", Photograph)
    ours = np.array([[row.psnr for row in table if row.set == str(folder)] for folder in folders])
    theirs = probed(folders, given.held, 2) if given.scale == 2 else None
    if theirs is None:
        print("no probe to compare with")
        return
    print("the probe, minus the first, dB:")
    for folder, own in zip(folders[1:], theirs[1:], strict=True):
        print(f"{folder.name:12} {difference(own, theirs[0])}")
    alike = rank_correlation(ours.mean(axis=1).tolist(), theirs.mean(axis=1).tolist()) or 0.0
    against = contradictions(list(names), ours, theirs)
    print(f"Spearman {alike:.2f} >= {ALIKE} {'met' if alike >= ALIKE else 'MISSED'}")
    print(f"contradictions: {'; '.join(against) or 'none'} {'MISSED' if against else 'met'}")
    sys.exit(alike < ALIKE or bool(against))


if __name__ == "__main__":
    main()
