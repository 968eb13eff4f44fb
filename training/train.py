"""Train the built-in scorer once on all rated images but one fold's.

Takes:  labels.csv and the cache; the fold to withhold, or `all` to withhold none; the run's number.
Leaves: the scorer's tensors in a .safetensors file, float32.
Rule:   the heads begin as a ridge regression (`initial`), the same in all runs. Then a step sees
        one crop of each of `batch` images, to agree with their labels, and `sets` sets of a crop
        and three degraded versions, to put them in order (`losses`). AdamW; the rate rises, then
        falls as a cosine; what is kept is a running average of the tensors. Nothing looks at the
        withheld fold: there is no best epoch. A run's number decides what is drawn, and which of
        the rates it learns at.
Source: Su et al., "Blindly Assess Image Quality in the Wild Guided by a Self-Adaptive Hyper
        Network", CVPR 2020, for the network and the L1 loss; Kumar et al., "Fine-Tuning can Distort
        Pretrained Features and Underperform Out-of-Distribution", ICLR 2022, for heads first.
"""

import math
from pathlib import Path

import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel
from tqdm import tqdm

from stages.common import files, tables
from stages.common.cli import run
from stages.common.params import Params
from training import losses, split
from training.batches import Data, batches
from training.degradations import VERSIONS
from training.initial import initialise, ridge
from training.prepare import Rated


class TrainParams(Params):
    seed: int
    epochs: int = Field(ge=1)
    batch: int = Field(ge=2)
    sets: int = Field(ge=1)
    rates: list[float] = Field(min_length=1)
    head_rate: float = Field(gt=0)
    warmup: int = Field(ge=1)
    weight_decay: float = Field(ge=0)
    average: float = Field(ge=0, lt=1)
    correlation: float = Field(ge=0)
    order: float = Field(ge=0)
    margin: float = Field(gt=0)


def begin(data: Data, seed: int) -> dict[str, Tensor]:
    """The tensors training begins with: ImageNet's, and heads that are a ridge regression."""
    torch.manual_seed(seed)
    network = split.pretrained(split.Heads())
    labels = data.labels[data.rows]
    weights = ridge(data.means[data.rows], labels)
    initialise(network, data.cells[data.rows], labels, weights)
    return network.state_dict()


def rate(step: int, steps: int, warmup: int) -> float:
    """The share of the full learning rate at a step: up in a line, then down as half a cosine."""
    return min(1.0, (step + 1) / warmup) * (1 + math.cos(math.pi * step / steps)) / 2


def train(
    data: Data, tensors: dict[str, Tensor], params: TrainParams, number: int
) -> dict[str, Tensor]:
    """Train from the tensors given; gives the averaged ones."""
    draw = torch.Generator().manual_seed(number)
    device = split.device()
    network = split.UpperHalf()
    network.load_state_dict(tensors)
    split.freeze(network.to(device))
    learning = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {
                "params": [p for p in part.parameters() if p.requires_grad],
                "lr": params.rates[number % len(params.rates)]
                if name == "backbone"
                else params.head_rate,
            }
            for name, part in network.named_children()
        ],
        weight_decay=params.weight_decay,
    )
    steps = params.epochs * (len(data.rows) // params.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate(step, steps, params.warmup)
    )

    def nearer(mean: Tensor, now: Tensor, seen: Tensor | int) -> Tensor:
        return torch.lerp(now, mean, min(params.average, float(seen / (seen + 10))))

    average = AveragedModel(network, avg_fn=nearer)
    drawn = batches(data, draw, epochs=params.epochs, batch=params.batch, sets=params.sets)
    for maps, labels in tqdm(drawn, total=steps, desc="train", unit="step"):
        scores = network(maps.to(device))
        sets = torch.unflatten(scores[len(labels) :], 0, (-1, VERSIONS))
        loss = losses.agreement(
            scores[: len(labels)], labels.to(device), correlation=params.correlation
        ) + params.order * losses.order(sets, margin=params.margin)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
    return {name: t.cpu().contiguous() for name, t in average.module.state_dict().items()}


def main(
    labels: Path, cache: Path, fold: str, number: int, weights: Path, params: TrainParams
) -> None:
    table = tables.read(labels, Rated)
    rows = [i for i, row in enumerate(table) if fold == "all" or row.fold != int(fold)]
    cached = [torch.load(cache / f"{name}.pt", mmap=True) for name in Data._fields[2:]]
    data = Data(torch.tensor(rows), torch.tensor([row.label for row in table]), *cached)
    tensors = train(data, begin(data, params.seed), params, number)
    files.write(weights, safetensors.torch.save(tensors))
    print(f"run {number}, trained on {len(rows)} of {len(table)} images")


if __name__ == "__main__":
    run(main)
