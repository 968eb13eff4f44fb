"""Any fault of a network other than the exact one is noticed, and named in one line."""

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.common import daemons
from stages.common.errors import UserError
from stages.common.hyperiqa import backends, checkpoints, crops, trust
from stages.common.hyperiqa.backends import Network
from stages.common.hyperiqa.trust import NetworkError, compare, guarded
from stages.common.pixels import pictures, png
from stages.common.pixels.pictures import Picture
from tests.conftest import REPOSITORY, blobs, item

Run = Callable[[NDArray[Any]], NDArray[np.float32]]
BATCH = np.zeros((4, crops.CROP, crops.CROP, 3), np.uint8)


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """What does not happen before the test is over; its threads end then."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def items(tmp_path: Path) -> list[Picture]:
    """Pictures of 1, 9 and 15 crops."""
    rows = []
    for seed, (height, width) in enumerate([(224, 224), (512, 512), (600, 1000)]):
        path = tmp_path / f"{seed}.png"
        png.write(path, blobs(height, width, seed))
        rows.append(pictures.whole(item(tmp_path, path.name)))
    return rows


def means(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Arithmetic in a network's place: half a crop's mean, 0..127.5."""
    return (pixels.mean(axis=(1, 2, 3), dtype=np.float64) / 2).astype(np.float32)


def network_of(run: Run, batch: int = 4, threads: int = 2, precision: str = "fp16") -> Network:
    """A network whose scores are to be divided by 128."""
    return Network(run, batch, threads, precision, scale=1 / 128)


EXACT = network_of(means, threads=1, precision="fp32")


def ready(network: Network) -> "Future[Network]":
    future: Future[Network] = Future()
    future.set_result(network)
    return future


def compared(items: list[Picture], folder: Path, network: Network, exact: Network = EXACT) -> str:
    networks = {"network": ready(network), "exact": ready(exact)}
    return compare(items, folder, "cover", **networks, name="gpu fp16")


def test_a_network_that_does_right_is_what_it_was() -> None:
    plain = network_of(means)
    watched = guarded(lambda: plain, "gpu fp16")
    assert watched._replace(run=plain.run) == plain
    batch = BATCH + np.arange(4, dtype=np.uint8)[:, None, None, None]
    assert watched.run(batch).tolist() == [0.0, 0.5, 1.0, 1.5]
    assert not daemons.GIVEN_UP.is_set()


FAULTS = [
    (RuntimeError("CUDA error: no kernel\nCompile with"), "RuntimeError: CUDA error: no kernel"),
    (AssertionError(), "AssertionError: "),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB. GPU 0 has ..."),
        "too little free memory on the GPU (end what else runs on it)",
    ),
]


@pytest.mark.parametrize(("fault", "message"), FAULTS)
def test_an_exception_becomes_one_line(fault: Exception, message: str) -> None:
    def fails(*_: object) -> Any:
        raise fault

    with pytest.raises(NetworkError) as raised:
        guarded(fails, "gpu fp16")
    assert str(raised.value) == f"gpu fp16: {message}"
    assert raised.value.__cause__ is fault
    network = guarded(lambda: network_of(fails), "gpu fp16")
    with pytest.raises(NetworkError) as raised:
        network.run(BATCH)
    assert str(raised.value) == f"gpu fp16: {message}"
    assert daemons.GIVEN_UP.is_set()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_a_fault(value: float) -> None:
    network = guarded(lambda: network_of(lambda batch: means(batch) + np.float32(value)), "gpu")
    with pytest.raises(NetworkError) as raised:
        network.run(BATCH)
    assert str(raised.value) == "gpu: a crop's score is not a finite number"


def test_what_hangs_is_not_waited_for(
    never: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trust, "COMPILE_SECONDS", 0.25)
    monkeypatch.setattr(trust, "BATCH_SECONDS", 0.5)

    def hangs(*_: object) -> Any:
        never.wait()

    with pytest.raises(NetworkError, match=r"^gpu: no answer within 0\.25 s$"):
        guarded(hangs, "gpu")
    network = guarded(lambda: network_of(hangs), "gpu")
    with pytest.raises(NetworkError, match=r"^gpu: no answer within 0\.5 s$"):
        network.run(BATCH)


def test_after_a_fault_nothing_more_is_asked() -> None:
    calls = []

    def fails(batch: NDArray[Any]) -> NDArray[np.float32]:
        calls.append(len(batch))
        raise RuntimeError("once")

    network = guarded(lambda: network_of(fails), "gpu")
    for _ in range(3):
        with pytest.raises(NetworkError, match=r"^gpu: RuntimeError: once$"):
            network.run(BATCH)
    assert calls == [4]


