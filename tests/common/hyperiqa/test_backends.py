"""Where the network runs: everywhere the same scores, and a plain word where it can't."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.common.errors import UserError
from stages.common.hyperiqa import backends
from stages.common.hyperiqa.backends import Network, resolve
from stages.common.hyperiqa.crops import CROP
from stages.common.hyperiqa.weights import Weights
from stages.common.pixels.images import Pixels
from tests.conftest import REPOSITORY

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")

# OpenVINO fuses and reorders float32 arithmetic; scores lie on 0..1 or 0..100 by the model.
SAME_SHARE = 1e-4


@pytest.fixture(scope="module")
def crops(sample_pixels: list[Pixels]) -> Pixels:
    """One black, one white, the others real."""
    crops = np.zeros((18, CROP, CROP, 3), np.uint8)
    crops[1] = 255
    for i in range(2, len(crops)):
        pixels = sample_pixels[i % len(sample_pixels)]
        crops[i] = pixels[i * 5 : i * 5 + CROP, i * 9 : i * 9 + CROP]
    return crops


@pytest.fixture(scope="module")
def expected(builtin: Weights, crops: Pixels) -> NDArray[np.float32]:
    """The scores of plain PyTorch."""
    scores: NDArray[np.float32] = builtin.network(torch.from_numpy(crops)).numpy()
    return scores


def scores(network: Network, crops: NDArray[Any]) -> NDArray[np.float32]:
    """Of any number of crops; a last batch is filled up."""
    lacking = -len(crops) % network.batch
    filled = np.concatenate([crops, np.zeros((lacking, *crops.shape[1:]), crops.dtype)])
    batches = filled.reshape(-1, network.batch, *crops.shape[1:])
    return np.concatenate([network.run(batch) for batch in batches])[: len(crops)]


def test_openvino_gives_the_scores_of_pytorch(
    network: Network, crops: Pixels, expected: NDArray[np.float32]
) -> None:
    batch = network.run(crops[: network.batch])
    assert (batch.shape, batch.dtype) == ((network.batch,), np.float32)
    for given in (crops, crops.astype(np.float32)):
        error = np.abs(scores(network, given) - expected).max()
        assert error <= SAME_SHARE * float(np.ptp(expected))


def test_a_crops_place_in_the_batch_changes_no_bit(network: Network, crops: Pixels) -> None:
    order = np.roll(np.arange(len(crops)), 1)
    assert scores(network, crops[order]).tolist() == scores(network, crops)[order].tolist()


def test_a_result_is_not_overwritten_by_the_next(network: Network, crops: Pixels) -> None:
    first = network.run(crops[: network.batch])
    before = first.copy()
    network.run(crops[-network.batch :])
    assert first.tolist() == before.tolist()


@NO_GPU
def test_auto_is_the_cpu_where_there_is_no_gpu() -> None:
    assert resolve("auto", "auto") == resolve("cpu", "auto") == ("cpu", "fp32")
    assert resolve("auto", "bf16") == ("cpu", "bf16")


def test_where_no_driver_is_nothing_slow_is_imported() -> None:
    """Scores that are known are read without PyTorch."""
    if backends._has_driver():
        pytest.skip("this machine has NVIDIA's driver")
    code = (
        "import sys; from stages.common.hyperiqa.backends import resolve; "
        "print(resolve('auto', 'auto'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "('cpu', 'fp32') False\n"


@NO_GPU
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError) as raised:
        resolve("cuda", "auto")
    message = str(raised.value)
    assert message.startswith(f"score.device: cuda, but PyTorch {torch.__version__} finds no GPU")
    assert message.endswith("set it to auto or cpu, or install a CUDA build and a driver")


FORKS = """
import os
from pathlib import Path
forks = []
os.register_at_fork(before=lambda: forks.append(1))
from stages.common.hyperiqa import backends, weights
backends.openvino_network(weights.load("builtin", Path("data/weights")).network)
print(len(forks), end="")
"""


def test_openvino_reports_to_nobody() -> None:
    """Its telemetry sends each message from a fork of this process."""
    done = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, cwd=REPOSITORY
    )
    assert (done.stdout, done.stderr) == ("0", "")


def test_a_precision_that_a_device_lacks_is_told() -> None:
    with pytest.raises(UserError) as raised:
        resolve("cpu", "fp16")
    assert str(raised.value) == (
        "score.precision: fp16 is not for cpu: use one of fp32, bf16, or auto"
    )


def test_every_device_has_a_precision_and_a_batch() -> None:
    assert set(backends.PRECISIONS) == set(backends.BATCH) == {"cpu", "cuda"}


def test_the_exact_one_is_what_a_cpu_takes_by_itself() -> None:
    assert resolve("cpu", "auto") == backends.EXACT


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", backends.PRECISIONS["cuda"])
def test_a_gpu_gives_the_scores_of_pytorch(
    builtin: Weights, crops: Pixels, expected: NDArray[np.float32], precision: str
) -> None:
    on_gpu = backends.cuda_network(builtin.network, precision)
    many = np.tile(crops, (-(-on_gpu.batch // len(crops)), 1, 1, 1))[: on_gpu.batch]
    with ThreadPoolExecutor(on_gpu.threads) as threads:
        found = list(threads.map(on_gpu.run, [many, many[::-1].copy()] * 4))
    assert all(a.tolist() == found[0].tolist() for a in found[::2])
    assert all(a.tolist() == found[1].tolist() for a in found[1::2])
    share = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1}[precision]
    for values in (found[0], on_gpu.run(many.astype(np.float32)), found[1][::-1]):
        error = np.abs(values[: len(crops)] - expected[: len(values)]).max()
        assert error <= share * float(np.ptp(expected))
