"""How much faster than pyiqa are our scores, and how near?

    python -m bench.bench_network --images FOLDER --pyiqa-python PYTHON
                                  [--rounds 5] [--device cuda] [--count 4000]

Every variant scores photographs of 1024 x 1024, or tiles of 512 x 512, in turn with pyiqa: round
after round in one run, so that what else the machine does hits all alike. A ratio is the median
over the rounds of pyiqa's time for an image divided by the variant's. Random weights, calibrated as
in bench/parity.py, where PYTHON is explained too.

| variant | what it scores, under which policy |
|---|---|
| plain, folded | photographs in memory under `pyiqa`: the network in PyTorch, 25 crops at once |
| engine | the same by what the stage `score` runs: OpenVINO, or on a GPU a recorded graph |
| files | photographs from files to scores, decoded in workers; pyiqa's time has its own decoding |
| tiles | tiles from files under `cover`: 9 crops; pyiqa takes 25 |
| small, small files | `engine` and `files` with the weights that the project ships |
| decoders | `files` with a network that answers at once: the most that any network could reach |

`tiles`, `small files` and `decoders` work on `--count` different files, so that the start of the
workers, which they contain, does not decide; `files` on as many, or on a CPU on a quarter. (This
file is a `__main__.py` since workers import the main module unless it has that name; it would bring
them PyTorch, as `stages.score` does not.) On a GPU, where pyiqa runs too, precision is fp16.
"""

import argparse
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from bench.measure import machine
from bench.parity import Peer, Pixels, calibrated, fitted, ours, peer, photographs, write_layouts
from stages.common.files import sha256_of
from stages.common.hyperiqa import checkpoints, crops
from stages.common.hyperiqa.backends import BATCH, Network, network_on, resolve
from stages.common.hyperiqa.network import fold
from stages.common.hyperiqa.scorer import Batches, score
from stages.common.pixels import png
from stages.common.pixels.images import pixels_sha256
from stages.common.pixels.pictures import whole
from stages.common.rows import Item

PHOTOGRAPH, TILE = 1024, 512  # px
PEER_PHOTOGRAPHS, PEER_TILES = 8, 4  # that pyiqa scores in a round
COUNT = {"cpu": 64, "cuda": 4000}  # files, unless told otherwise
SHARE = 4  # on a CPU `files` takes only one file of so many
STEP = 8  # px that one version of a photograph is shifted against the next


class Variant(NamedTuple):
    """Something to time."""

    images: int  # that `run` scores
    peers: str  # what pyiqa's time is for
    run: Callable[[], Sequence[float]]


