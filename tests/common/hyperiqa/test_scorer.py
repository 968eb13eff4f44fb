"""The scoring engine: an image's score is its own, whatever is scored beside it and however."""

import math
import multiprocessing
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from stages.common.errors import UserError
from stages.common.files import changed
from stages.common.hyperiqa import crops, scorer, sizes
from stages.common.hyperiqa.backends import Network
from stages.common.pixels import pictures, png
from stages.common.pixels.images import decode, resize
from stages.common.pixels.pictures import Picture
from tests.conftest import blobs, item

COVER = "cover"


def picture(folder: Path, path: str) -> Picture:
    """A whole image file."""
    return pictures.whole(item(folder, path))


@pytest.fixture(scope="module")
def folder(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two photographs and pictures of all sizes: of one crop, smaller than a crop, of 90 crops."""
    folder = tmp_path_factory.mktemp("to score")
    for path in ("landscape/life.jpg", "objects/wine.jpg"):
        (folder / Path(path).name).write_bytes((photographs / path).read_bytes())
    sizes = {"crop": (224, 224), "tile": (256, 256), "small": (100, 150), "wide": (230, 3000)}
    for seed, (name, (height, width)) in enumerate(sizes.items()):
        png.write(folder / f"{name}.png", blobs(height, width, seed))
    return folder


@pytest.fixture(scope="module")
def items(folder: Path) -> list[Picture]:
    return [picture(folder, path.name) for path in sorted(folder.iterdir())]


def scores(
    items: list[Picture],
    folder: Path,
    network: Network,
    policy: str = COVER,
) -> dict[str, float]:
    """Scores by hash; each image must come once."""
    compiled: Future[Network] = Future()
    compiled.set_result(network)
    listed = list(scorer.score(items, folder, policy=policy, network=compiled))
    assert len(listed) == len(items)
    return dict(listed)


@pytest.fixture(scope="module")
def expected(items: list[Picture], folder: Path, network: Network) -> dict[str, float]:
    """The scores of all of them, from one call."""
    return scores(items, folder, network)


def test_a_score_is_the_weighted_mean_of_the_crops_scores(
    items: list[Picture], folder: Path, network: Network, expected: dict[str, float]
) -> None:
    for one in items:
        if one.path == "wide.png":
            continue  # many crops, nothing new
        pixels = decode((folder / one.path).read_bytes())
        cropped, weights = crops.prepare(pixels, COVER, seed=one.pixels)
        values = []
        for crop in cropped:  # each crop in a batch that holds nothing else
            batch = np.zeros((network.batch, *crop.shape), crop.dtype)
            batch[0] = crop
            values.append(network.run(batch)[0])
        mean = math.fsum(float(v) * float(w) for v, w in zip(values, weights, strict=True))
        assert abs(expected[one.pixels] - mean) < 1e-9
    assert len({round(score, 4) for score in expected.values()}) == len(items)


def test_order_changes_no_bit(
    items: list[Picture], folder: Path, network: Network, expected: dict[str, float]
) -> None:
    assert scores(items[::-1], folder, network) == expected
    assert scores(items[2:] + items[:2], folder, network) == expected


def test_company_changes_no_bit(
    items: list[Picture], folder: Path, network: Network, expected: dict[str, float]
) -> None:
    alone: dict[str, float] = {}
    for one in items:
        alone |= scores([one], folder, network)
    assert alone == expected


@pytest.mark.parametrize("part", [1, 7])
def test_a_large_image_in_parts_has_the_same_score(
    items: list[Picture],
    folder: Path,
    network: Network,
    expected: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
    part: int,
) -> None:
    assert max(crops.count(COVER, one.width, one.height) for one in items) > 7
    monkeypatch.setattr(scorer, "PART", part)
    assert scores(items, folder, network) == expected


def test_workers_change_no_bit(
    items: list[Picture],
    folder: Path,
    network: Network,
    expected: dict[str, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", "2")
    assert scores(items, folder, network) == expected


@pytest.mark.parametrize("policy", sorted(crops.POLICIES))
def test_every_policy_scores_every_size_the_same_alone(
    items: list[Picture], folder: Path, network: Network, policy: str
) -> None:
    some = [one for one in items if one.path in ("small.png", "crop.png", "wine.jpg")]
    together = scores(some, folder, network, policy)
    assert scores(some[:1], folder, network, policy) == {some[0].pixels: together[some[0].pixels]}
    assert all(math.isfinite(score) for score in together.values())


@pytest.mark.parametrize("count", ["0", "2"])
@pytest.mark.parametrize("policy", ["cover", "pyiqa", "random"])
def test_a_size_scores_the_picture_downscaled(
    items: list[Picture],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    count: str,
) -> None:
    """The wide one, 13 times as wide as high, has more crops than a slot holds."""
    monkeypatch.setenv("SRSET_WORKERS", count)
    network, _ = counting(4, 2)
    wanted = [sizes.looked_at(one, 228) for one in items]
    found = scores(wanted, folder, network, policy)
    assert len(list(scorer.parts(wanted, policy, slots=3))) <= len(items) + 1
    for one in wanted:
        pixels = decode((folder / one.path).read_bytes())
        if one.scaled is not None:
            pixels = resize(pixels, *one.scaled, Image.Resampling.LANCZOS)
        cropped, weights = crops.prepare(pixels, policy, seed=one.pixels)
        means = cropped.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
        mean = math.fsum(float(m) * float(w) for m, w in zip(means, weights, strict=True))
        assert abs(found[one.pixels] - mean) < 1e-9


def counting(batch: int, threads: int) -> tuple[Network, list[int]]:
    """A network that gives a crop's mean, and notes how many crops it was given each time."""
    given_crops: list[int] = []

    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        given_crops.append(len(pixels))
        return pixels.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)

    return Network(run, batch, threads, "fp32"), given_crops


