"""Are photographs of mixed sizes comparable, and at which `score.size`?

    python -m bench.bench_sizes [--images FOLDER ...] [--factor 0.5] [--sizes 1024 768 512]

The pool: every photograph of the folders, whole, and of a wide one the squares at its two ends;
each of them as it is, and as a copy whose sides are FACTOR as long. So the best of the pool should
be as many large as small ones. Prints, for `native` and each size, the share of the large ones
among the best quarter, half and three quarters, and both means. Ends with 1 where a size that all
have, so that nothing would have to be enlarged, leaves a share further than 10% from the pool's.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from stages.common.hyperiqa import backends, checkpoints, scorer, sizes
from stages.common.hyperiqa.backends import Network
from stages.common.pixels import images, png
from stages.common.pixels.images import Pixels
from stages.common.pixels.pictures import whole
from stages.common.rows import Item

FOLDERS = (Path("data/samples/landscape"), Path("data/samples/objects"))
SIZES = (1024, 768, 512)
PARTS = (0.25, 0.5, 0.75)  # of the pool that are kept
ALLOWED = 0.1  # of the pool's share
WIDE = 1.25  # the least long side, by the short one, of a photograph that squares are cut from


def pictures(folders: Sequence[Path]) -> Iterator[Pixels]:
    """The photographs, and squares of them."""
    for path in sorted(path for folder in folders for path in folder.rglob("*.*")):
        pixels = images.read(path)
        yield pixels
        side = min(pixels.shape[:2])
        if max(pixels.shape[:2]) >= WIDE * side:
            yield pixels[:side, :side]
            yield pixels[-side:, -side:]


def smaller(pixels: Pixels, factor: float) -> Pixels:
    """A copy as people make them."""
    height, width = (round(side * factor) for side in pixels.shape[:2])
    return images.resize(pixels, width, height, Image.Resampling.BICUBIC)


def written(folder: Path, name: str, pixels: Pixels) -> Item:
    """Write a picture, and give what the scorer needs of it."""
    content = png.write(folder / name, pixels)
    height, width = pixels.shape[:2]
    digest = hashlib.sha256(content).hexdigest()
    return Item(name, digest, width, height, images.pixels_sha256(pixels))


def share(large: Sequence[float], small: Sequence[float], part: float) -> float:
    """Of the large ones among the best `part` of both, 0..1."""
    pool = sorted([(-score, 1) for score in large] + [(-score, 0) for score in small])
    kept = pool[: round(part * len(pool))]
    return sum(is_large for _, is_large in kept) / len(kept)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, nargs="+", default=FOLDERS)
    parser.add_argument("--factor", type=float, default=0.5)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    given = parser.parse_args()
    network: Future[Network] = Future()
    loaded = checkpoints.find("builtin", Path("data/weights"))
    network.set_result(backends.network_on(*backends.EXACT, loaded))
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        pairs = [
            (written(folder, f"{i}.png", each), written(folder, f"{i}s.png", copy))
            for i, each in enumerate(pictures(given.images))
            for copy in [smaller(each, given.factor)]
        ]
        items = [item for pair in pairs for item in pair]
        least = min(min(item.width, item.height) for item in items)
        print(
            f"{len(pairs)} pictures and as many copies of {given.factor:g} their size; {least} px"
        )
        print("| size | share of the large | mean of the large, the small |\n|---|---|---|")
        even = True
        for edge in (None, *given.sizes):
            wanted = [sizes.looked_at(whole(item), edge) for item in items]
            scores = dict(scorer.score(wanted, folder, policy="cover", network=network))
            large, small = (
                [scores[item.pixels] for item in some] for some in zip(*pairs, strict=True)
            )
            shares = [share(large, small, part) for part in PARTS]
            row = ", ".join(f"{each:.0%}" for each in shares)
            print(
                f"| {edge or 'native'} | {row} | {np.mean(large):.3f}, {np.mean(small):.3f} |",
                flush=True,
            )
            if edge is not None and edge <= least:
                even &= all(abs(each - 0.5) <= ALLOWED * 0.5 for each in shares)
    sys.exit(0 if even else 1)


if __name__ == "__main__":
    main()
