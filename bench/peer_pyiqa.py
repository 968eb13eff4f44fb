"""Scores by pyiqa's HyperIQA, for comparison only; run by the benchmarks, in an environment of its own.

    PYTHON bench/peer_pyiqa.py CHECKPOINT

reads paths of images from standard input, one a line, and answers each with one line of JSON: `score`,
and `seconds` for the network alone, on the image as a tensor. The first line is `version` and
`threads`.

pyiqa (https://github.com/chaofengc/IQA-PyTorch) is licensed for non-commercial use and is no part of
this project: nothing here is copied from it or imported elsewhere. What it needs, beside a CPU build
of torch:

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

import pyiqa  # noqa: E402
import timm  # noqa: E402
from pyiqa.utils.img_util import imread2tensor  # noqa: E402


def main(checkpoint: str) -> None:
    """Answer every path on standard input."""
    create = timm.create_model

    def without_download(name: str, **options: object) -> torch.nn.Module:
        return create(name, **{**options, "pretrained": False})

    timm.create_model = without_download  # its values are replaced by the checkpoint's anyway
    metric = pyiqa.create_metric("hyperiqa", device="cpu", pretrained_model_path=checkpoint)
    answer({"version": pyiqa.__version__, "threads": torch.get_num_threads()})
    for line in sys.stdin:
        image = imread2tensor(line.rstrip("\n"), rgb=True)[None]
        start = time.perf_counter()
        score = float(metric(image))
        answer({"score": score, "seconds": time.perf_counter() - start})


def answer(content: dict[str, object]) -> None:
    """Write a line that the other side can wait for; pyiqa itself prints lines too."""
    print("answer " + json.dumps(content), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