@given(st.integers(1, 9), st.integers(1, 3))
def test_batches_of_any_size_and_any_number_of_threads(
    items: list[Picture], folder: Path, batch: int, threads: int
) -> None:
    """Here with arithmetic in the network's place, so that the right answer is known exactly."""
    small = [one for one in items if one.path in ("crop.png", "tile.png", "wine.jpg")]
    network, given_crops = counting(batch, threads)
    seen = scores(small, folder, network)
    total = 0
    for one in small:
        pixels = decode((folder / one.path).read_bytes())
        cropped, weights = crops.prepare(pixels, COVER, seed=one.pixels)
        means = cropped.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
        mean = math.fsum(float(m) * float(w) for m, w in zip(means, weights, strict=True))
        assert abs(seen[one.pixels] - mean) < 1e-9
        total += len(cropped)
    assert given_crops == [batch] * math.ceil(total / batch)


def test_a_failing_network_is_not_passed_over(items: list[Picture], folder: Path) -> None:
    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise RuntimeError("no more memory on the device")

    with pytest.raises(RuntimeError, match="no more memory on the device"):
        scores(items, folder, Network(run, 4, 2, "fp32"))


def test_a_failing_network_ends_the_workers(
    items: list[Picture], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        raise RuntimeError("no more memory on the device")

    monkeypatch.setenv("SRSET_WORKERS", "2")
    with pytest.raises(RuntimeError) as raised:  # which keeps the frames, and what they hold
        scores(items, folder, Network(run, 4, 2, "fp32"))
    assert raised.traceback
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("count", ["0", "2"])
def test_a_file_that_changed_since_is_refused(
    folder: Path, tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    monkeypatch.setenv("SRSET_WORKERS", count)
    png.write(tmp_path / "a.png", blobs(224, 224, 1))
    listed = picture(tmp_path, "a.png")
    png.write(tmp_path / "a.png", blobs(224, 224, 2))
    with pytest.raises(UserError) as raised:
        scores([listed], tmp_path, network)
    assert str(raised.value) == changed([tmp_path / "a.png"])


def test_a_file_that_is_gone_is_refused(tmp_path: Path, network: Network) -> None:
    png.write(tmp_path / "a.png", blobs(224, 224, 1))
    listed = picture(tmp_path, "a.png")
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError) as raised:
        scores([listed], tmp_path, network)
    assert str(raised.value).startswith(f"{tmp_path / 'a.png'} can't be read any more (")


def test_parts_share_out_every_crop_once(items: list[Picture]) -> None:
    shared = list(scorer.parts(items, COVER, slots=3))
    assert [part.slot for part in shared] == [i % 3 for i in range(len(shared))]
    for one in items:
        mine = [(part.first, part.last) for part in shared if part.picture == one]
        assert [first for first, _ in mine] == [0, *(last for _, last in mine[:-1])]
        assert mine[-1][1] == crops.count(COVER, one.width, one.height)
        assert all(0 < last - first <= scorer.PART for first, last in mine)


def test_slots_are_gone_afterwards() -> None:
    with scorer.shared_slots(2) as path:
        slots = scorer.opened_slots(path)
        assert slots.shape == (2, scorer.PART, crops.CROP, crops.CROP, 3)
        slots[1] = 7
        assert scorer.opened_slots(path)[1].min() == 7
        del slots
    assert not Path(path).exists()
