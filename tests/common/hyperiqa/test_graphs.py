"""A graph is converted once, kept beside the store, and never trusted where it is damaged."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stages.common.errors import UserError
from stages.common.hyperiqa import backends, checkpoints, graphs
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.hyperiqa.graphs import Graph
from tests.conftest import REPOSITORY

CHECKPOINT = checkpoints.find("builtin", REPOSITORY / "data" / "weights")
BATCHES = np.random.default_rng(0).integers(0, 256, (3, *backends.CPU_SHAPE), np.uint8)

# Two networks, by scores of some pixels and whether PyTorch was needed.
SCORES = """
import sys
import numpy as np
from stages.common.hyperiqa import backends, checkpoints
from stages.common.near import embedder
checkpoint = checkpoints.find("builtin", embedder.Path("data/weights"))
network = backends.network_on("cpu", "fp32", checkpoint)
features = embedder.features_network(checkpoint.folder)
pixels = np.random.default_rng(0).integers(0, 256, backends.CPU_SHAPE, np.uint8)
print(network.run(pixels).tobytes().hex(), features.run(pixels).sum(), network.scale)
print("torch" in sys.modules)
"""


# A network that two threads use for the first time at one moment.
AT_ONCE = """
import sys, threading
import numpy as np
from stages.common.hyperiqa import backends, checkpoints
from stages.common.near import embedder
checkpoint = checkpoints.find("builtin", embedder.Path("data/weights"))
network = backends.network_on("cpu", "fp32", checkpoint)
pixels = np.zeros(backends.CPU_SHAPE, np.uint8)
both = threading.Barrier(2)
threads = [
    threading.Thread(target=lambda: (both.wait(), network.run(pixels)), daemon=True)
    for _ in range(2)
]
sys.setswitchinterval(1e-7)
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.fixture
def tiny() -> Graph:
    """A graph of a network of which only the input matters."""
    import torch

    class Mean(torch.nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.float().mean(dim=(1, 2, 3))

    return Graph(graphs.converted(Mean().eval(), (4, 8, 8, 3), "uint8"), 0.01)


def kept_files() -> list[Path]:
    return sorted(graphs.folder().glob("*"))


def must_not() -> Graph:
    raise AssertionError("converted again")


def test_a_kept_network_gives_the_same_bits_and_needs_no_pytorch() -> None:
    outputs = []
    for _ in range(2):
        command = [sys.executable, "-c", SCORES]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY)
        outputs.append(done.stdout.splitlines())
    (first, torch_first), (second, torch_second) = outputs
    assert first == second
    assert (torch_first, torch_second) == ("True", "False")
    assert len(kept_files()) == 2


@pytest.mark.slow
def test_two_threads_that_are_the_first_do_not_wait_for_each_other() -> None:
    """One of four processes did, for ever, where the network was not tried before."""
    for _ in range(12):
        command = [sys.executable, "-c", AT_ONCE]
        subprocess.run(command, check=True, cwd=REPOSITORY, timeout=60)


def test_it_scores_as_one_that_is_not_kept(network: Network) -> None:
    found = backends.network_on("cpu", "fp32", CHECKPOINT)
    for batch in BATCHES:
        assert (found.run(batch) == network.run(batch)).all()
    crops = BATCHES[0].astype(np.float32)
    assert (found.run(crops) == network.run(crops)).all()
    assert found.scale == network.scale
    assert len(kept_files()) == 2  # of both types of pixels


def test_what_is_kept_comes_back(tiny: Graph) -> None:
    first = graphs.kept("tiny", lambda: tiny)
    again = graphs.kept("tiny", must_not)
    assert (first.scale, again.scale) == (0.01, 0.01)
    assert str(again.model) == str(first.model)
    with pytest.raises(AssertionError, match="converted again"):
        graphs.kept("another", must_not)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "part"])
def test_a_damaged_one_is_made_again(tiny: Graph, damage: str) -> None:
    graphs.kept("tiny", lambda: tiny)
    (path,) = kept_files()
    whole = path.read_bytes()
    at = whole.index(b"<?xml") + 200
    path.write_bytes(
        {
            "cut": whole[: len(whole) // 2],
            "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
            "emptied": b"",
            "part": whole.replace(b"scale", b"scalp"),
        }[damage]
    )
    asked = []
    graphs.kept("tiny", lambda: asked.append(1) or tiny)  # type: ignore[func-returns-value]
    assert asked == [1]
    graphs.kept("tiny", must_not)


def test_other_packages_or_code_convert_again(
    tiny: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs.kept("tiny", lambda: tiny)
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "cpu.py").write_text("")
    monkeypatch.setattr(graphs, "CODE", (*graphs.CODE, tmp_path / "code"))
    with pytest.raises(AssertionError, match="converted again"):
        graphs.kept("tiny", must_not)
    monkeypatch.undo()
    monkeypatch.setattr(graphs.metadata, "version", lambda package: "0")
    with pytest.raises(AssertionError, match="converted again"):
        graphs.kept("tiny", must_not)


def test_the_last_used_stay(tiny: Graph) -> None:
    for number in range(graphs.KEPT):
        graphs.kept(str(number), lambda: tiny)
        for path in kept_files():  # all an hour older
            at = path.stat().st_mtime - 3600
            os.utime(path, (at, at))
    graphs.kept("0", must_not)
    graphs.kept("new", lambda: tiny)
    assert len(kept_files()) == graphs.KEPT
    graphs.kept("0", must_not)
    with pytest.raises(AssertionError, match="converted again"):
        graphs.kept("1", must_not)


def test_where_none_can_be_kept_it_is_converted_each_time(tiny: Graph) -> None:
    graphs.folder().parent.mkdir(parents=True, exist_ok=True)
    graphs.folder().write_text("in the way")
    asked = []
    for _ in range(2):
        graph = graphs.kept("tiny", lambda: asked.append(1) or tiny)  # type: ignore[func-returns-value]
        assert graph.scale == 0.01
    assert asked == [1, 1]


def test_weights_that_were_replaced_are_told(tmp_path: Path) -> None:
    other = Checkpoint(str(CHECKPOINT.folder / "builtin.safetensors"), tmp_path, "00")
    with pytest.raises(UserError, match="were replaced just now: run `dvc repro` again"):
        backends.network_on("cpu", "fp32", other)
    assert kept_files() == []
