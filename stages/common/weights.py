"""Trained weights of HyperIQA: what there is, where it comes from, and how it becomes a network.

    python -m stages.common.weights MODEL FOLDER    # or: make weights MODEL=koniq10k

fetches a model of `MODELS` into a folder; a download that breaks goes on where it stopped. `load`
reads that file, or any other checkpoint of the network, whatever names its tensors carry:

- our own, in a .safetensors file;
- those of the authors' code, https://github.com/SSL92/hyperIQA (scores 0..100);
- those of pyiqa, https://github.com/chaofengc/IQA-PyTorch (scores about 0..1).

A pinned file is used only if its SHA-256 is the pinned one. Pickles are read with `weights_only`,
so a file can bring tensors but no code.
"""

import difflib
import hashlib
import http.client
import io
import re
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from tqdm import tqdm

from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.files import sha256_of
from stages.common.network import HyperIQA


@dataclass(frozen=True)
class Model:
    """A file of weights that is known by name.

    Attributes:
        file: its name in the folder of weights.
        licence: one line for whoever is about to use it.
        sha256: of the whole file; empty for a file that git keeps, which needs no other pin.
        size: bytes.
        urls: where to get it, to be tried in turn.
    """

    file: str
    licence: str
    sha256: str = ""
    size: int = 0
    urls: tuple[str, ...] = ()


MODELS = {
    "builtin": Model(
        file="builtin.safetensors",
        licence="EfficientNet-Lite0 (Apache-2.0), trained on LIVE In the Wild; see NOTICE",
    ),
    "koniq10k": Model(
        file="koniq_pretrained.pkl",
        licence="of the authors' MIT repository, no licence stated for the file itself; "
        "trained on KonIQ-10k",
        sha256="ff9277bcc68ecc10e77d88b6d0a32825ec3c85562095542734ec6212eaaf6d81",
        size=109_768_650,
        urls=(
            "https://huggingface.co/ByteDance/LatentSync-1.6/resolve/main/auxiliary/"
            "koniq_pretrained.pkl",
        ),
    ),
    "koniq10k-pyiqa": Model(
        file="HyperIQA-resnet50-koniq10k-c96c41b1.pth",
        licence="CC BY-NC-SA 4.0: no commercial use; trained on KonIQ-10k",
        sha256="c96c41b1094c8c1ed86cbd661941717f95e24e09e791b2c512d4ffbbde7253ed",
        size=109_834_491,
        urls=(
            "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/"
            "HyperIQA-resnet50-koniq10k-c96c41b1.pth",
            "https://github.com/chaofengc/IQA-PyTorch/releases/download/v0.1-weights/"
            "HyperIQA-resnet50-koniq10k-c96c41b1.pth",
        ),
    ),
}

# How a name in each layout begins that no other layout has, which backbone that means, and what
# the scores are multiplied by to lie on about 0..1.
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
CHUNK = 1 << 20  # bytes read at once
TIMEOUT = 30  # seconds without a byte before a server is given up
NAMED = 3  # tensors that an error names before it only counts them
COUNTER = "num_batches_tracked"  # of a BatchNorm; old files lack it, and scoring never looks at it


@dataclass(frozen=True)
class Weights:
    """A network that is ready to score.

    Attributes:
        network: in eval mode, float32, without gradients.
        sha256: of the file it comes from.
        scale: what the network's scores are multiplied by to lie on about 0..1.
        name: the key of `MODELS`, or the file's name.
    """

    network: HyperIQA
    sha256: str
    scale: float
    name: str


def load(model: str, folder: Path) -> Weights:
    """Load a key of `MODELS` from a folder, or the checkpoint that `model` is a path to."""
    known = MODELS.get(model)
    path = folder / known.file if known else Path(model)
    if known is None and not path.suffix and not path.exists():
        raise UserError(f"{_unknown(model)}, or the path of a checkpoint")
    if not path.is_file():
        raise UserError(f"{path}: no such file; {_remedy(model, folder)}")
    content = path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    if known and known.sha256 and sha256 != known.sha256:
        fault = _difference(known, len(content), sha256)
        raise UserError(f"{path}: {fault}; delete it, then {_remedy(model, folder)}")
    network, scale = build(read(content, where=str(path)), where=str(path))
    return Weights(network, sha256, scale, model if known else path.name)


