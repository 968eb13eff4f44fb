"""Average the tensors of all runs that withheld the same fold: one model, better than each of them.

Takes:  the folder of the runs' weights.
Leaves: the mean of each tensor, float32.
Source: Wortsman et al., "Model soups: averaging weights of multiple fine-tuned models improves
        accuracy without increasing inference time", ICML 2022; their uniform soup. It needs runs
        that began with the same tensors, and so stayed near each other.
"""

from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from stages.common import files
from stages.common.cli import run


def average(networks: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The mean of each tensor, taken in float64; counters and the like stay as in the first."""
    first = networks[0]
    return {
        name: torch.stack([network[name].double() for network in networks]).mean(0).to(tensor.dtype)
        if tensor.is_floating_point()
        else tensor
        for name, tensor in first.items()
    }


def main(runs: Path, weights: Path) -> None:
    paths = sorted(runs.glob("*.safetensors"))
    networks = [safetensors.torch.load_file(path) for path in paths]
    files.write(weights, safetensors.torch.save(average(networks)))
    print(f"averaged {len(paths)} runs")


if __name__ == "__main__":
    run(main)
