"""Go part of the way from the averaged scorer to the refitted one, tensor by tensor.

Takes:  the averaged tensors; the refitted ones.
Leaves: those in between, in a .safetensors file.
Rule:   refitting wins agreement with people and loses some order; `share` of the way keeps both.
Source: Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022.
"""

from pathlib import Path

import safetensors.torch
import torch
from pydantic import Field

from stages.common import files
from stages.common.cli import run
from stages.common.params import Params


class BlendParams(Params):
    share: float = Field(ge=0, le=1)


def main(averaged: Path, refitted: Path, weights: Path, params: BlendParams) -> None:
    before, after = (safetensors.torch.load_file(path) for path in (averaged, refitted))
    tensors = {
        name: torch.lerp(tensor, after[name], params.share)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in before.items()
    }
    files.write(weights, safetensors.torch.save(tensors))
    print(f"went {params.share:.0%} of the way")


if __name__ == "__main__":
    run(main)
