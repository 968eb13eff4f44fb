"""Run the lower half of the network once over every crop that training will see.

Takes:  the folder of LIVE In the Wild; labels.csv.
Leaves: by image, in the order of labels.csv:
        rated.pt, (images, 18, 56, 56, 24) bfloat16, the maps at the cut of a 3x3 grid of crops and
        of the same nine mirrored;
        degraded.pt, (images, SETS * 4, 56, 56, 24) bfloat16, those of `SETS` sets of four versions
        of one crop (`degradations`);
        cells.pt, (images, 18304) float32, what the heads read of the centre crop before training;
        means.pt, (images, 496) float32, the mean features of the 18 crops.
Rule:   each set is drawn by a generator seeded with the image's row and the set's number, and kinds
        take turns.
"""

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from stages.common import tables
from stages.common.cli import run
from stages.common.hyperiqa.crops import CROP
from stages.common.pixels import images
from training import degradations, split
from training.degradations import KINDS, VERSIONS, Pixels
from training.initial import means
from training.prepare import Rated

SETS = 3  # an image; fewer than the kinds, for disk and memory
GRID = 9  # crops


def grid(pixels: Pixels) -> Pixels:
    """Nine crops that reach every edge of (H, W, 3), then the nine mirrored: (18, 224, 224, 3)."""
    height, width, _ = pixels.shape
    tops = (0, (height - CROP) // 2, height - CROP)
    lefts = (0, (width - CROP) // 2, width - CROP)
    crops = np.stack([pixels[y : y + CROP, x : x + CROP] for y in tops for x in lefts])
    return np.concatenate([crops, crops[:, :, ::-1]])


def sets(pixels: Pixels, row: int) -> Pixels:
    """The sets of the image in a row of labels.csv: (SETS * 4, 224, 224, 3)."""
    return np.concatenate(
        [
            degradations.draw_set(
                pixels, KINDS[(row + i) % len(KINDS)], np.random.default_rng([row, i])
            )
            for i in range(SETS)
        ]
    )


def main(source: Path, labels: Path, cache: Path) -> None:
    device = split.device()
    network = split.pretrained(split.UpperHalf()).to(device)
    table = tables.read(labels, Rated)
    of_rated = torch.empty(len(table), 2 * GRID, *split.CUT, dtype=torch.bfloat16)
    of_sets = torch.empty(len(table), VERSIONS * SETS, *split.CUT, dtype=torch.bfloat16)
    cells, features = [], []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for row, image in enumerate(tqdm(table, desc="cache", unit="image")):
            pixels = images.read(source / "images" / image.image)
            maps = split.lower(network, torch.from_numpy(grid(pixels)).to(device))
            read = [m.float().cpu() for m in network.maps(maps)]
            cells.append(split.cells(read)[GRID // 2])
            features.append(means(read).mean(0))
            of_rated[row] = maps.permute(0, 2, 3, 1)
            maps = split.lower(network, torch.from_numpy(sets(pixels, row)).to(device))
            of_sets[row] = maps.permute(0, 2, 3, 1)
    tensors = {
        "rated": of_rated,
        "degraded": of_sets,
        "cells": torch.stack(cells),
        "means": torch.stack(features),
    }
    cache.mkdir(parents=True, exist_ok=True)
    for name, tensor in tensors.items():
        torch.save(tensor, cache / f"{name}.pt")


if __name__ == "__main__":
    run(main)