@pytest.mark.parametrize("batch", [1, 4, 7, 64])
def test_a_network_that_agrees_is_told(items: list[Picture], tmp_path: Path, batch: int) -> None:
    near = network_of(lambda pixels: means(pixels) + np.float32(0.64), batch)
    assert compared(items, tmp_path, near) == (
        "gpu fp16 agrees with cpu fp32 on 19 crops of 3 of these images: largest error 0.005, "
        "allowed 0.01"
    )


def test_a_network_that_differs_is_told(items: list[Picture], tmp_path: Path) -> None:
    far = network_of(lambda pixels: means(pixels) - np.float32(1.92))
    with pytest.raises(NetworkError) as raised:
        compared(items, tmp_path, far)
    assert str(raised.value) == (
        "gpu fp16 differs from cpu fp32 by 0.015 on 19 crops of 3 of these images, more than 0.01"
    )


@pytest.mark.parametrize("fault", ["stale", "next", "short", "row"])
def test_faults_of_some_batches_or_places_are_seen(
    items: list[Picture], tmp_path: Path, fault: str
) -> None:
    """As when pixels of another batch are scored, or only some of the rows are right."""
    before: list[NDArray[np.float32]] = []

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        right = means(pixels)
        before.append(right)
        if fault == "stale":
            return before[0]
        if fault == "next":
            return np.roll(right, 1)
        if fault == "short":
            return right[:-1]
        right[-1] = 0
        return right

    with pytest.raises(NetworkError, match="differs from cpu fp32 by "):
        compared(items, tmp_path, network_of(run, 64, 1))


def test_each_thread_gets_two_full_batches(items: list[Picture], tmp_path: Path) -> None:
    filled: list[int] = []

    def run(pixels: NDArray[Any]) -> NDArray[np.float32]:
        filled.append(int(pixels.any(axis=(1, 2, 3)).sum()))
        return means(pixels)

    compared(items, tmp_path, network_of(run, 64, 2))
    assert sorted(filled, reverse=True)[:4] == [64] * 4


def test_an_exact_network_without_a_number_is_no_agreement(
    items: list[Picture], tmp_path: Path
) -> None:
    exact = EXACT._replace(run=lambda pixels: means(pixels) * np.float32(math.nan))
    with pytest.raises(NetworkError, match="by nan"):
        compared(items, tmp_path, network_of(means), exact)


def test_a_fault_of_the_exact_network_is_a_bug(items: list[Picture], tmp_path: Path) -> None:
    def fails(_: object) -> NDArray[np.float32]:
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        compared(items, tmp_path, network_of(means), EXACT._replace(run=fails))


def test_a_file_that_changed_is_no_fault_of_the_network(
    items: list[Picture], tmp_path: Path
) -> None:
    png.write(tmp_path / "1.png", blobs(512, 512, 9))
    with pytest.raises(UserError, match="has changed since it was listed"):
        compared(items, tmp_path, network_of(means))


def test_crops_come_from_the_middle_of_some_images(
    items: list[Picture], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampled = trust.sample(items, tmp_path, "cover")
    by_hash = sorted(items, key=lambda item: item.pixels)
    assert [len(each) for each in sampled] == [
        min(crops.count("cover", item.width, item.height), trust.CROPS) for item in by_hash
    ]
    place = by_hash.index(items[2])
    every, _ = crops.prepare(blobs(600, 1000, 2), "cover", seed=items[2].pixels)
    assert sampled[place].tolist() == every[3:12].tolist()
    monkeypatch.setattr(trust, "IMAGES", 2)
    fewer = trust.sample(items[::-1], tmp_path, "cover")
    assert [each.tolist() for each in fewer] == [each.tolist() for each in sampled[:2]]
    assert pictures.downscaled.cache_info().currsize == 0


def test_every_precision_has_a_tolerance() -> None:
    wanted = {each for precisions in backends.PRECISIONS.values() for each in precisions}
    assert set(trust.TOLERANCES) == wanted
    assert trust.TOLERANCES["fp32"] < trust.TOLERANCES["fp16"] < trust.TOLERANCES["bf16"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", backends.PRECISIONS["cuda"])
def test_a_gpu_agrees(network: Network, photographs: Path, precision: str) -> None:
    paths = sorted(photographs.glob("*/*.jpg"))
    names = [path.relative_to(photographs).as_posix() for path in paths]
    rows = [pictures.whole(item(photographs, name)) for name in names]
    name = f"cuda {precision}"
    builtin = checkpoints.find("builtin", REPOSITORY / "data/weights")
    on_gpu = guarded(lambda: backends.network_on("cuda", precision, builtin), name)
    for policy in ("cover", "pyiqa"):
        networks = {"network": ready(on_gpu), "exact": ready(network)}
        message = compare(rows, photographs, policy, **networks, name=name)
        assert message.startswith(f"{name} agrees with cpu fp32 on ")
