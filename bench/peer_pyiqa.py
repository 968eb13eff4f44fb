"""Scores by pyiqa's HyperIQA: what the benchmarks compare with, in an environment of its own.

    PYTHON bench/peer_pyiqa.py CHECKPOINT DEVICE

reads paths of images from standard input, one a line, and answers each with a line of JSON: its
`score`, and the `seconds` that this took, the reading of the file left out. The first line tells
`version` and `threads`.

pyiqa (https://github.com/chaofengc/IQA-PyTorch) is licensed for non-commercial use and is no part
of this project: nothing is copied from it, and nothing else imports it. What it needs, beside a
build of torch for CPUs:

    pip install --no-deps pyiqa timm torchvision
    pip install pillow scipy pandas einops pyyaml tqdm opencv-python-headless huggingface_hub
"""

import json
import sys
import time

import torch

# torchvision's build for another torch can't register these, which nothing here calls.
for name in ("nms", "qnms"):
    if not hasattr(torch.ops.torchvision, name):
        torch.library.define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")

import pyiqa  # type: ignore[import-not-found]  # noqa: E402
import timm  # type: ignore[import-not-found]  # noqa: E402
from pyiqa.utils.img_util import imread2tensor  # type: ignore[import-not-found]  # noqa: E402


def main(checkpoint: str, device: str) -> None:
    """Answer every path on standard input."""
    create = timm.create_model

    def without_download(name: str, **options: object) -> torch.nn.Module:
        backbone: torch.nn.Module = create(name, **{**options, "pretrained": False})
        return backbone

    timm.create_model = without_download  # its values are replaced by the checkpoint's anyway
    metric = pyiqa.create_metric("hyperiqa", device=device, pretrained_model_path=checkpoint)
    answer({"version": pyiqa.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        image = imread2tensor(line.rstrip("\n"), rgb=True)[None]
        start = time.perf_counter()
        score = float(metric(image))
        answer({"score": score, "seconds": time.perf_counter() - start})


def answer(content: dict[str, object]) -> None:
    """Write a line that the other side can wait for; pyiqa prints lines of its own."""
    print("answer " + json.dumps(content), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
