"""From a checkpoint to a network, whatever names its tensors carry.

- our own, in a .safetensors file;
- those of the authors' code, https://github.com/SSL92/hyperIQA (scores 0..100);
- those of pyiqa, https://github.com/chaofengc/IQA-PyTorch (scores about 0..1).

A pinned file (`models.MODELS`) is used only if its SHA-256 is the pinned one. Pickles are read with
`weights_only`, so a file can bring tensors but no code.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor

from stages.common.errors import UserError
from stages.common.hyperiqa.models import check_pinned, locate
from stages.common.hyperiqa.network import HyperIQA

# By the beginning of a name that only one layout has: the layout, the backbone, and the factor that
# brings the scores to about 0..1.
LAYOUTS = {
    "res.": ("original", "resnet50", 0.01),
    "base_model.": ("pyiqa", "resnet50", 1.0),
    "backbone.stages.": ("own", "resnet50", 1.0),
    "backbone.blocks.": ("own", "efficientnet_lite0", 1.0),
}

# A layer's name in the original, in pyiqa and here, and for how many i; n is i + 1, d is 2 i.
LAYERS = (
    ("res.conv1", "base_model.conv1", "backbone.stem.conv", 1),
    ("res.bn1", "base_model.bn1", "backbone.stem.norm", 1),
    ("res.lda{n}_pool.0", "lda_modules.{i}.0", "distortion.{i}.reduce", 3),
    ("res.lda{n}_fc", "lda_modules.{i}.3", "distortion.{i}.linear", 3),
    ("res.lda4_fc", "lda_modules.3.2", "distortion.3.linear", 1),
    ("conv1.{d}", "conv1.{d}", "hyper.{d}", 3),
    ("fc{n}w_conv", "fc_w_modules.{i}", "weights.{i}", 4),
    ("fc5w_fc", "fc_w_modules.4.2", "last_weight", 1),
    ("fc{n}b_fc", "fc_b_modules.{i}.2", "biases.{i}", 5),
)
# Layers of one block of ResNet-50, called the same in both.
BLOCK = {
    "conv1": "reduce.conv",
    "bn1": "reduce.norm",
    "conv2": "conv.conv",
    "bn2": "conv.norm",
    "conv3": "expand.conv",
    "bn3": "expand.norm",
    "downsample.0": "shortcut.conv",
    "downsample.1": "shortcut.norm",
}
BLOCKS = (3, 4, 6, 3)  # of the four stages of ResNet-50
NAMED = 3  # tensors that an error names before it only counts them
COUNTER = "num_batches_tracked"  # of a BatchNorm; old files lack it, and scoring never looks at it


@dataclass(frozen=True)
class Weights:
    """A network that is ready to score.

    Attributes:
        network: in eval mode, float32, without gradients.
        sha256: of the file it comes from.
        scale: what the network's scores are multiplied by to lie on about 0..1.
    """

    network: HyperIQA
    sha256: str
    scale: float


def load(model: str, folder: Path) -> Weights:
    """Load a key of `MODELS` from a folder, or the checkpoint that `model` is a path to."""
    path = locate(model, folder)
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    check_pinned(model, path, len(content), sha256)
    network, scale = build(read(content, origin=str(path)), origin=str(path))
    return Weights(network, sha256, scale)


def read(content: bytes, *, origin: str) -> dict[str, Tensor]:
    """Read a checkpoint's tensors under the names it gives them, less a leading `module.`.

    Args:
        content: of the file: .safetensors, or a pickle of `torch.save` in its old or new format.
        origin: its name in error messages.
    """
    try:
        tensors = (
            safetensors.torch.load(content)
            if Path(origin).suffix == ".safetensors"
            else _unpickled(io.BytesIO(content))
        )
    except MemoryError:
        raise
    except Exception as error:  # there is nothing that a reader of arbitrary bytes may not raise
        raise UserError(f"{origin}: {_refusal(error)}") from error
    if isinstance(tensors, dict) and "params" in tensors:  # as pyiqa saves it
        tensors = tensors["params"]
    if not isinstance(tensors, dict):
        kind = type(tensors).__name__
        raise UserError(f"{origin}: holds a {kind}, must hold tensors by name: a state_dict")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise UserError(
                f"{origin}: `{name}` is a {type(tensor).__name__}, must be a tensor; save the "
                "network's state_dict alone, or under `params`"
            )
    return {str(name).removeprefix("module."): tensor for name, tensor in tensors.items()}


def build(tensors: Mapping[str, Tensor], *, origin: str) -> tuple[HyperIQA, float]:
    """Make the network that a checkpoint holds; also return its scale (see `Weights`).

    Args:
        tensors: by name, in any of the layouts.
        origin: the checkpoint's name in error messages.
    """
    layout, backbone, scale = _recognised(tensors, origin)
    network = HyperIQA(backbone)
    wanted = network.state_dict()
    names = names_in(layout, wanted)
    _compare(tensors, names.values(), f"{origin} ({layout} names)")
    state = {name: tensors.get(names[name], like) for name, like in wanted.items()}
    for name, tensor in state.items():
        _check(tensor, wanted[name], f"{origin}: {names[name]}")
    network.load_state_dict(state)
    return network.eval().requires_grad_(False), scale


def names_in(layout: str, names: Iterable[str]) -> dict[str, str]:
    """For each of our tensor names its name in the layout `original`, `pyiqa` or `own`."""
    if layout == "own":
        return {name: name for name in names}
    column = ("original", "pyiqa").index(layout)
    layers = {}
    for *theirs, ours, times in LAYERS:
        for i in range(times):
            numbers = {"i": i, "n": i + 1, "d": 2 * i}
            layers[ours.format(**numbers)] = theirs[column].format(**numbers)
    body = ("res", "base_model")[column]
    for stage, blocks in enumerate(BLOCKS):
        for block in range(blocks):
            for layer, ours in BLOCK.items():
                there = f"{body}.layer{stage + 1}.{block}.{layer}"
                layers[f"backbone.stages.{stage}.{block}.{ours}"] = there
    parts = {name: name.rpartition(".") for name in names}
    return {name: f"{layers[layer]}.{leaf}" for name, (layer, _, leaf) in parts.items()}


def _recognised(tensors: Mapping[str, Tensor], origin: str) -> tuple[str, str, float]:
    """Layout, backbone and scale, by the names."""
    for start, recognised in LAYOUTS.items():
        if any(name.startswith(start) for name in tensors):
            return recognised
    raise UserError(
        f"{origin}: not a checkpoint of HyperIQA: it holds {_first(list(tensors))}, and none whose "
        f"name begins with {', '.join(LAYOUTS)}"
    )


def _compare(given: Iterable[str], wanted: Iterable[str], origin: str) -> None:
    given, wanted = dict.fromkeys(given), dict.fromkeys(wanted)  # sets that keep their order
    missing = [name for name in wanted if name not in given and not name.endswith(COUNTER)]
    unexpected = [name for name in given if name not in wanted]
    faults = [
        f"{len(names)} tensors {fault} ({_first(names)})"
        for fault, names in (("missing", missing), ("unexpected", unexpected))
        if names
    ]
    if faults:
        raise UserError(
            f"{origin}: {', '.join(faults)}, expected the {len(wanted)} of HyperIQA; "
            "get the checkpoint again, or save the whole state_dict"
        )


def _check(tensor: Tensor, like: Tensor, origin: str) -> None:
    if tensor.shape != like.shape:
        raise UserError(
            f"{origin} has shape {tuple(tensor.shape)}, expected {tuple(like.shape)}; "
            "this is a network of another size"
        )
    if like.is_floating_point() and not tensor.is_floating_point():
        raise UserError(f"{origin} holds {tensor.dtype}, expected floating-point numbers")
    if tensor.layout != torch.strided or tensor.is_meta:
        raise UserError(f"{origin} is sparse or empty, expected a plain tensor; save it as one")
    values = tensor.float()  # few functions take float8
    if not torch.stack(values.aminmax()).isfinite().all():
        bad = values.numel() - int(values.isfinite().sum())
        raise UserError(
            f"{origin} holds {bad} of {tensor.numel()} values that are NaN or infinite, expected "
            "none; the training failed or the file is damaged: use another checkpoint"
        )


def _unpickled(content: io.BytesIO) -> object:
    if zipfile.is_zipfile(content):  # the new format; PyTorch does not look at its checksums
        with zipfile.ZipFile(content) as archive:
            if bad := archive.testzip():
                raise zipfile.BadZipFile(f"{bad} has another checksum than was written with it")
    content.seek(0)
    return torch.load(content, map_location="cpu", weights_only=True)


def _refusal(error: Exception) -> str:
    if found := re.search(r"GLOBAL ([\w.]+)", str(error)):
        return (
            f"refused: it asks for the Python object {found[1]}, and a checkpoint needs tensors "
            "alone; save the network's state_dict"
        )
    detail = str(error) if 0 < len(str(error)) < 100 else type(error).__name__
    return (
        f"can't be read ({detail}), expected .safetensors or a file of torch.save; it is damaged, "
        "cut short or something else: get it again"
    )


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (", ".join(names[:NAMED]) or "nothing") + more
