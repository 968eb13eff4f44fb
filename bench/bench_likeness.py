"""Are copies of photographs found, and nothing else?

    python -m bench.bench_likeness --images FOLDER [--scene 12] [--every 1] [--first 0]
        [--selfexsr CLONE --kodak CLONE] [--rows 100000]

Each line is a bar, and the process ends with 1 where one is missed:

- of every image in FOLDER an edited copy is looked for among all of them, by hash or embedding;
- no two different images are alike. Of names that are numbers those up to `--scene` apart may show
  one scene and are left out; so are images with the same pixels;
- with clones of the public test sets (data/known_sets.md): edited copies of Urban100, Set14 and
  Kodak are told by data/known_sets.csv, and no image of FOLDER is;
- so many random photographs are searched for pairs on one core; and as many that are all equal.

`--first N` leaves out the images that are numbered up to N: on those of LIVE In the Wild up to 580
the whitening was fitted. `--every` edits only one image in so many. Times are of one run.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import process_time
from typing import NamedTuple

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy: the bar is of one core

import numpy as np
import psutil
from PIL import Image

from stages.common import tables, workers
from stages.common.near import embedder, known, search
from stages.common.near.alike import EVALUATION, NEAR, Look, is_near
from stages.common.near.embedder import Squeezed
from stages.common.near.known import Known
from stages.common.pixels import images
from stages.common.pixels.images import Pixels
from stages.common.pixels.likeness import dhash
from stages.tools import known_sets

WEIGHTS = Path("data/weights")
LIMIT = 180.0  # s of one core
MEMORY = 2048  # MiB
Edit = Callable[[Pixels], Pixels]


def cropped(pixels: Pixels, share: float, down: float = 0.5, right: float = 0.5) -> Pixels:
    """A part of a picture: each side less a share; where it lies, 0..1."""
    height, width, _ = pixels.shape
    rows, columns = (round(side * (1 - share)) for side in (height, width))
    top, left = round((height - rows) * down), round((width - columns) * right)
    return pixels[top : top + rows, left : left + columns]


def compressed(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return images.decode(file.getvalue())


def half(pixels: Pixels) -> Pixels:
    height, width, _ = pixels.shape
    return images.resize(pixels, (width + 1) // 2, (height + 1) // 2, Image.Resampling.BICUBIC)


def mirrored(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, ::-1])


def brightened(pixels: Pixels, gain: float) -> Pixels:
    values: Pixels = np.clip(np.rint(pixels * gain), 0, 255).astype(np.uint8)
    return values


def all_four(pixels: Pixels, down: float = 0.5, right: float = 0.5) -> Pixels:
    """Mirrored, cropped by 10%, at half size and JPEG 60."""
    part = np.ascontiguousarray(cropped(mirrored(pixels), 0.1, down, right))
    return compressed(half(part), 60)


def all_four_of_less(pixels: Pixels) -> Pixels:
    """The same with a crop of 20%."""
    return compressed(half(np.ascontiguousarray(cropped(mirrored(pixels), 0.2))), 60)


EDITS: dict[str, tuple[Edit, float]] = {  # and the recall that is asked for
    "crop 5%": (partial(cropped, share=0.05), 0.95),
    "crop 10%": (partial(cropped, share=0.1), 0.95),
    "crop 10%, corner": (partial(cropped, share=0.1, down=0, right=0), 0.95),
    "crop 20%": (partial(cropped, share=0.2), 0.90),
    "mirrored": (mirrored, 0.95),
    "JPEG 30": (partial(compressed, quality=30), 0.95),
    "half size": (half, 0.95),
    "brighter by 30%": (partial(brightened, gain=1.3), 0.95),
    "darker by 30%": (partial(brightened, gain=0.7), 0.95),
    "all four": (all_four, 0.95),
}
OF_SETS: dict[str, Edit] = {
    "mirrored": mirrored,
    "crop 10%": partial(cropped, share=0.1),
    "crop 10%, corner": partial(cropped, share=0.1, down=1, right=0),
    "half size": half,
    "JPEG 60": partial(compressed, quality=60),
    "all four": all_four,
    "all four, corner": partial(all_four, down=0, right=1),
    "crop 20%": partial(cropped, share=0.2),
    "all four, of 20%": all_four_of_less,
}


class Seen(NamedTuple):
    """A photograph, or an edited copy of one."""

    path: Path
    edit: str  # empty: as it is
    pixels: str
    dhash: str


def seen(job: tuple[Path, tuple[str, ...]], edits: dict[str, Edit]) -> list[tuple[Seen, Squeezed]]:
    """A photograph and its copies."""
    path, names = job
    pixels, found = images.read(path), []
    for name in ("", *names):
        copy = np.ascontiguousarray(edits[name](pixels) if name else pixels)
        facts = Seen(path, name, images.pixels_sha256(copy), dhash(copy))
        found.append((facts, embedder.squeezed(copy)))
    return found


def looked_at(
    paths: list[Path], edits: dict[str, Edit], every: int = 1
) -> dict[tuple[Path, str], tuple[str, Look]]:
    """Pixels and look of photographs and of their copies, by path and edit."""
    jobs = [(path, tuple(edits) if i % every == 0 else ()) for i, path in enumerate(paths)]

    def each() -> Iterator[tuple[Seen, Squeezed]]:
        for found in workers.each(partial(seen, edits=edits), jobs, what="images"):
            yield from found

    return {
        (one.path, one.edit): (one.pixels, Look(one.dhash, code.hex()))
        for one, code in embedder.embedded(each(), embedder.load(WEIGHTS))
    }


class Bars:
    """Prints a line for each, and knows whether all hold."""

    def __init__(self) -> None:
        self.missed = False

    def bar(self, holds: bool, text: str) -> None:
        self.missed |= not holds
        print(f"{'ok  ' if holds else 'MISS'} {text}", flush=True)


def recall(bars: Bars, paths: list[Path], looks: dict[tuple[Path, str], tuple[str, Look]]) -> None:
    """Of each edit the share of copies that are near their original."""
    for edit, (_, least) in EDITS.items():
        here = [(path, looks[path, edit][1]) for path in paths if (path, edit) in looks]
        found, by_hash, by_embedding, worst = 0, 0, 0, 0.0
        for path, look in here:
            ((_, bits, _, distance),) = search.closest([look], [looks[path, ""][1]])
            found += is_near(bits, distance)
            by_hash += bits <= NEAR.bits
            by_embedding += distance <= NEAR.distance
            worst = max(worst, distance)
        share = found / len(here)
        shares = f"hash {by_hash / len(here):.3f}, embedding {by_embedding / len(here):.3f}"
        text = f"{edit}: recall {share:.3f} of {len(here)}, at least {least} ({shares}; "
        bars.bar(share >= least, f"{text}farthest {worst:.3f})")


def number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isdecimal() else None


def different(
    bars: Bars, paths: list[Path], looks: dict[tuple[Path, str], tuple[str, Look]], scene: int
) -> None:
    """No two different photographs are alike."""
    pixels, here = zip(*(looks[path, ""] for path in paths), strict=True)
    there = search.vectors(here)
    far, away = search.bits(there, there), search.distances(there, there)
    others = np.triu(np.ones(far.shape, bool), 1)
    for i, one in enumerate(paths):
        a = number(one)
        for j, other in enumerate(paths[:i]):
            b = number(other)
            same_scene = a is not None and b is not None and abs(a - b) <= scene
            others[j, i] &= not same_scene and pixels[i] != pixels[j]
    false = np.argwhere(others & ((far <= NEAR.bits) | (away <= NEAR.distance)))
    named = ", ".join(f"{paths[i].stem}-{paths[j].stem}" for i, j in false[:9])
    nearest = f"nearest {far[others].min():.0f} bits, {away[others].min():.3f}"
    text = f"false pairs: {len(false)} of {others.sum():,} ({nearest}) {named}"
    bars.bar(len(false) == 0, text.rstrip())


def of_sets(
    bars: Bars,
    clones: dict[str, Path],
    paths: list[Path],
    looks: dict[tuple[Path, str], tuple[str, Look]],
) -> None:
    """Copies of public test sets are told by the table, and other photographs are not."""
    views = list(known.evaluated(tables.read(known.FILE, Known)))
    there = [view.look for view in views]
    originals = [
        (path, f"{name} {image}")
        for name in ("Urban100", "Set14", "Kodak", "BSD100", "Set5")
        for image, path in known_sets.files_of(name, clones).items()
    ]
    found = looked_at([path for path, _ in originals], OF_SETS)
    for edit in OF_SETS:
        here = [found[path, edit][1] for path, _ in originals]
        lost, right, farthest = [], 0, 0.0
        for (_, name), nearest in zip(originals, search.closest(here, there), strict=True):
            first, bits, second, distance = nearest
            right += views[first if bits <= EVALUATION.bits else second].name == name
            farthest = max(farthest, distance if bits > EVALUATION.bits else 0)
            if not is_near(bits, distance, EVALUATION):
                lost.append(name)
        text = f"sets, {edit}: {len(lost)} of {len(originals)} not found {', '.join(lost[:5])}"
        bars.bar(not lost, f"{text.rstrip()} (farthest {farthest:.3f}, {right} by the right name)")
    here = [looks[path, ""][1] for path in paths]
    false, nearest_bits, nearest_distance = [], 256, 2.0
    for path, (_, bits, second, distance) in zip(paths, search.closest(here, there), strict=True):
        nearest_bits, nearest_distance = min(bits, nearest_bits), min(distance, nearest_distance)
        if is_near(bits, distance, EVALUATION):
            false.append(f"{path.stem} for {views[second].name}")
    text = f"sets: {len(false)} of {len(paths)} others refused (nearest {nearest_bits} bits, "
    bars.bar(not false, f"{text}{nearest_distance:.3f}) {', '.join(false[:5])}".rstrip())


def crowds(bars: Bars, count: int) -> None:
    """Time and memory of a search among many photographs."""
    os.environ["SRSET_WORKERS"] = "0"
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    codes = np.rint(rng.normal(0, 30, (count, 128))).clip(-127, 127).astype(np.int8)
    random = [
        Look(h.tobytes().hex(), c.tobytes().hex()) for h, c in zip(hashes, codes, strict=True)
    ]
    for what, looks in (("random", random), ("equal", [random[0]] * count)):
        start = process_time()
        found = search.pairs(looks)
        seconds = process_time() - start
        memory = psutil.Process().memory_info().rss / 2**20
        text = f"{count:,} {what} photographs: {seconds:.1f} s of one core, at most {LIMIT:.0f}"
        bars.bar(
            seconds <= LIMIT and memory <= MEMORY, f"{text}; {len(found):,} pairs, {memory:.0f} MiB"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True, help="folder of photographs")
    parser.add_argument("--scene", type=int, default=12, help="numbers so near may be one scene")
    parser.add_argument("--every", type=int, default=1, help="edit one image in so many")
    parser.add_argument("--first", type=int, default=0, help="leave out numbers up to this")
    parser.add_argument("--selfexsr", type=Path, help="clone with four of the test sets")
    parser.add_argument("--kodak", type=Path, help="clone with the Kodak images")
    parser.add_argument("--rows", type=int, default=100_000, help="photographs to search among")
    given = parser.parse_args()
    found = (path for path in given.images.rglob("*") if images.size_of(path))
    paths = sorted(path for path in found if (number(path) or given.first + 1) > given.first)
    looks = looked_at(paths, {name: edit for name, (edit, _) in EDITS.items()}, given.every)
    bars = Bars()
    recall(bars, paths, looks)
    different(bars, paths, looks, given.scene)
    if given.selfexsr and given.kodak:
        of_sets(bars, {"selfexsr": given.selfexsr, "kodak": given.kodak}, paths, looks)
    if given.rows:
        crowds(bars, given.rows)
    sys.exit(bars.missed)


if __name__ == "__main__":
    main()
