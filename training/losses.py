"""What the scorer is trained to do: say what people said, and never rate a degraded version above
its original."""

import torch
import torch.nn.functional as F
from torch import Tensor


def agreement(scores: Tensor, labels: Tensor, *, correlation: float) -> Tensor:
    """Mean absolute error, plus `correlation` times one minus Pearson's correlation over the batch.

    The error fixes the scale; the correlation is what a ranking is made of. Both (B,), B at least
    2.
    """
    s, y = scores - scores.mean(), labels - labels.mean()
    pearson = (s * y).sum() / (s.norm() * y.norm() + 1e-6)
    return F.l1_loss(scores, labels) + correlation * (1 - pearson)


def order(scores: Tensor, *, margin: float) -> Tensor:
    """How far neighbours in sets of growing severity are from being `margin` apart, on average.

    Args:
        scores: (sets, versions), best version first.
        margin: on the scale of the scores.

    Returns:
        A scalar, 0 where each version scores at least `margin` less than the one before it.
    """
    return torch.relu(margin - (scores[:, :-1] - scores[:, 1:])).mean()