def read(content: bytes, *, where: str) -> dict[str, Tensor]:
    """Read a checkpoint's tensors under the names it gives them, less a leading `module.`.

    Args:
        content: of the file: .safetensors, or a pickle of `torch.save` in its old or new format.
        where: what errors call it.
    """
    try:
        tensors = (
            safetensors.torch.load(content)
            if Path(where).suffix == ".safetensors"
            else torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        )
    except MemoryError:
        raise
    except Exception as error:  # there is nothing that a reader of arbitrary bytes may not raise
        raise UserError(f"{where}: {_refusal(error)}") from error
    if isinstance(tensors, dict) and "params" in tensors:  # as pyiqa saves it
        tensors = tensors["params"]
    if not isinstance(tensors, dict):
        kind = type(tensors).__name__
        raise UserError(f"{where}: holds a {kind}, must hold tensors by name: a state_dict")
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise UserError(
                f"{where}: `{name}` is a {type(tensor).__name__}, must be a tensor; save the "
                "network's state_dict alone, or under `params`"
            )
    return {str(name).removeprefix("module."): tensor for name, tensor in tensors.items()}


def build(tensors: Mapping[str, Tensor], *, where: str) -> tuple[HyperIQA, float]:
    """Make the network that a checkpoint holds, and tell its scale (see `Weights`).

    Args:
        tensors: by name, in any of the layouts.
        where: what errors call the checkpoint.
    """
    layout, backbone, scale = _recognised(tensors, where)
    network = HyperIQA(backbone)
    wanted = network.state_dict()
    names = names_in(layout, wanted)
    _compare(tensors, names.values(), f"{where} ({layout} names)")
    state = {name: tensors.get(names[name], like) for name, like in wanted.items()}
    for name, tensor in state.items():
        _check(tensor, wanted[name], f"{where}: {names[name]}")
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


def fetch(model: Model, folder: Path) -> Path:
    """Download a model's file into a folder, unless the right one is there, and check its hash.

    What has arrived lies in `<file>.part`, and a later call goes on from there; the file gets its
    own name only when it is whole and right.
    """
    path = folder / model.file
    if path.is_file() and sha256_of(path) == model.sha256:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    faults = []
    for url in model.urls:
        try:
            _download(url, part, model)
        except _TransferError as fault:
            faults.append(f"{url}: {fault}")
            continue
        got = sha256_of(part)
        if got == model.sha256:
            part.replace(path)
            return path
        faults.append(f"{url}: {_difference(model, part.stat().st_size, got)}, so deleted again")
        part.unlink()
    resume = f"; run it again to go on from {part}" if part.exists() else ""
    raise UserError(
        f"{path}: could not be downloaded: {', '.join(faults)}{resume}; "
        f"or {_by_hand(model, folder)}"
    )


def main(model: str, folder: Path) -> None:
    """Fetch one of `MODELS` into a folder, telling its licence first."""
    if model not in MODELS:
        raise UserError(_unknown(model))
    print(f"{model}: {MODELS[model].licence}", flush=True)
    if not MODELS[model].urls:
        raise UserError(f"{model} is not downloaded; {_remedy(model, folder)}")
    path = fetch(MODELS[model], folder)
    print(f"{path}: {path.stat().st_size:,} bytes, SHA-256 as pinned")


class _TransferError(Exception):
    """A transfer that ended before the file did, or did not begin; with the reason."""


