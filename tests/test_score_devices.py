"""Score on a device that may fail: it ends with the CPU's table, or with one plain error.

A stand-in takes the GPU's place. It compiles and runs on the CPU, and does wrong in some way.
"""

import json
import math
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages import score
from stages.common import store, tables
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, trust
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.checkpoints import Checkpoint
from stages.common.pixels import png
from stages.common.rows import Item, Score
from tests.conftest import blobs, environment, item, named
from tests.test_score import COMPILE, PARAMS, WEIGHTS, listed, scored

pytestmark = pytest.mark.usefixtures("compiled_once")

AUTO = PARAMS.model_copy(update={"device": "auto"})
CUDA = PARAMS.model_copy(update={"device": "cuda"})
HUNG = "no answer within 1 s"
KERNEL = "CUDA error: no kernel image is available for execution on the device"
ILLEGAL = "CUDA error: an illegal memory access was encountered"
REMEDY = "look at the GPU, or set score.device to cpu and score.precision to auto"
# What the stand-in does, when, and what is told of it.
FAULTS = {
    ("compile", "raise"): f"RuntimeError: {KERNEL}",
    ("compile", "memory"): "too little free memory on the GPU (end what else runs on it)",
    ("compile", "hang"): HUNG,
    ("first", "raise"): f"RuntimeError: {ILLEGAL}",
    ("first", "bug"): "TypeError: unsupported",
    ("first", "nan"): "a crop's score is not a finite number",
    ("first", "hang"): HUNG,
    ("first", "wrong"): (
        "differs from cpu fp32 by 0.02 on 5 crops of 3 of these images, more than 0.01"
    ),
    ("later", "raise"): f"RuntimeError: {ILLEGAL}",
    ("later", "nan"): "a crop's score is not a finite number",
    ("later", "hang"): HUNG,
}


class StandIn:
    """In the place of `backends.cuda_network`; right, unless it is told to fail."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.when, self.how = "never", ""
        self.compiled = 0
        self.compared = False  # whether it has passed
        self.over = threading.Event()  # ends the threads that hang

    def __call__(self, network: Any, precision: str) -> Network:
        self.compiled += 1
        if self.when == "compile":
            self.fail(KERNEL)
        return self.network._replace(run=self.run, threads=1, precision=precision)

    def run(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        scores = self.network.run(pixels)
        if self.when == "first" or (self.when == "later" and self.compared):
            return scores + np.float32(self.fail(ILLEGAL))
        return scores

    def fail(self, message: str) -> float:
        if self.how == "raise":
            raise RuntimeError(f"{message}\nCompile with `TORCH_USE_CUDA_DSA`")
        if self.how == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        if self.how == "bug":
            raise TypeError("unsupported")
        if self.how == "hang":
            self.over.wait()
        return {"nan": math.nan, "wrong": 0.02}.get(self.how, 0.0)


@pytest.fixture
def gpu(network: Network, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A machine with a GPU, which does right until told otherwise."""
    stand_in = StandIn(network)
    compare = trust.compare

    def network_on(device: str, precision: str, given: Checkpoint) -> Network:
        on_cpu = (device, precision) == ("cpu", "fp32")
        return network if on_cpu else COMPILE(device, precision, given)

    def compare_and_note(*arguments: Any, **more: Any) -> str:
        message = compare(*arguments, **more)
        stand_in.compared = True
        return message

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(backends, "_has_driver", lambda: True)
    monkeypatch.setattr(backends, "cuda_network", stand_in)
    monkeypatch.setattr(backends, "network_on", network_on)
    monkeypatch.setattr(trust, "compare", compare_and_note)
    yield stand_in
    stand_in.over.set()


