"""Fit what turns the features of a photograph into its embedding.

Takes:  the folder of LIVE In the Wild; labels.csv; the folder of weights.
Leaves: embedding.safetensors: `mean` (features,) and `matrix` (numbers, features), the
        latter in float16.
Rule:   of the images numbered up to `last`, and of `versions` edited copies of each, the directions
        in which images differ much and copies of one image little: linear discriminant analysis,
        each image a class of its own. To the scatter of copies a share of the mean variance between
        images is added in all directions, so that none counts too much that few images tell of. The
        numbers are scaled so that images differ in each of them alike: without that the few
        largest decide, and different images are three times as near by recall. The
        other images, and all other photographs, are left to judge by (bench/bench_likeness.py).
Source: Fisher, "The use of multiple measurements in taxonomic problems", 1936; regularised as in
        Friedman, "Regularized Discriminant Analysis", JASA 1989.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from pydantic import Field
from tqdm import tqdm

from stages.common import files, tables
from stages.common.cli import run
from stages.common.near import embedder
from stages.common.near.alike import NUMBERS
from stages.common.params import Params
from stages.common.pixels import images
from training.edits import edited
from training.prepare import Rated

Floats = NDArray[np.float64]


class WhiteningParams(Params):
    last: int
    versions: int = Field(ge=1)
    ridge: float = Field(gt=0)


def number_of(name: str) -> int | None:
    """The number that an image is named by; None where it is none."""
    stem = Path(name).stem
    return int(stem) if stem.isdecimal() else None


def pictures(paths: list[Path], versions: int) -> Iterator[tuple[int, embedder.Squeezed]]:
    """Each image, then its edited copies, each with the image's place."""
    for place, path in enumerate(tqdm(paths, desc="whitening", unit="image")):
        pixels = images.read(path)
        yield place, embedder.squeezed(pixels)
        for version in range(versions):
            rng = np.random.default_rng([place, version])
            yield place, embedder.squeezed(edited(pixels, rng))


def fitted(features: Floats, numbers: int, ridge: float) -> tuple[Floats, Floats]:
    """Mean (features,) and matrix (numbers, features).

    Args:
        features: (images, copies, features).
        ridge: what is added to the scatter of copies, in shares of the mean variance of images.
    """
    mean = features.mean(axis=(0, 1))
    centres = features.mean(axis=1)
    copies = (features - centres[:, None]).reshape(-1, features.shape[2])
    within = copies.T @ copies / len(copies)
    between = (centres - mean).T @ (centres - mean) / len(centres)
    within += ridge * np.trace(between) / len(between) * np.eye(len(between))
    # The generalised eigenvectors of both, by way of the Cholesky factor of the scatter of copies.
    inverse = np.linalg.inv(np.linalg.cholesky(within))
    values, vectors = np.linalg.eigh(inverse @ between @ inverse.T)
    best = np.argsort(values)[::-1][:numbers]
    return mean, (inverse.T @ vectors[:, best] / np.sqrt(values[best])).T


def content(mean: Floats, matrix: Floats, fitted_on: str) -> bytes:
    """The file of what is fitted."""
    # A transposed array would be written in the order of its memory, and read in another one.
    whole = np.ascontiguousarray(matrix, np.float16)
    tensors = {"mean": mean.astype(np.float32), "matrix": whole}
    return safetensors.numpy.save(tensors, {"fitted_on": fitted_on})


def main(
    source: Path, labels: Path, weights: Path, whitening: Path, params: WhiteningParams
) -> None:
    names = [row.image for row in tables.read(labels, Rated)]
    numbers = {name: number for name in names if (number := number_of(name)) is not None}
    chosen = sorted((n, name) for name, n in numbers.items() if n <= params.last)
    paths = [source / "images" / name for _, name in chosen]
    network = embedder.features_network(weights)
    found = [f for _, f in embedder.all_features(pictures(paths, params.versions), network)]
    shape = (len(paths), params.versions + 1, embedder.FEATURES)
    mean, matrix = fitted(np.reshape(found, shape).astype(np.float64), NUMBERS, params.ridge)
    files.write(whitening, content(mean, matrix, f"LIVE In the Wild, {len(paths)} images"))
    print(f"fitted on {len(paths)} images, {params.versions} copies each")


if __name__ == "__main__":
    run(main)
