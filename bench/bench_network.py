"""How much faster than pyiqa are our scores, and how near?

    python -m bench.bench_network --images FOLDER --pyiqa-python PYTHON [--rounds 5]

Every variant scores the same photographs, cut to 1024 x 1024, in turn with pyiqa: round after round
in one run, so that what else the machine does hits all alike. A ratio is the median over the rounds
of pyiqa's time divided by the variant's. Random weights, calibrated as in bench/parity.py, where
PYTHON is explained too.

- `plain`, `folded`: the network in PyTorch, 25 crops at once.
- `engine`: OpenVINO in batches of one size, as the stage `score` runs it, without decoding.
- `files`: the same engine from files to scores, with decoding in worker processes; pyiqa's time has
  its own decoding then.
- `cover`: `files` under the policy `cover`, whose scores are other ones.
- `builtin`: `files` with the weights that the project ships, under `cover`.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

from bench.parity import Pixels, calibrated, fitted, ours, peer, photographs, write_layouts
from stages.common import crops
from stages.common.backends import Network, openvino_network
from stages.common.files import sha256_of
from stages.common.network import fold
from stages.common.scorer import score
from stages.common.tables import Item
from stages.common.weights import load

SIDE = 1024  # px
IMAGES = 8  # of 25 crops: enough that the start of the worker processes does not decide
FROM_FILES = {"pyiqa files", "files", "cover", "builtin"}
OTHER_SCORES = {"cover", "builtin"}


def engine(pixels: list[Pixels], network: Network) -> list[float]:
    """Score images under `pyiqa` in batches that run across them."""
    cut, weights = zip(*(crops.prepare(each, "pyiqa", seed="") for each in pixels), strict=True)
    queue = np.concatenate(cut)
    filling = np.zeros((-len(queue) % network.batch, *queue.shape[1:]), queue.dtype)
    batches = np.concatenate([queue, filling]).reshape(-1, network.batch, *queue.shape[1:])
    with ThreadPoolExecutor(network.threads) as threads:
        values = np.concatenate(list(threads.map(network.run, batches)))
    ends = np.cumsum([len(each) for each in cut])
    return [
        float(weight.astype(np.float64) @ values[end - len(weight) : end])
        for weight, end in zip(weights, ends, strict=True)
    ]


def from_files(items: list[Item], folder: Path, policy: str, network: Network) -> list[float]:
    """Score files as the stage does."""
    found = dict(score(items, folder, policy=policy, network=network))
    return [found[item.sha256] for item in items]


def main() -> None:
    """Measure, and print one row for each variant."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--pyiqa-python", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        pictures = photographs(arguments.images)
        paths = write_layouts(calibrated(pictures), folder)
        pixels = [fitted(each, SIDE, SIDE) for each in pictures[:IMAGES]]
        items = []
        for i, each in enumerate(pixels):
            path = folder / f"{i}.png"
            Image.fromarray(each).save(path)
            items.append(Item(path.name, sha256_of(path), SIDE, SIDE))

        network = load(str(paths["pyiqa"]), Path()).network
        folded = fold(network)
        fast = openvino_network(network)
        small = openvino_network(load("builtin", Path("data/weights")).network)
        variants: dict[str, Callable[[], list[float]]] = {
            "plain": lambda: [ours(each, network) for each in pixels],
            "folded": lambda: [ours(each, folded) for each in pixels],
            "engine": lambda: engine(pixels, fast),
            "files": lambda: from_files(items, folder, "pyiqa", fast),
            "cover": lambda: from_files(items, folder, "cover", fast),
            "builtin": lambda: from_files(items, folder, "cover", small),
        }
        for variant in variants.values():  # compiles, and fills caches
            variant()
        with peer(arguments.pyiqa_python, paths["pyiqa"]) as other:
            about = other.about
            for item in items:
                other.score(folder / item.path)
            keys = ("pyiqa", "pyiqa files", *variants)
            seconds: dict[str, list[float]] = {key: [] for key in keys}
            errors: dict[str, float] = {}
            for _ in range(arguments.rounds):
                start = time.perf_counter()
                answers = [other.score(folder / item.path) for item in items]
                seconds["pyiqa files"].append(time.perf_counter() - start)
                seconds["pyiqa"].append(sum(answer["seconds"] for answer in answers))
                theirs = np.array([answer["score"] for answer in answers])
                for key, variant in variants.items():
                    start = time.perf_counter()
                    scores = np.array(variant())
                    seconds[key].append(time.perf_counter() - start)
                    errors[key] = float(np.abs(scores - theirs).max())
    print(f"pyiqa {about['version']}, {about['threads']} threads, torch {torch.__version__}")
    print(f"{IMAGES} images of {SIDE} x {SIDE}, {arguments.rounds} rounds")
    print(f"{'variant':>11} {'s/image':>8} {'ratio':>6} {'lowest':>6} {'highest':>7} {'error':>8}")
    for key, times in seconds.items():
        base = seconds["pyiqa files" if key in FROM_FILES else "pyiqa"]
        ratios = [a / b for a, b in zip(base, times, strict=True)]
        error = f"{errors[key]:.1e}" if key in errors.keys() - OTHER_SCORES else ""
        per_image, ratio = statistics.median(times) / IMAGES, statistics.median(ratios)
        print(
            f"{key:>11} {per_image:>8.3f} {ratio:>6.2f} {min(ratios):>6.2f} {max(ratios):>7.2f} "
            f"{error:>8}"
        )


if __name__ == "__main__":
    main()
