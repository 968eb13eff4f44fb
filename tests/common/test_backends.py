"""Where the network runs: everywhere the same scores, and a plain word where it can't."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from stages.common import backends
from stages.common.backends import Network, resolve, torch_network
from stages.common.crops import CROP
from stages.common.errors import UserError
from stages.common.images import Pixels
from stages.common.weights import Weights

NO_GPU = pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")

# OpenVINO fuses and reorders float32 arithmetic; scores lie on 0..1 or 0..100 by the model.
SAME_SHARE = 1e-4


@pytest.fixture(scope="module")
def crops(network: Network, sample_pixels: list[Pixels]) -> Pixels:
    """A batch of real crops, of black and of white."""
    batch = np.zeros((network.batch, CROP, CROP, 3), np.uint8)
    batch[1] = 255
    for i in range(2, len(batch)):
        pixels = sample_pixels[i % len(sample_pixels)]
        batch[i] = pixels[i * 5 : i * 5 + CROP, i * 9 : i * 9 + CROP]
    return batch


def test_openvino_gives_the_scores_of_pytorch(
    network: Network, builtin: Weights, crops: Pixels
) -> None:
    expected = torch_network(builtin.network).run(crops)
    scores = network.run(crops)
    assert (scores.shape, scores.dtype) == ((network.batch,), np.float32)
    spread = float(np.ptp(expected))
    assert np.abs(scores - expected).max() <= SAME_SHARE * spread


def test_a_crops_place_in_the_batch_changes_no_bit(network: Network, crops: Pixels) -> None:
    order = np.roll(np.arange(network.batch), 5)
    assert network.run(crops[order]).tolist() == network.run(crops)[order].tolist()


def test_a_result_is_not_overwritten_by_the_next(network: Network, crops: Pixels) -> None:
    first = network.run(crops)
    before = first.copy()
    network.run(crops[::-1].copy())
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
        "import sys; from stages.common.backends import resolve; "
        "print(resolve('auto', 'auto'), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "('cpu', 'fp32') False\n"


@NO_GPU
def test_a_gpu_that_is_not_there_is_told() -> None:
    with pytest.raises(UserError) as raised:
        resolve("cuda", "auto")
    told = str(raised.value)
    assert told.startswith(f"score.device: cuda, but PyTorch {torch.__version__} finds no GPU")
    assert told.endswith("set it to auto or cpu, or install a CUDA build and a driver")


def test_a_precision_that_a_device_lacks_is_told() -> None:
    with pytest.raises(UserError) as raised:
        resolve("cpu", "fp16")
    assert str(raised.value) == (
        "score.precision: fp16 is not for cpu: use one of fp32, bf16, or auto"
    )


def test_every_device_has_a_precision_and_a_batch() -> None:
    assert set(backends.PRECISIONS) == set(backends.BATCH) == {"cpu", "cuda"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", backends.PRECISIONS["cuda"])
def test_a_gpu_gives_the_scores_of_pytorch(builtin: Weights, crops: Pixels, precision: str) -> None:
    expected = torch_network(builtin.network).run(crops)
    on_gpu = backends.cuda_network(builtin.network, precision)
    batch = np.zeros((on_gpu.batch, *crops.shape[1:]), np.uint8)
    batch[: len(crops)] = crops
    error = np.abs(on_gpu.run(batch)[: len(crops)] - expected).max()
    share = {"fp32": 1e-3, "fp16": 2e-2, "bf16": 1e-1}[precision]
    assert error <= share * float(np.ptp(expected))
    assert on_gpu.run(batch).tolist() == on_gpu.run(batch).tolist()
