"""Measures: what they cost, and what one limit of them tells apart.

    python -m bench.bench_measures [--images FOLDER ...] [--most 100] [--seed 0]

Without FOLDER the cost: every measure on the photographs of `data/samples`, on one core, in ms of
CPU a megapixel, beside decoding the same files.

With it also what they tell apart, a line a bar. Of each FOLDER at most so many photographs are
taken, by chance. A JPEG file has traces of its own, so it is first reduced to 0.53 of its size by
Lanczos, which hides its grid; any other file is taken as it is, up to 1024 px in the middle. In
these faults are planted. AUC is over all pairs of a photograph as it is and one with the fault,
not of the same one: it says what one limit for all can do. Ends with 1 where a bar is missed.
"""

import argparse
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.measure import machine
from stages.common.measures.bits import bits
from stages.common.measures.blocks import blocks
from stages.common.measures.clipping import black, white
from stages.common.measures.detail import detail
from stages.common.measures.noise import noise
from stages.common.pixels import images
from stages.common.pixels.images import ImageError, Pixels

MEASURES = {"blocks": blocks, "detail": detail, "noise": noise, "white": white, "black": black}
LIMITS = {"blocks": 0.05, "detail": 0.025}  # the most, the least
COST = 25.0  # ms a megapixel: the most for all of a photograph's measures
ROUNDS = 3
REDUCED = 0.53  # no multiple of it or of 1 / it is near 8
LARGEST = 1024  # px
TILE, STEP = 512, 240  # px
LOWEST = 20  # tiles that are shown
SAMPLES = Path("data/samples")

Values = NDArray[np.float64]


def compressed(pixels: Pixels, quality: int) -> Pixels:
    """As after saving as JPEG."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return images.decode(file.getvalue())


def enlarged(pixels: Pixels, factor: float) -> Pixels:
    """Enlarged, and cut to the size of before."""
    height, width, _ = pixels.shape
    size = round(width * factor), round(height * factor)
    large = images.resize(pixels, *size, Image.Resampling.BICUBIC)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return large[top : top + height, left : left + width]


def noisy(pixels: Pixels, deviation: float, seed: int) -> Pixels:
    """With noise of a standard deviation in each channel."""
    added = np.random.default_rng(seed).normal(0, deviation, pixels.shape)
    return (pixels + added).round().clip(0, 255).astype(np.uint8)


def auc(lower: Values, higher: Values) -> float:
    """Chance that one of `higher` is the larger of a pair."""
    return float(np.mean((higher[:, None] > lower) + 0.5 * (higher[:, None] == lower)))


def rank_correlation(one: Values, other: Values) -> float:
    """Spearman's, of values of which no two are alike."""
    first, second = (values.argsort().argsort().astype(float) for values in (one, other))
    return float(np.corrcoef(first, second)[0, 1])


class Bars:
    """What is promised, and whether it holds."""

    def __init__(self) -> None:
        self.missed = 0

    def __call__(
        self, what: str, value: float, *, least: float = -np.inf, most: float = np.inf
    ) -> None:
        """Print a line on a value and its bar."""
        met = least <= value <= most
        self.missed += not met
        bar = f">= {least:g}" if np.isfinite(least) else f"<= {most:g}"
        print(f"{what:62} {value:7.3f}  {bar:9} {'met' if met else 'MISSED'}", flush=True)


