"""The models that are known by name: what there is, under which licence, and how to get it.

A download that breaks goes on where it stopped; a file gets its own name only when its SHA-256 is
the pinned one.
"""

import difflib
import http.client
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from stages.common.errors import UserError
from stages.common.files import sha256_of


@dataclass(frozen=True)
class Model:
    """A file of weights that is known by name.

    Attributes:
        file: its name in the folder of weights.
        licence: one line for whoever is about to use it.
        sha256: of the whole file.
        size: bytes.
        urls: where to get it, to be tried in turn; none for a file that git keeps.
    """

    file: str
    licence: str
    sha256: str
    size: int
    urls: tuple[str, ...] = ()


MODELS = {
    "builtin": Model(
        file="builtin.safetensors",
        licence="EfficientNet-Lite0 (Apache-2.0), trained on LIVE In the Wild; see NOTICE",
        sha256="a434ae9616f798e0b2428e3152957f600e11149fb514caa074bdb3f536e69f65",
        size=15_393_532,
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

CHUNK = 1 << 20  # bytes read at once
TIMEOUT = 30  # seconds without a byte before a server is given up


def locate(model: str, folder: Path) -> Path:
    """The file of a key of `MODELS` in a folder, or the checkpoint that `model` is a path to."""
    known = MODELS.get(model)
    path = folder / known.file if known else Path(model)
    if known is None and not path.suffix and not path.exists():
        raise UserError(f"{unknown(model)}, or the path of a checkpoint")
    if not path.is_file():
        raise UserError(f"{path}: no such file; {remedy(model, folder)}")
    return path


def check_pinned(model: str, path: Path, size: int, sha256: str) -> None:
    """A file of a key of `MODELS` must be the pinned one.

    Raises:
        UserError: where it is not.
    """
    known = MODELS.get(model)
    if known and sha256 != known.sha256:
        fault = difference(known, size, sha256)
        raise UserError(f"{path}: {fault}; delete it, then {remedy(model, path.parent)}")


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
        faults.append(f"{url}: {difference(model, part.stat().st_size, got)}, so deleted again")
        part.unlink()
    resume = f"; run it again to go on from {part}" if part.exists() else ""
    raise UserError(
        f"{path}: could not be downloaded: {', '.join(faults)}{resume}; "
        f"or {_by_hand(model, folder)}"
    )


class _TransferError(Exception):
    """A transfer that ended before the file did, or did not begin; with the reason."""


def _download(url: str, part: Path, model: Model) -> None:
    """Bring `part` to its full length, asking again after each break that brought it further."""
    with tqdm(total=model.size, unit="B", unit_scale=True, desc=model.file, disable=None) as bar:
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


def unknown(model: str) -> str:
    """The error message for a name that is not in `MODELS`."""
    near = difflib.get_close_matches(model, MODELS, n=1)
    hint = f"did you mean `{near[0]}`? " if near else ""
    return f"model: got `{model}`; {hint}expected one of {', '.join(MODELS)}"


def difference(model: Model, size: int, sha256: str) -> str:
    """How a file differs from the pinned one."""
    if size < model.size:
        return f"cut short: {size:,} of {model.size:,} bytes"
    return (
        f"another file: {size:,} bytes with SHA-256 {sha256}, "
        f"expected {model.size:,} bytes with {model.sha256}"
    )


def remedy(model: str, folder: Path) -> str:
    """How to get the file of a model."""
    if model not in MODELS:
        return f"check the path, or use one of {', '.join(MODELS)}"
    known = MODELS[model]
    if not known.urls:
        return f"run `git checkout -- {folder / known.file}`: it is part of this repository"
    return f"run `make weights MODEL={model}`, or {_by_hand(known, folder)}"


def _by_hand(model: Model, folder: Path) -> str:
    return (
        f"get {model.file} ({model.size:,} bytes, SHA-256 {model.sha256}) from {model.urls[0]} "
        f"and put it in {folder}"
    )
