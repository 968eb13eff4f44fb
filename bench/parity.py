"""Do our scores equal those of pyiqa and of the authors' code?

    python -m bench.parity --images FOLDER [--pyiqa-python PYTHON] [--original CHECKOUT]
                           [--weights FILE]

One checkpoint is written in both foreign layouts and scored by all three: whole images of many
sizes against pyiqa under the policy `pyiqa`, single crops against the authors' network. Without
`--weights` the checkpoint is random, its BatchNorm layers calibrated on the photographs of FOLDER.
Prints the largest differences and ends with 1 if one exceeds 1e-5 on the scale of 0..1.

PYTHON has pyiqa installed (bench/peer_pyiqa.py says how); CHECKOUT is one of
https://github.com/SSL92/hyperIQA.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from stages.common.hyperiqa import crops
from stages.common.hyperiqa.backends import openvino_network
from stages.common.hyperiqa.network import CROP, HyperIQA, fold
from stages.common.hyperiqa.weights import load, names_in
from stages.common.pixels.images import read

TOLERANCE = 1e-5
SIZES = (
    (1024, 1024),
    (512, 512),
    (600, 1000),
    (1000, 600),
    (225, 300),
    (224, 224),
    (224, 500),
    (500, 224),
    (200, 300),
    (100, 80),
    (21, 42),
    (226, 227),
    (228, 229),
    (333, 1349),
)
Pixels = NDArray[np.uint8]
Network = Callable[[Tensor], Tensor]  # from crops (B, 224, 224, 3) uint8 to (B,) scores


def photographs(folder: Path) -> list[Pixels]:
    """All images below a folder, (H, W, 3) each."""
    return [read(path) for path in sorted(folder.rglob("*.jpg"))]


def fitted(image: Pixels, width: int, height: int) -> Pixels:
    """Reduce a photograph as little as fills `width` x `height`, and cut its middle out."""
    factor = max(width / image.shape[1], height / image.shape[0])
    size = (max(width, round(image.shape[1] * factor)), max(height, round(image.shape[0] * factor)))
    small = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return small[top : top + height, left : left + width]


def calibrated(images: list[Pixels]) -> HyperIQA:
    """Random weights (seed 0) whose BatchNorm layers know the statistics of photographs."""
    torch.manual_seed(0)
    network = HyperIQA("resnet50")
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    sample = np.stack([fitted(image, CROP, CROP) for image in images[:16]])
    with torch.no_grad():
        network.train()(torch.from_numpy(sample))
    return network.eval().requires_grad_(False)


def write_layouts(network: HyperIQA, folder: Path) -> dict[str, Path]:
    """Write a network's weights as the authors and as pyiqa would; gives the path by layout."""
    state = network.state_dict()
    named = {
        layout: {theirs: state[ours] for ours, theirs in names_in(layout, state).items()}
        for layout in ("original", "pyiqa")
    }
    paths = {"original": folder / "original.pkl", "pyiqa": folder / "pyiqa.pth"}
    torch.save(named["original"], paths["original"], _use_new_zipfile_serialization=False)
    torch.save({"params": named["pyiqa"]}, paths["pyiqa"])
    return paths