def photographs(folder: Path, most: int, seed: int) -> list[Pixels]:
    """Some photographs of a folder, without traces of compression."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    found: list[Pixels] = []
    for i in np.random.default_rng(seed).permutation(len(paths)):
        try:
            pixels, mode = images.decode_with_mode(paths[i].read_bytes())
        except ImageError:
            continue
        height, width, _ = pixels.shape
        if mode.startswith("JPEG "):
            size = round(width * REDUCED), round(height * REDUCED)
            pixels = images.resize(pixels, *size, Image.Resampling.LANCZOS)
        else:
            top, left = max(0, height - LARGEST) // 2, max(0, width - LARGEST) // 2
            pixels = pixels[top : top + LARGEST, left : left + LARGEST]
        found.append(pixels)
        if len(found) == most:
            break
    return found


def of(measure: Callable[[Pixels], float], some: Sequence[Pixels]) -> Values:
    return np.array([measure(pixels) for pixels in some])


def check_blocks(some: Sequence[Pixels], bars: Bars) -> None:
    clean, limit = of(blocks, some), LIMITS["blocks"]
    print(f"blocks of clean ones: median {np.median(clean):.4f}, largest {clean.max():.4f}")
    bars("blocks: share of clean ones above 0.05", float(np.mean(clean > limit)), most=0.02)
    for quality, least in ((75, 0.99), (85, 0.97), (90, 0.97), (95, 0.9)):
        files = [compressed(pixels, quality) for pixels in some]
        whole, cut = of(blocks, files), of(blocks, [pixels[5:, 3:] for pixels in files])
        bars(f"blocks: AUC of JPEG quality {quality}", auc(clean, whole), least=least)
        bars("        and cropped at (3, 5)", auc(clean, cut), least=least - 0.03)
        flagged, flagged_cut = (float(np.mean(values > limit)) for values in (whole, cut))
        if quality == 75:
            bars(f"blocks: share at quality {quality} above 0.05", flagged, least=0.95)
            bars("        and cropped at (3, 5)", flagged_cut, least=0.92)
        else:
            print(f"blocks: share at quality {quality} above 0.05: {flagged:.3f}")


def check_detail(some: Sequence[Pixels], bars: Bars) -> None:
    clean, limit = of(detail, some), LIMITS["detail"]
    print(f"detail of clean ones: median {np.median(clean):.3f}, lowest {clean.min():.3f}")
    bars("detail: share of clean ones below 0.025", float(np.mean(clean < limit)), most=0.05)
    for factor, least in ((2, 0.99), (1.5, 0.93)):
        large = [enlarged(pixels, factor) for pixels in some]
        plain, jpeg = (of(detail, files) for files in (large, [compressed(p, 85) for p in large]))
        bars(f"detail: AUC of enlargement by {factor}", auc(-clean, -plain), least=least)
        if factor == 2:
            bars("        and then JPEG quality 85", auc(-clean, -jpeg), least=least)
            for values, then in ((plain, ""), (jpeg, ", then quality 85")):
                share = float(np.mean(values < limit))
                bars(f"detail: share enlarged by 2{then} below 0.025", share, least=0.95)
        else:
            print(f"detail: share enlarged by 1.5 below 0.025: {np.mean(plain < limit):.3f}")


def check_noise(some: Sequence[Pixels], bars: Bars, seed: int) -> None:
    clean = of(noise, some)
    print(f"noise of clean ones: median {np.median(clean):.2f}, largest {clean.max():.2f}")
    for deviation in (2, 5, 10):
        values = of(noise, [noisy(pixels, deviation, seed + i) for i, pixels in enumerate(some)])
        found = auc(clean, values)
        if deviation == 5:
            bars(f"noise: AUC of noise {deviation}", found, least=0.98)
        else:
            print(f"noise: AUC of noise {deviation}: {found:.3f}")
    true = 10 * float(np.linalg.norm([0.299, 0.587, 0.114]))
    off = abs(float(np.median(values)) / true - 1)
    bars(
        f"noise: median {np.median(values):.2f} at 10, off the luma's {true:.2f} by", off, most=0.2
    )


def check_bits(some: Sequence[Pixels], bars: Bars, seed: int, sheet: Path | None) -> None:
    tiles = [
        pixels[top : top + TILE, left : left + TILE]
        for pixels in some
        for top in range(0, pixels.shape[0] - TILE + 1, STEP)
        for left in range(0, pixels.shape[1] - TILE + 1, STEP)
    ]
    if len(tiles) < LOWEST:
        print(f"bits: only {len(tiles)} tiles of {TILE} px, which tell nothing")
        return
    plain = of(bits, tiles)
    values = of(bits, [noisy(tile, 8, seed + i) for i, tile in enumerate(tiles)])
    what = f"bits: rank correlation of {len(tiles)} tiles with them under noise 8"
    bars(what, rank_correlation(plain, values), least=0.98)
    lowest = plain.argsort(kind="stable")[:LOWEST]
    print(
        f"bits: share below 0.30: {np.mean(plain < 0.3):.3f}; of the {LOWEST} lowest "
        f"{plain[lowest[0]]:.3f} to {plain[lowest[-1]]:.3f}"
    )
    if sheet:
        small = [images.resize(tiles[i], 160, 160, Image.Resampling.LANCZOS) for i in lowest]
        rows = [np.concatenate(small[i : i + 5], axis=1) for i in range(0, LOWEST, 5)]
        Image.fromarray(np.concatenate(rows)).save(sheet)


def cost() -> bool:
    """Print what the measures cost; whether that is within the target."""
    paths = sorted(SAMPLES.glob("[lo]*/*.jpg"))
    some = [images.read(path) for path in paths]
    megapixels = sum(pixels.shape[0] * pixels.shape[1] for pixels in some) / 1e6

    def lowest(call: Callable[[], object]) -> float:
        times: list[float] = []
        for _ in range(ROUNDS):
            start = process_time()
            call()
            times.append(process_time() - start)
        return min(times) * 1e3 / float(megapixels)

    print(f"{len(some)} photographs, {megapixels:.1f} megapixels; ms of CPU a megapixel")
    print(f"decoding {lowest(lambda: [images.read(path) for path in paths]):6.2f}")
    found = {
        name: lowest(lambda measure=measure: of(measure, some))  # type: ignore[misc]
        for name, measure in (MEASURES | {"bits": bits}).items()
    }
    for name, ms in found.items():
        print(f"{name:8} {ms:6.2f}")
    photograph = sum(found[name] for name in MEASURES)
    tile = found["bits"] + found["white"] + found["black"]
    met = photograph <= COST
    print(
        f"a photograph's {photograph:.1f}, target {COST:g}: {'met' if met else 'MISSED'}; "
        f"a tile's {tile:.1f}"
    )
    return met


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--most", type=int, default=100, help="photographs of each folder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="a PNG of the tiles of the fewest bits")
    arguments = parser.parse_args()
    print(machine())
    bars = Bars()
    if not cost():
        bars.missed += 1
    some = [
        pixels
        for folder in arguments.images
        for pixels in photographs(folder, arguments.most, arguments.seed)
    ]
    if some:
        print(f"{len(some)} photographs of {', '.join(map(str, arguments.images))}")
        check_blocks(some, bars)
        check_detail(some, bars)
        check_noise(some, bars, arguments.seed)
        check_bits(some, bars, arguments.seed, arguments.sheet)
    sys.exit(1 if bars.missed else 0)


if __name__ == "__main__":
    main()