def main() -> None:
    """Measure, and print one row for each variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--pyiqa-python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--count", type=int)
    arguments = parser.parse_args()
    device, precision = resolve(arguments.device, "auto")
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = photographs(arguments.images)
        paths = write_layouts(calibrated(pictures), folder)
        seconds, errors, about = measure(
            variants(pictures, paths["pyiqa"], folder, arguments.count, device, precision),
            lambda: peer(arguments.pyiqa_python, paths["pyiqa"], device),
            folder,
            arguments.rounds,
        )
    print(f"{machine()}; {device} {precision}, torch {torch.__version__}; {about}")
    print(f"{'variant':>11} {'ms/image':>8} {'ratio':>6} {'lowest':>6} {'highest':>7} {'error':>8}")
    for key, (times, peers) in seconds.items():
        ratios = [a / b for a, b in zip(peers, times, strict=True)]
        print(
            f"{key:>11} {1000 * statistics.median(times):>8.1f} {statistics.median(ratios):>6.2f} "
            f"{min(ratios):>6.2f} {max(ratios):>7.2f} {errors.get(key, ''):>8}"
        )


def variants(
    pictures: list[Pixels],
    checkpoint: Path,
    folder: Path,
    count: int | None,
    device: str,
    precision: str,
) -> dict[str, Variant]:
    """Write the files, compile the networks, and give what there is to time."""
    count = count or COUNT[device]
    pixels = [fitted(each, PHOTOGRAPH, PHOTOGRAPH) for each in pictures[:PEER_PHOTOGRAPHS]]
    items = written(pixels, folder, "photograph", count)
    tiles = written([each[:TILE, :TILE] for each in pixels], folder, "tile", count)
    if device == "cpu":
        some, times = items[::SHARE], 1
    else:  # the engine needs many full batches
        some, times = items, BATCH["cuda"] // len(pixels)
    given = checkpoints.find(str(checkpoint), Path())
    shipped = checkpoints.find("builtin", Path("data/weights"))
    plain = given.load().network
    folded = fold(plain)
    large = network_on(device, precision, given)
    small = network_on(device, precision, shipped)
    all_times = times * len(pixels)
    nothing = large._replace(run=lambda batch: np.zeros(len(batch), np.float32))
    found = {
        "plain": Variant(4, "photographs", lambda: [ours(each, plain) for each in pixels[:4]]),
        "folded": Variant(4, "photographs", lambda: [ours(each, folded) for each in pixels[:4]]),
        "engine": Variant(all_times, "photographs", lambda: engine(pixels, times, large)),
        "files": Variant(len(some), "files", lambda: from_files(some, folder, "pyiqa", large)),
        "tiles": Variant(count, "tiles", lambda: from_files(tiles, folder, "cover", large)),
        "small": Variant(all_times, "photographs", lambda: engine(pixels, times, small)),
        "small files": Variant(count, "files", lambda: from_files(items, folder, "pyiqa", small)),
        "decoders": Variant(count, "files", lambda: from_files(items, folder, "pyiqa", nothing)),
    }
    if device == "cuda":  # plain PyTorch is there to explain the CPU's figures
        del found["plain"], found["folded"]
    return found


def written(pictures: list[Pixels], folder: Path, name: str, count: int) -> list[Item]:
    """Write `count` different PNG files: the pictures in turn, each version shifted elsewhere."""

    def write(number: int) -> Item:
        path = folder / f"{name}{number}.png"
        version, picture = divmod(number, len(pictures))
        height, width, _ = pictures[picture].shape
        down, right = divmod(version * STEP, width)
        pixels = np.roll(pictures[picture], (down * STEP, right), axis=(0, 1))
        png.write(path, pixels)
        return Item(path.name, sha256_of(path), width, height, pixels_sha256(pixels))

    with ThreadPoolExecutor() as threads:
        return list(threads.map(write, range(count)))


def engine(pixels: list[Pixels], times: int, network: Network) -> list[float]:
    """Score images under `pyiqa`, all of them so many times, in batches that run across them."""
    cropped = [crops.prepare(each, "pyiqa", seed="") for each in pixels]
    scores: dict[str, float] = defaultdict(float)
    with Batches(network) as batches:
        for number, (parts, weights) in enumerate(cropped * times):
            for crop, weight in zip(parts, weights.tolist(), strict=True):
                for name, score in batches.add(str(number), crop, weight):
                    scores[name] += score
        for name, score in batches.rest():
            scores[name] += score
    return [scores[str(number)] for number in range(len(cropped) * times)]


def from_files(items: list[Item], folder: Path, policy: str, network: Network) -> list[float]:
    """Score files as the stage does."""
    compiled: Future[Network] = Future()
    compiled.set_result(network)
    found = dict(score(list(map(whole, items)), folder, policy=policy, network=compiled))
    return [found[item.pixels] for item in items]


def measure(
    found: dict[str, Variant],
    start_peer: Callable[[], AbstractContextManager[Peer]],
    folder: Path,
    rounds: int,
) -> tuple[dict[str, tuple[list[float], list[float]]], dict[str, str], str]:
    """Time variants and pyiqa in turn.

    Returns:
        Seconds an image by round, ours and pyiqa's, by variant; the largest difference of the
        scores of photographs in memory; what pyiqa is.
    """
    seconds: dict[str, tuple[list[float], list[float]]] = {key: ([], []) for key in found}
    errors: dict[str, str] = {}
    for variant in found.values():  # fills caches
        variant.run()
    with start_peer() as other:
        about = f"pyiqa {other.about['version']}, {other.about['threads']} threads"
        peers_times(other, folder)
        for _ in range(rounds):
            theirs, scores = peers_times(other, folder)
            for key, variant in found.items():
                start = time.perf_counter()
                values = np.array(variant.run())
                seconds[key][0].append((time.perf_counter() - start) / variant.images)
                seconds[key][1].append(theirs[variant.peers])
                if key in {"plain", "folded", "engine"}:
                    same = min(len(values), len(scores))
                    errors[key] = f"{np.abs(values[:same] - scores[:same]).max():.1e}"
    return seconds, errors, about


def peers_times(other: Peer, folder: Path) -> tuple[dict[str, float], NDArray[np.float64]]:
    """pyiqa's seconds an image: photographs without and with decoding, tiles with; its scores."""
    start = time.perf_counter()
    answers = [other.score(folder / f"photograph{i}.png") for i in range(PEER_PHOTOGRAPHS)]
    middle = time.perf_counter()
    for i in range(PEER_TILES):
        other.score(folder / f"tile{i}.png")
    end = time.perf_counter()
    times = {
        "photographs": statistics.mean(answer["seconds"] for answer in answers),
        "files": (middle - start) / PEER_PHOTOGRAPHS,
        "tiles": (end - middle) / PEER_TILES,
    }
    return times, np.array([answer["score"] for answer in answers])


if __name__ == "__main__":
    main()
