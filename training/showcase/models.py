"""Trained networks in files: what they were made of stands in the header."""

import json
from pathlib import Path

import safetensors
import safetensors.torch
from safetensors import SafetensorError

from stages.common import files
from stages.common.errors import UserError
from training.showcase.network import Network

RECIPE = "recipe"


def write(path: Path, network: Network, header: dict[str, str]) -> None:
    """Write a network, float32. Its header has one entry: safetensors writes several in any order,
    and the same network must be the same bytes."""
    tensors = {name: t.contiguous() for name, t in network.state_dict().items()}
    files.write(path, safetensors.torch.save(tensors, {RECIPE: json.dumps(header, sort_keys=True)}))


def read(path: Path) -> tuple[Network, dict[str, str]]:
    """A network, on the CPU, and what it was made of.

    Raises:
        UserError: where the file is missing, or is none that `write` has written.
    """
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[RECIPE])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        network = Network(int(header["scale"]))
        network.load_state_dict(tensors)
    except FileNotFoundError:
        raise UserError(f"{path} is missing: train it first, by training.showcase.train") from None
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is no network of this recipe ({reason}): train it anew") from None
    return network.eval(), header