class Peer:
    """pyiqa in its own process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.about = self.answer()

    def answer(self) -> dict[str, Any]:
        """Wait for the next answer."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("answer "):
                found: dict[str, Any] = json.loads(line.removeprefix("answer "))
                return found
        raise RuntimeError("pyiqa's process ended; its message is above")

    def score(self, path: Path) -> dict[str, Any]:
        """Give `score` and `seconds` of one image."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        return self.answer()


@contextmanager
def peer(python: Path, checkpoint: Path, device: str = "cpu") -> Iterator[Peer]:
    """Start pyiqa with a checkpoint, and end it."""
    script = Path(__file__).with_name("peer_pyiqa.py")
    command = [str(python), str(script), str(checkpoint), device]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Peer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()


def original_scores(checkout: Path, checkpoint: Path, batch: Tensor) -> list[float]:
    """Score crops (B, 224, 224, 3) uint8, one by one, with the authors' code."""
    spec = importlib.util.spec_from_file_location("original_models", checkout / "models.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.model_zoo.load_url = lambda _: {}  # no download: the checkpoint replaces all values
    network = module.HyperNet(16, 112, 224, 112, 56, 28, 14, 7).eval()
    network.load_state_dict(torch.load(checkpoint, weights_only=True))
    mean, std = (
        torch.tensor(x)[:, None, None] for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    scores = []
    with torch.no_grad():
        for crop in batch:
            image = (crop.permute(2, 0, 1).float() / 255 - mean) / std
            made = network(image[None])
            scores.append(float(module.TargetNet(made)(made["target_in_vec"])))
    return scores


def engine(network: HyperIQA) -> Network:
    """What the stage `score` runs on a CPU, for any number of crops."""
    compiled = openvino_network(network)

    def scores(cropped: Tensor) -> Tensor:
        lacking = -len(cropped) % compiled.batch
        filled = torch.cat([cropped, cropped[:1].expand(lacking, *cropped.shape[1:])])
        batches = torch.split(filled, compiled.batch)
        found = [torch.from_numpy(compiled.run(batch.numpy())) for batch in batches]
        return torch.cat(found)[: len(cropped)]

    return scores


def ours(image: Pixels, network: Network) -> float:
    """Score one image under the policy `pyiqa`."""
    cropped, weights = crops.prepare(image, "pyiqa", seed="")
    return float(weights.astype(np.float64) @ network(torch.from_numpy(cropped)).double().numpy())


def compare_with_pyiqa(python: Path, paths: dict[str, Path], images: list[Pixels]) -> float:
    """Print and give the largest difference over `SIZES`."""
    network = load(str(paths["pyiqa"]), Path()).network
    variants: list[Network] = [network, fold(network), engine(network)]
    worst, scores = 0.0, []
    with peer(python, paths["pyiqa"]) as other:
        print(f"pyiqa {other.about['version']}, policy `pyiqa`:")
        print(f"{'size':>11} {'crops':>5} {'pyiqa':>10} {'plain':>9} {'folded':>9} {'engine':>9}")
        for i, (width, height) in enumerate(SIZES):
            image = fitted(images[i % len(images)], width, height)
            path = paths["pyiqa"].with_name(f"{width}x{height}.png")
            Image.fromarray(image).save(path)
            theirs = other.score(path)
            errors = [abs(ours(image, each) - theirs["score"]) for each in variants]
            worst = max(worst, *errors)
            scores.append(theirs["score"])
            distinct = crops.count("pyiqa", width, height)
            print(
                f"{path.stem:>11} {distinct:>5} {theirs['score']:>10.6f} {errors[0]:>9.1e} "
                f"{errors[1]:>9.1e} {errors[2]:>9.1e}"
            )
    print(f"largest difference {worst:.1e}; standard deviation of the scores {np.std(scores):.4f}")
    return worst


def compare_with_original(checkout: Path, paths: dict[str, Path], images: list[Pixels]) -> float:
    """Print and give the largest difference over a crop of each photograph."""
    batch = torch.from_numpy(
        np.stack([fitted(image, 640, 480)[100 : 100 + CROP, 200 : 200 + CROP] for image in images])
    )
    theirs = torch.tensor(original_scores(checkout, paths["original"], batch))
    worst = 0.0
    for layout, path in paths.items():
        network = load(str(path), Path()).network
        variants: list[Network] = [network, fold(network), engine(network)]
        errors = [
            float((torch.cat([each(crop[None]) for crop in batch]) - theirs).abs().max())
            for each in variants
        ]
        worst = max(worst, *errors)
        print(
            f"authors' network, {len(batch)} crops, our weights from the {layout} layout: largest "
            f"difference {errors[0]:.1e}, folded {errors[1]:.1e}, engine {errors[2]:.1e}"
        )
    return worst


def main() -> None:
    """Run the comparisons that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pyiqa-python", type=Path)
    parser.add_argument("--original", type=Path)
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    images = photographs(arguments.images)
    worst = 0.0
    with TemporaryDirectory() as name:
        network = (
            load(str(arguments.weights), Path()).network
            if arguments.weights
            else calibrated(images)
        )
        paths = write_layouts(network, Path(name))
        if arguments.original:
            worst = max(worst, compare_with_original(arguments.original, paths, images))
        if arguments.pyiqa_python:
            worst = max(worst, compare_with_pyiqa(arguments.pyiqa_python, paths, images))
    print(f"largest difference of all: {worst:.1e}, allowed {TOLERANCE:.0e}")
    sys.exit(1 if worst > TOLERANCE else 0)


if __name__ == "__main__":
    main()