def break_down(gpu: StandIn, when: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu.when, gpu.how = when, how
    if how == "hang":  # else the limits stay: a busy machine may take a second for a batch
        monkeypatch.setattr(trust, "COMPILE_SECONDS", 1.0)
        monkeypatch.setattr(trust, "BATCH_SECONDS", 1.0)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three pictures of 1 and 2 crops."""
    for i in range(3):
        png.write(tmp_path / "in" / f"{i}.png", blobs(224, 224 + 20 * i, i))
    return tmp_path / "in"


@pytest.fixture
def expected(pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Score]:
    """The table of the CPU, made with another score store."""
    with monkeypatch.context() as other:
        other.setenv("SRSET_STORE", str(tmp_path / "other.sqlite"))
        return scored(pictures, tmp_path / "expected")


def stored() -> dict[str, dict[str, float]]:
    """All scores in the store, as tables have them, by device and precision, and by pixels."""
    found: dict[str, dict[str, float]] = {}
    if store.default_path().exists():
        with sqlite3.connect(store.default_path()) as database:
            query = (
                "SELECT fingerprint, hex(sha256), hyperiqa FROM score JOIN scorer ON scorer = id"
            )
            for fingerprint, sha256, value in database.execute(query):
                rounding = fingerprint.partition(" scorer 1 ")[2].rsplit(" ", 2)[0]
                found.setdefault(rounding, {})[sha256.lower()] = round(value, 6)
        database.close()
    return found


def by_pixels(rows: list[Score], folder: Path) -> dict[str, float]:
    """A table's scores by the hash of the pixels, as the store has them."""
    return {item(folder, row.path).pixels: row.hyperiqa for row in rows}


def made_by(out: Path) -> tuple[str, str]:
    """Device and precision, as the stage's numbers have them."""
    scorer = json.loads((out / "m.json").read_text())["scorer"]
    return scorer["device"], scorer["precision"]


def warnings(text: str) -> list[str]:
    return [line for line in text.splitlines() if "warning" in line]


def test_a_gpu_that_does_right_makes_the_table(
    pictures: Path,
    tmp_path: Path,
    expected: list[Score],
    gpu: StandIn,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert scored(pictures, tmp_path, AUTO) == expected
    output = capsys.readouterr()
    assert output.out.splitlines()[-2] == (
        "cuda fp16 agrees with cpu fp32 on 5 crops of 3 of these images: largest error 0, "
        "allowed 0.01"
    )
    assert warnings(output.err) == []
    assert made_by(tmp_path) == ("cuda", "fp16")
    assert stored() == {"cuda fp16": by_pixels(expected, pictures)}
    assert scored(pictures, tmp_path, CUDA) == expected
    assert gpu.compiled == 1  # all is known now, and nothing is compared
    assert capsys.readouterr().out.endswith(" · 0 scored, 3 known\n")


@pytest.mark.parametrize(("when", "how"), FAULTS)
def test_auto_goes_on_with_the_cpu(
    pictures: Path,
    tmp_path: Path,
    expected: list[Score],
    gpu: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    when: str,
    how: str,
) -> None:
    break_down(gpu, when, how, monkeypatch)
    assert scored(pictures, tmp_path, AUTO) == expected
    output = capsys.readouterr()
    separator = " " if how == "wrong" else ": "
    assert warnings(output.err) == [
        f"warning: score: cuda fp16{separator}{FAULTS[when, how]}: going on with cpu fp32; {REMEDY}"
    ]
    assert ("agrees" in output.out) == (when == "later")
    assert output.out.endswith(" · 3 scored, 0 known\n")
    assert made_by(tmp_path) == ("cpu", "fp32")
    assert stored() == {"fp32": by_pixels(expected, pictures)}


@pytest.mark.parametrize(("when", "how"), FAULTS)
def test_a_gpu_that_was_asked_for_ends_with_an_error(
    pictures: Path,
    tmp_path: Path,
    gpu: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    when: str,
    how: str,
) -> None:
    break_down(gpu, when, how, monkeypatch)
    with pytest.raises(UserError) as raised:
        scored(pictures, tmp_path, CUDA)
    separator = " " if how == "wrong" else ": "
    assert str(raised.value) == f"cuda fp16{separator}{FAULTS[when, how]}: {REMEDY}"
    assert warnings(capsys.readouterr().err) == []
    assert not (tmp_path / "scores.csv").exists()
    assert stored() == {}


def test_a_late_fault_leaves_no_table_of_two_devices(
    pictures: Path,
    tmp_path: Path,
    expected: list[Score],
    gpu: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here the GPU's scores differ from the CPU's by as much as is allowed."""
    right = gpu.network.run
    monkeypatch.setattr(store, "SAVE_SECONDS", 0.0)
    calls = []

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        calls.append(gpu.compared)
        if sum(calls) == 2:
            raise RuntimeError(ILLEGAL)
        return right(pixels) + np.float32(0.005)

    monkeypatch.setattr(gpu, "run", run)
    assert scored(pictures, tmp_path, AUTO) == expected
    in_store = stored()
    assert in_store["fp32"] == by_pixels(expected, pictures)
    known = in_store["cuda fp16"]  # of the first batch, which came after the comparison
    assert 0 < len(known) < 3
    assert all(abs(known[sha256] - in_store["fp32"][sha256] - 0.005) < 2e-6 for sha256 in known)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_a_precision_that_was_asked_for_gives_way_too(
    pictures: Path,
    tmp_path: Path,
    expected: list[Score],
    gpu: StandIn,
    capsys: pytest.CaptureFixture[str],
    precision: str,
) -> None:
    gpu.when, gpu.how = "first", "nan"
    params = AUTO.model_copy(update={"precision": precision})
    assert scored(pictures, tmp_path, params) == expected
    (message,) = warnings(capsys.readouterr().err)
    assert message.startswith(f"warning: score: cuda {precision}: a crop's score ")
    assert "going on with cpu fp32" in message
    assert made_by(tmp_path) == ("cpu", "fp32")


def test_fp32_on_a_gpu_has_a_key_of_its_own(
    pictures: Path, tmp_path: Path, expected: list[Score], gpu: StandIn
) -> None:
    scored(pictures, tmp_path, AUTO.model_copy(update={"precision": "fp32"}))
    assert stored() == {"cuda fp32": by_pixels(expected, pictures)}


@pytest.mark.parametrize("device", ["auto", "cpu"])
def test_bf16_on_a_cpu_is_compared_too(
    pictures: Path,
    tmp_path: Path,
    expected: list[Score],
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    device: str,
) -> None:
    far = network._replace(run=lambda pixels: network.run(pixels) + 0.5, precision="bf16")

    def network_on(device: str, precision: str, given: Checkpoint) -> Network:
        return {"fp32": network, "bf16": far}[precision]

    monkeypatch.setattr(backends, "_has_driver", lambda: False)
    monkeypatch.setattr(backends, "network_on", network_on)
    params = PARAMS.model_copy(update={"device": device, "precision": "bf16"})
    message = (
        "cpu bf16 differs from cpu fp32 by 0.5 on 5 crops of 3 of these images, more than 0.15"
    )
    if device == "auto":
        assert scored(pictures, tmp_path, params) == expected
        assert warnings(capsys.readouterr().err) == [
            f"warning: score: {message}: going on with cpu fp32; set score.precision to fp32"
        ]
    else:
        with pytest.raises(UserError) as raised:
            scored(pictures, tmp_path, params)
        assert str(raised.value) == f"{message}: set score.precision to fp32"


def test_a_file_that_changed_is_no_fault_of_the_gpu(
    pictures: Path, tmp_path: Path, gpu: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    tables.write(tmp_path / "in.csv", Item, listed(pictures))
    png.write(pictures / "1.png", blobs(224, 244, 9))
    paths = (tmp_path / "in.csv", pictures, WEIGHTS, tmp_path / "scores.csv", tmp_path / "m.json")
    with pytest.raises(UserError, match=r"1\.png has changed since it was listed"):
        score.main("images", *paths, AUTO)
    assert warnings(capsys.readouterr().err) == []


def test_a_bug_on_the_cpu_is_no_fault_of_the_gpu(
    pictures: Path,
    tmp_path: Path,
    gpu: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(pixels: NDArray[Any]) -> NDArray[np.float32]:
        raise AssertionError("a bug")

    broken = gpu.network._replace(run=fails)
    right = backends.network_on
    monkeypatch.setattr(
        backends, "network_on", lambda *on: broken if on[0] == "cpu" else right(*on)
    )
    with pytest.raises(AssertionError, match="a bug"):
        scored(pictures, tmp_path, AUTO)
    assert warnings(capsys.readouterr().err) == []


# A stage whose GPU hangs, and whose driver waits for the GPU at the end of the process, too.
HANGS = """
import atexit, time
from stages import score
from stages.common.hyperiqa import backends, trust

def hangs(*_):
    time.sleep(600)

def cuda_network(network, precision):
    atexit.register(hangs)
    if {when!r} == "compile":
        hangs()
    return backends.Network(hangs, 4, 2, precision)

backends.resolve = lambda device, precision: ("cuda", "fp16")
backends.cuda_network = cuda_network
trust.COMPILE_SECONDS = trust.BATCH_SECONDS = 1.0
if __name__ == "__main__":
    score.run(score.main)
"""


@pytest.mark.parametrize(
    ("when", "device", "code"), [("compile", "auto", 0), ("run", "auto", 0), ("run", "cuda", 1)]
)
def test_a_process_whose_gpu_hangs_ends(
    pictures: Path, tmp_path: Path, expected: list[Score], when: str, device: str, code: int
) -> None:
    (tmp_path / "stage.py").write_text(HANGS.format(when=when))
    (tmp_path / "params.yaml").write_text(
        f"score: {{model: builtin, crops: cover, size: native, device: {device}, "
        "precision: auto}\n"
    )
    tables.write(tmp_path / "in.csv", Item, listed(pictures))
    values = ("images", "in.csv", "in", WEIGHTS, "scores.csv", "m.json")
    command = [sys.executable, "stage.py", *named("score", values)]
    began = time.monotonic()
    process = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=120
    )
    assert time.monotonic() - began < 60
    assert process.returncode == code, process.stderr
    message = f"score: cuda fp16: {HUNG}: "
    if code == 0:
        assert warnings(process.stderr) == [f"warning: {message}going on with cpu fp32; {REMEDY}"]
        assert tables.read(tmp_path / "scores.csv", Score) == expected
        assert process.stdout.endswith(" · 3 scored, 0 known\n")
    else:
        assert process.stderr.splitlines() == [f"error: {message}{REMEDY}"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", backends.PRECISIONS["cuda"])
def test_a_real_gpu_makes_the_table(
    photographs: Path,
    tmp_path: Path,
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    precision: str,
) -> None:
    exact = by_pixels(scored(photographs, tmp_path / "cpu"), photographs)
    monkeypatch.setattr(
        backends, "network_on", lambda *on: network if on[0] == "cpu" else COMPILE(*on)
    )
    params = AUTO.model_copy(update={"precision": precision})
    found = by_pixels(scored(photographs, tmp_path / "gpu", params), photographs)
    assert warnings(capsys.readouterr().err) == []
    assert made_by(tmp_path / "gpu") == ("cuda", precision)
    allowed = trust.TOLERANCES[precision]
    assert all(abs(found[sha256] - exact[sha256]) <= allowed for sha256 in exact)
