"""A ridge regression on the mean features of pictures and on products of them.

It may multiply each feature of the deepest map by every feature: so HyperIQA judges, too, whose
deepest map decides what the others count for. It learns from the labels of whole images, and from
sets of ever more degraded crops, of which it is told how far apart neighbours are to be.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from stages.common.hyperiqa.backbones import EfficientNetLite0

DEEPEST = EfficientNetLite0.channels[-1]
PRODUCTS = 2.0  # what products count for, beside the features themselves
NOISE = 0.4  # variance that a label of an image is taken to have
GAP_NOISE = 23.0  # spread that a gap is taken to have, as a multiple of itself and `GAP_OFFSET`
GAP_OFFSET = 0.03
LEAST_GAP = 0.02


class Regression:
    """Fit once, then call with features (B, 496) to get scores (B,).

    Args:
        features: (N, 496), the mean features of images.
        labels: (N,).
        sets: (M, versions, 496), features of crops, best version first.
        gaps: (M, versions - 1), by how much each version is to score above the next one.
    """

    def __init__(self, features: Tensor, labels: Tensor, sets: Tensor, gaps: Tensor) -> None:
        self.label = labels.mean()
        self.mean = features.mean(0)
        self.scale = features.std(0) * math.sqrt(features.shape[1]) + 1e-6
        self.points = self._standardised(torch.cat([features, sets.flatten(0, 1)]))
        gaps = gaps.clamp_min(LEAST_GAP).flatten().double()
        self.images, self.versions = len(features), sets.shape[1]
        products = self._neighbours(self._neighbours(kernel(self.points, self.points)).T)
        noise = torch.cat(
            [torch.full_like(labels.double(), NOISE), (GAP_NOISE * (gaps + GAP_OFFSET)) ** 2]
        )
        answers = torch.cat([labels.double() - self.label, gaps])
        solved = torch.linalg.solve(products.double() + noise.diag(), answers).float()
        ofimages, ofgaps = solved[: self.images], solved[self.images :]
        ofgaps = ofgaps.view(-1, self.versions - 1)
        ofcrops = F.pad(ofgaps, (0, 1)) - F.pad(ofgaps, (1, 0))
        self.weights = torch.cat([ofimages, ofcrops.flatten()])

    def __call__(self, features: Tensor) -> Tensor:
        return kernel(self._standardised(features), self.points) @ self.weights + self.label

    def _standardised(self, features: Tensor) -> Tensor:
        return (features - self.mean) / self.scale

    def _neighbours(self, rows: Tensor) -> Tensor:
        """Rows of images as they are, those of crops as differences of neighbours in a set."""
        crops = rows[self.images :].unflatten(0, (-1, self.versions))
        return torch.cat([rows[: self.images], (crops[:, :-1] - crops[:, 1:]).flatten(0, 1)])


def kernel(a: Tensor, b: Tensor) -> Tensor:
    """What the features (A, 496) and (B, 496) have in common: (A, B)."""
    linear = a @ b.T
    return linear + PRODUCTS * linear * (a[:, -DEEPEST:] @ b[:, -DEEPEST:].T)
