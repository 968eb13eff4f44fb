"""Embedder: copies have nearly the same embedding, others do not; no row depends on its batch."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages.common.errors import UserError
from stages.common.hyperiqa.weights import Weights
from stages.common.near import embedder, search
from stages.common.near.alike import NEAR, NUMBERS, Look
from stages.common.near.embedder import Embedder, Whitening, code, embedded, squeezed
from stages.common.near.features import waves
from stages.common.pixels.images import Pixels, decode
from tests.conftest import REPOSITORY, encoded


def embeddings(pictures: list[Pixels], by: Embedder) -> list[bytes]:
    return [each for _, each in embedded(((None, squeezed(p)) for p in pictures), by)]


def distances(some: list[bytes], others: list[bytes]) -> np.ndarray:
    here, there = (
        search.vectors([Look("0" * 64, each.hex()) for each in codes]) for codes in (some, others)
    )
    return search.distances(here, there)


def scaled(pixels: Pixels, factor: float) -> Pixels:
    height, width, _ = pixels.shape
    size = round(width * factor), round(height * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))


def edited(pixels: Pixels) -> dict[str, Pixels]:
    """Copies of a photograph."""
    height, width, _ = pixels.shape
    down, right = height // 20, width // 20
    cropped = pixels[down : height - down, right : width - right]
    half = scaled(cropped[:, ::-1].copy(), 0.5)
    return {
        "mirrored": pixels[:, ::-1].copy(),
        "cropped": cropped.copy(),
        "brighter": np.clip(pixels * 1.2, 0, 255).astype(np.uint8),
        "all at once": decode(encoded(half, "JPEG", quality=60)),
    }


def test_copies_are_near_and_others_are_not(
    sample_pixels: list[Pixels], compiled_embedder: Embedder
) -> None:
    first = embeddings(sample_pixels, compiled_embedder)
    apart = distances(first, first)
    assert apart[~np.eye(len(first), dtype=bool)].min() > NEAR.distance
    for place, pixels in enumerate(sample_pixels[:3]):
        copies = edited(pixels)
        found = distances(embeddings(list(copies.values()), compiled_embedder), first)
        for what, row in zip(copies, found, strict=True):
            assert row[place] <= NEAR.distance < np.delete(row, place).min(), what


def test_a_mirrored_copy_has_the_same_embedding_up_to_rounding(
    sample_pixels: list[Pixels], compiled_embedder: Embedder
) -> None:
    one, other = embeddings([sample_pixels[0], sample_pixels[0][:, ::-1]], compiled_embedder)
    difference = np.frombuffer(one, np.int8).astype(int) - np.frombuffer(other, np.int8)
    assert np.abs(difference).max() <= 2


def test_an_embedding_is_the_same_alone_and_in_any_batch(
    sample_pixels: list[Pixels], compiled_embedder: Embedder
) -> None:
    together = embeddings(sample_pixels * 2, compiled_embedder)
    assert together[:6] == together[6:]
    assert together == embeddings((sample_pixels * 2)[::-1], compiled_embedder)[::-1]
    assert together[:6] == [embeddings([p], compiled_embedder)[0] for p in sample_pixels]
    assert embeddings([], compiled_embedder) == []


def test_an_embedding_is_whole_bytes_the_largest_of_which_is_127(
    sample_pixels: list[Pixels], compiled_embedder: Embedder
) -> None:
    for each in embeddings([*sample_pixels, np.zeros((9, 9, 3), np.uint8)], compiled_embedder):
        numbers = np.frombuffer(each, np.int8)
        assert (len(numbers), np.abs(numbers.astype(int)).max()) == (NUMBERS, 127)


def test_code_is_the_direction_alone() -> None:
    rng = np.random.default_rng(0)
    whitening = Whitening(rng.normal(size=9), rng.normal(size=(NUMBERS, 9)))
    features = rng.normal(size=9).astype(np.float32)
    further = (whitening.mean + 3 * (features - whitening.mean)).astype(np.float32)
    assert code(features, whitening) == code(further, whitening)
    assert code(whitening.mean.astype(np.float32), Whitening(np.zeros(9), np.zeros((NUMBERS, 9))))


def test_the_network_is_that_of_the_built_in_scorer(
    builtin: Weights, sample_pixels: list[Pixels], compiled_embedder: Embedder
) -> None:
    """What it sees of a picture, computed by PyTorch without any rewriting."""
    pictures = torch.from_numpy(np.stack([squeezed(pixels) for pixels in sample_pixels[:4]]))
    small = torch.nn.functional.avg_pool2d(pictures.permute(0, 3, 1, 2).float(), 2)
    soft = torch.nn.functional.interpolate(small, scale_factor=2, mode="bilinear")
    versions = [pictures, pictures.flip(2)]
    versions += [soft.permute(0, 2, 3, 1), soft.flip(3).permute(0, 2, 3, 1)]
    with torch.no_grad():
        seen = [builtin.network.maps(version)[2:] for version in versions]
    maps = [torch.stack(each).mean(0) for each in zip(*seen, strict=True)]
    ours = compiled_embedder.network.run(pictures.numpy()).reshape(4, 6, 432)
    means = torch.cat([m.mean(dim=(2, 3)) for m in maps], 1)
    np.testing.assert_allclose(ours[:, 0], means.numpy(), rtol=1e-3, atol=1e-4)
    lowest = torch.cos(torch.pi * (torch.arange(14) + 0.5) / 14)
    fall = (maps[0] * lowest[:, None]).mean(dim=(2, 3))  # from top to bottom
    np.testing.assert_allclose(ours[:, 2, :112], fall.numpy(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("side", [7, 14])
def test_waves_do_not_know_left_from_right(side: int) -> None:
    found = waves(side)
    torch.testing.assert_close(found, found.flip(2))
    torch.testing.assert_close(found[0], torch.full((side, side), 1 / side**2))
    torch.testing.assert_close(found[1:].sum(dim=(1, 2)), torch.zeros(5), atol=1e-6, rtol=0)


def test_a_fingerprint_names_weights_whitening_and_engine() -> None:
    found = embedder.fingerprint(REPOSITORY / "data" / "weights").split()
    assert found[0] == "embedding"
    assert [len(word) for word in found[1:3]] == [64, 64]
    assert found[3] == "openvino"


def test_a_folder_without_the_whitening_is_told(tmp_path: Path) -> None:
    (tmp_path / "builtin.safetensors").symlink_to(REPOSITORY / "data/weights/builtin.safetensors")
    with pytest.raises(UserError) as raised:
        embedder.fingerprint(tmp_path)
    path = tmp_path / "embedding.safetensors"
    assert str(raised.value) == (
        f"{path}: no such file; run `git checkout -- {path}`: it is part of this repository"
    )


def test_the_whitening_is_small() -> None:
    """It is kept in git."""
    path = REPOSITORY / "data" / "weights" / embedder.WHITENING
    assert path.stat().st_size < 1_000_000


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 900, 3), (224, 224, 3)])
def test_any_shape_is_squeezed(shape: tuple[int, int, int]) -> None:
    assert squeezed(np.full(shape, 7, np.uint8)).tolist() == np.full((224, 224, 3), 7).tolist()
