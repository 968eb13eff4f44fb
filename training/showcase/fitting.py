"""Train the network by fixed rules, so that two sets differ by their images alone.

Adam on the L1 loss; the rate rises in a line, then falls as half a cosine; what is kept is a
running average of the numbers. One start (`network.initial`), one order of slots (`slots`), and on
the CPU one thread: two threads sum in another order, and end at another network.
"""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from pydantic import Field, ValidationInfo, field_validator
from torch import Tensor
from torch.nn import functional as F

from stages.common import files, workers
from stages.common.errors import UserError
from stages.common.params import Params
from training.showcase import sets, slots
from training.showcase.network import Network, initial, tensor
from training.showcase.sets import Patches

ENOUGH = 3200  # steps: after fewer, a set that trains fast looks like one that trains well
CODE = ("network", "slots", "sets", "fitting")  # what a network is made by
LINES = 64  # means that the curve of the loss has


class TrainParams(Params):
    few_steps: bool
    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    patch: int = Field(ge=8)
    rate: float = Field(gt=0)
    warmup: float = Field(ge=0, lt=1)
    average: float = Field(ge=0, lt=1)
    seed: int = Field(ge=0)
    device: Literal["auto", "cpu", "cuda"]

    @field_validator("steps")
    @classmethod
    def _enough(cls, steps: int, info: ValidationInfo) -> int:
        if steps < ENOUGH and not info.data.get("few_steps"):
            raise ValueError(
                f"must be {ENOUGH:,} or more, since fewer tell how fast a set trains and not how "
                "well (for a test alone: few_steps: true)"
            )
        return steps


class Fitted(NamedTuple):
    """What training leaves."""

    network: Network
    losses: list[float]  # mean L1 of luma in 0..1, of each part of the steps, in order


def steady(device: str) -> torch.device:
    """Where to train, set so that it gives the same numbers twice: one thread of the CPU, or a GPU
    without TF32 and without a choice of algorithms by their speed.

    Raises:
        UserError: where there is no GPU, and one is asked for.
    """
    torch.set_num_threads(1)
    gpu = torch.cuda.is_available()
    if device == "cuda" and not gpu:
        raise UserError("train.device: got cuda, but torch finds no GPU; expected auto or cpu")
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if gpu and device != "cpu" else "cpu")


def made_of(
    identified: Mapping[str, Path], scale: int, params: TrainParams, device: torch.device
) -> dict[str, str]:
    """What a network is made of: the same of two runs that give the same one on one machine."""
    code, images = hashlib.sha256(), hashlib.sha256()
    for module in CODE:
        code.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    for identity, path in identified.items():
        images.update(f"{slots.key(identity)} {files.sha256_of(path)}\n".encode())
    return {
        "code_sha256": code.hexdigest(),
        "device": device.type,
        "images": str(len(identified)),
        "images_sha256": images.hexdigest(),
        "scale": str(scale),
        "torch": torch.__version__,
        "train": json.dumps(params.model_dump(exclude={"device"}), sort_keys=True),
    }


def trained(
    identified: Mapping[str, Path], scale: int, params: TrainParams, device: torch.device
) -> Fitted:
    """Cut the patches of a set's images, and train on them."""
    count = params.steps * params.batch
    patches = sets.patches(
        identified, scale=scale, patch=params.patch, seed=params.seed, count=count
    )
    return fit(patches, scale, params, device)


def share(step: int, steps: int, warmup: float) -> float:
    """The share of the full rate at a step: up in a line, then down as half a cosine."""
    rising = warmup * steps
    if step + 1 < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step + 1 - rising) / max(1.0, steps - rising))) / 2


def fit(patches: Patches, scale: int, params: TrainParams, device: torch.device) -> Fitted:
    """Train on the patches, `batch` of them a step, in order."""
    network = initial(scale).to(device)
    average = initial(scale).to(device)
    numbers = list(network.parameters())
    kept = [number.detach() for number in average.parameters()]
    optimizer = torch.optim.Adam(numbers, lr=params.rate)
    losses: list[Tensor] = []
    for step in workers.bar(range(params.steps), params.steps, f"train x{scale}", " steps"):
        low, high = (t.to(device) for t in batch(patches, step, params.batch))
        for group in optimizer.param_groups:
            group["lr"] = params.rate * share(step, params.steps, params.warmup)
        loss = F.l1_loss(network(low), high)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        memory = min(params.average, step / (step + 10))
        for mean, now in zip(kept, numbers, strict=True):
            mean.lerp_(now.detach(), 1 - memory)
        losses.append(loss.detach())
    return Fitted(average.cpu().eval(), list(means(torch.stack(losses).cpu())))


def batch(patches: Patches, step: int, size: int) -> tuple[Tensor, Tensor]:
    """LR and HR of a step, (size, 1, side, side), 0..1."""
    own = slice(step * size, (step + 1) * size)
    return tensor(patches.low[own]), tensor(patches.high[own])


def means(losses: Tensor) -> Iterator[float]:
    """The mean of each of at most `LINES` parts of the steps."""
    for part in losses.tensor_split(min(LINES, len(losses))):
        yield float(part.double().mean())