def _download(url: str, part: Path, model: Model) -> None:
    """Bring `part` to its full length, asking again after each break that brought it further."""
    with tqdm(total=model.size, unit="B", unit_scale=True, desc=model.file) as bar:
        while (have := _size(part)) < model.size:
            reason = "the connection ended"
            try:
                _receive(url, part, have, model, bar)
            except _TransferError as fault:
                reason = str(fault)
            if _size(part) <= have:
                raise _TransferError(f"{reason} ({_size(part):,} of {model.size:,} bytes here)")


def _receive(url: str, part: Path, have: int, model: Model, bar: "tqdm[Any]") -> None:
    """Ask for what `part` lacks and append it; begin anew if the server sends all."""
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    with _opened(request) as response:
        start = have if response.status == 206 else 0
        length = response.headers.get("Content-Length")
        if length is not None and start + int(length) != model.size:
            raise _TransferError(f"the server has another file, of {start + int(length):,} bytes")
        bar.update(start - bar.n)
        with part.open("ab" if start else "wb") as file:
            while (chunk := _chunk(response)) and file.tell() <= model.size:
                file.write(chunk)
                bar.update(len(chunk))


def _opened(request: urllib.request.Request) -> http.client.HTTPResponse:
    try:
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT)
    except (OSError, http.client.HTTPException) as error:
        raise _TransferError(str(error) or type(error).__name__) from error
    return response


def _chunk(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(CHUNK)
    except (OSError, http.client.HTTPException) as error:
        raise _TransferError(str(error) or type(error).__name__) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _recognised(tensors: Mapping[str, Tensor], where: str) -> tuple[str, str, float]:
    """Layout, backbone and scale, by the names."""
    for start, recognised in LAYOUTS.items():
        if any(name.startswith(start) for name in tensors):
            return recognised
    raise UserError(
        f"{where}: not a checkpoint of HyperIQA: it holds {_first(list(tensors))}, and none whose "
        f"name begins with {', '.join(LAYOUTS)}"
    )


def _compare(given: Iterable[str], wanted: Iterable[str], where: str) -> None:
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
            f"{where}: {', '.join(faults)}, expected the {len(wanted)} of HyperIQA; "
            "get the checkpoint again, or save the whole state_dict"
        )


def _check(tensor: Tensor, like: Tensor, where: str) -> None:
    if tensor.shape != like.shape:
        raise UserError(
            f"{where} has shape {tuple(tensor.shape)}, expected {tuple(like.shape)}; "
            "this is a network of another size"
        )
    if like.is_floating_point() and not tensor.is_floating_point():
        raise UserError(f"{where} holds {tensor.dtype}, expected floating-point numbers")
    if not torch.stack(tensor.aminmax()).isfinite().all():
        bad = tensor.numel() - int(tensor.isfinite().sum())
        raise UserError(
            f"{where} holds {bad} of {tensor.numel()} values that are NaN or infinite, expected "
            "none; the training failed or the file is damaged: use another checkpoint"
        )


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


def _unknown(model: str) -> str:
    near = difflib.get_close_matches(model, MODELS, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"model: got `{model}`; {hint}expected one of {', '.join(MODELS)}"


def _difference(model: Model, size: int, sha256: str) -> str:
    if size < model.size:
        return f"cut short: {size:,} of {model.size:,} bytes"
    return (
        f"another file: {size:,} bytes with SHA-256 {sha256}, "
        f"expected {model.size:,} bytes with {model.sha256}"
    )


def _remedy(model: str, folder: Path) -> str:
    if model not in MODELS:
        return f"check the path, or use one of {', '.join(MODELS)}"
    known = MODELS[model]
    if not known.urls:
        return f"it is part of this repository: `git checkout -- {folder / known.file}` restores it"
    return f"run `make weights MODEL={model}`, or {_by_hand(known, folder)}"


def _by_hand(model: Model, folder: Path) -> str:
    return (
        f"get {model.file} ({model.size:,} bytes, SHA-256 {model.sha256}) from {model.urls[0]} "
        f"and put it in {folder}"
    )


if __name__ == "__main__":
    run(main)
