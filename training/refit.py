"""Let the heads of an averaged scorer say, to a share, what a regression on its features says.

Takes:  labels.csv and the cache; the fold that was withheld, or `all` if none was; the averaged
        tensors.
Leaves: the scorer's tensors with other heads, in a .safetensors file, float32.
Rule:   a regression (`regression`) is fitted to the features that training has left. A mean of its
        scores and the heads' rates unseen images better than either alone. The heads learn to give
        that mean: to every rated crop its score, and to each set of degraded ones theirs and the
        gaps between them. They learn a smooth function with a value for every crop in place of one
        label for an image, so there is little to learn by heart. The backbone stays.
Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; Beyer et al.,
        "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022.
"""

from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from tqdm import trange

from stages.common import files, tables
from stages.common.cli import run
from stages.common.params import Params
from training import split
from training.degradations import VERSIONS
from training.initial import means
from training.prepare import Rated
from training.regression import Regression

CHUNK = 36  # crops at once


class RefitParams(Params):
    share: float = Field(ge=0, le=1)
    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    sets: int = Field(ge=1)
    rate: float = Field(gt=0)
    warmup: float = Field(ge=0, le=1)
    average: float = Field(ge=0, lt=1)
    gaps: float = Field(ge=0)


class Crops(NamedTuple):
    """What the heads read of the cached crops, and what there is to say of them."""

    cells: Tensor  # (..., 18304) float16
    features: Tensor  # (..., 496)
    scores: Tensor  # (...), the heads'


@torch.no_grad()
def look(upper: split.UpperHalf, heads: split.Heads, cached: Tensor) -> Crops:
    """Run the upper half over cached maps (images, crops, 56, 56, 24)."""
    flat = cached.flatten(0, 1)
    parts = []
    for start in trange(0, len(flat), CHUNK, desc="look", unit_scale=CHUNK, unit="crop"):
        x = flat[start : start + CHUNK].to(split.device()).float().permute(0, 3, 1, 2)
        maps = upper.maps(x)
        cells = split.cells(maps)
        parts.append(Crops(cells.half().cpu(), means(maps).cpu(), heads(cells).cpu()))
    shape = cached.shape[:2]
    return Crops(*(torch.cat(part).unflatten(0, shape) for part in zip(*parts, strict=True)))


def aims(rated: Crops, degraded: Crops, labels: Tensor, rows: Tensor, share: float) -> list[Tensor]:
    """What the heads are to say of all rated crops (images, crops), and of the degraded ones."""
    sets = torch.unflatten(degraded.features[rows], 1, (-1, VERSIONS)).flatten(0, 1)
    scores = torch.unflatten(degraded.scores[rows], 1, (-1, VERSIONS)).flatten(0, 1)
    regression = Regression(
        rated.features[rows].mean(1), labels[rows], sets, scores[:, :-1] - scores[:, 1:]
    )
    return [
        torch.stack(
            [torch.lerp(s, regression(f), share) for s, f in zip(c.scores, c.features, strict=True)]
        )
        for c in (rated, degraded)
    ]


def refit(
    heads: split.Heads, crops: list[Crops], aimed: list[Tensor], rows: Tensor, params: RefitParams
) -> dict[str, Tensor]:
    """Train the heads towards their aims on the images of the rows given.

    Adam's steps are equally long for all weights. So that a layer with many inputs does not change
    its outputs more than others do, its rate is that of one input divided by their number.
    """
    draw = torch.Generator().manual_seed(0)
    rated, degraded = (c.cells for c in crops)
    heads.backbone.requires_grad_(False)
    layers = [m for m in heads.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    learning = [layer for layer in layers if layer.weight.requires_grad]
    groups = [{"params": [*layer.parameters()]} for layer in learning]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), weight_decay=0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        [params.rate / layer.weight[0].numel() for layer in learning],
        total_steps=params.steps,
        pct_start=params.warmup,
        cycle_momentum=False,
    )
    average = AveragedModel(heads, multi_avg_fn=get_ema_multi_avg_fn(params.average))
    versions = torch.arange(VERSIONS)

    def some(count: int, of: int) -> tuple[Tensor, Tensor]:
        drawn = rows[torch.randint(len(rows), (count,), generator=draw)]
        return drawn, torch.randint(of, (count,), generator=draw)

    for _ in trange(params.steps, desc="refit", unit="step"):
        i, k = some(params.batch, rated.shape[1])
        j, first = some(params.sets, degraded.shape[1] // VERSIONS)
        inset = first[:, None] * VERSIONS + versions
        cells = torch.cat([rated[i, k], degraded[j[:, None], inset].flatten(0, 1)])
        wanted = torch.cat([aimed[0][i, k], aimed[1][j[:, None], inset].flatten()])
        errors = heads(cells.to(split.device()).float()) - wanted.to(split.device())
        loss = errors.square().mean()
        apart = torch.unflatten(errors[params.batch :], 0, (-1, VERSIONS)).diff(dim=1)
        loss = loss + params.gaps * apart.square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([p for g in groups for p in g["params"]], 0.1)
        optimizer.step()
        schedule.step()
        average.update_parameters(heads)
    return {name: t.cpu().contiguous() for name, t in average.module.state_dict().items()}


def main(
    labels: Path, cache: Path, fold: str, weights: Path, refitted: Path, params: RefitParams
) -> None:
    table = tables.read(labels, Rated)
    kept = [i for i, row in enumerate(table) if fold == "all" or row.fold != int(fold)]
    rows = torch.tensor(kept)
    upper, heads = split.UpperHalf(), split.Heads()
    for part in (upper, heads):
        part.load_state_dict(safetensors.torch.load_file(weights))
        split.freeze(part.to(split.device()))
    crops = [
        look(upper, heads, torch.load(cache / f"{name}.pt", mmap=True))
        for name in ("rated", "degraded")
    ]
    said = torch.tensor([row.label for row in table])
    aimed = aims(*crops, said, rows, params.share)
    files.write(refitted, safetensors.torch.save(refit(heads, crops, aimed, rows, params)))
    print(f"heads refitted on {len(rows)} of {len(table)} images")


if __name__ == "__main__":
    run(main)
