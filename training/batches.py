"""What the steps of training see, drawn from the cache by one generator."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from training.degradations import VERSIONS


class Batch(NamedTuple):
    """What one step sees."""

    maps: Tensor  # (batch + sets * 4, 24, 56, 56), the rated crops first
    labels: Tensor  # (batch,), of the rated crops


class Data(NamedTuple):
    """What the scorer learns from; the first axis is the images in the order of labels.csv."""

    rows: Tensor  # (N,), the images that are not withheld
    labels: Tensor  # (images,)
    cells: Tensor  # (images, 18304)
    means: Tensor  # (images, 496)
    rated: Tensor  # (images, crops, 56, 56, 24)
    degraded: Tensor  # (images, sets * 4, 56, 56, 24)


def batches(
    data: Data, draw: torch.Generator, *, epochs: int, batch: int, sets: int
) -> Iterator[Batch]:
    """Each epoch takes each image once (but for a last, smaller batch), by one of its crops."""
    degraded = torch.unflatten(data.degraded, 1, (-1, VERSIONS))
    for _ in range(epochs):
        for rows in data.rows[torch.randperm(len(data.rows), generator=draw)].split(batch):
            if len(rows) < batch:
                continue
            drawn = torch.randint(data.rated.shape[1], (len(rows),), generator=draw)
            others = data.rows[torch.randint(len(data.rows), (sets,), generator=draw)]
            numbers = torch.randint(degraded.shape[1], (sets,), generator=draw)
            maps = torch.cat([data.rated[rows, drawn], degraded[others, numbers].flatten(0, 1)])
            yield Batch(maps.float().permute(0, 3, 1, 2), data.labels[rows])
