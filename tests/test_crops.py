"""Laws of the crop policies, and their figures for sizes that people meet."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from stages.common.hyperiqa.crops import CROP, POLICIES, count, extract, plan, prepare

SIDES = st.integers(1, 3000)
SEEDS = st.integers(0, 2**256 - 1).map("{:064x}".format)
POLICY = st.sampled_from(sorted(POLICIES))


def noise(width: int, height: int, *, seed: int = 0) -> np.ndarray:
    """A picture (height, width, 3) uint8 of which no two pixels are alike by design."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def axis(policy: str, side: int) -> list[int]:
    """Offsets along a side under a grid policy."""
    return sorted({left for left, _ in plan(policy, side, 5000, seed="").boxes})


@given(POLICY, SIDES, SIDES, SEEDS)
def test_every_plan_counts_its_crops_stays_inside_and_weighs_one(
    policy: str, width: int, height: int, seed: str
) -> None:
    layout = plan(policy, width, height, seed=seed)
    assert len(layout.boxes) == len(layout.weights) == count(policy, width, height)
    assert layout.weights.dtype == np.float32
    assert math.isclose(layout.weights.sum(dtype=np.float64), 1, abs_tol=1e-6)
    assert (layout.weights > 0).all()
    w, h = (math.floor(side * layout.enlarge + 1e-6) for side in layout.squeeze or layout.size)
    assert all(0 <= left <= w - CROP and 0 <= top <= h - CROP for left, top in layout.boxes)


@given(POLICY, SIDES, SIDES, SEEDS)
def test_same_seed_same_crops(policy: str, width: int, height: int, seed: str) -> None:
    a, b = (plan(policy, width, height, seed=seed) for _ in range(2))
    assert (a.boxes, a.weights.tolist()) == (b.boxes, b.weights.tolist())


@given(st.sampled_from(["cover", "pyiqa"]), SIDES, SIDES, SEEDS)
def test_grids_look_at_no_seed_and_have_no_crop_twice(
    policy: str, width: int, height: int, seed: str
) -> None:
    boxes = plan(policy, width, height, seed=seed).boxes
    assert boxes == plan(policy, width, height, seed="").boxes
    assert len(set(boxes)) == len(boxes)


@given(st.integers(CROP, 20_000))
def test_cover_reaches_every_pixel_with_the_fewest_crops(side: int) -> None:
    offsets = axis("cover", side)
    assert offsets[0] == 0
    assert offsets[-1] == side - CROP
    assert all(b - a <= CROP for a, b in pairwise(offsets))
    assert (len(offsets) - 1) * CROP < side


@pytest.mark.parametrize(
    ("side", "offsets"),
    [
        (224, [0]),
        (225, [0, 1]),
        (448, [0, 224]),
        (500, [0, 138, 276]),
        (512, [0, 144, 288]),
        (1024, [0, 200, 400, 600, 800]),
    ],
)
def test_cover_at_common_sides(side: int, offsets: list[int]) -> None:
    assert axis("cover", side) == offsets
    assert count("cover", side, side) == len(offsets) ** 2


@given(st.integers(CROP + 1, 20_000), st.integers(CROP + 1, 20_000))
def test_pyiqa_is_a_five_by_five_grid_of_floored_fifths(width: int, height: int) -> None:
    layout = plan("pyiqa", width, height, seed="")
    grid = [
        (i * ((width - CROP) // 5), j * ((height - CROP) // 5)) for j in range(5) for i in range(5)
    ]
    assert list(layout.boxes) == list(dict.fromkeys(grid))
    assert layout.weights.tolist() == pytest.approx([grid.count(box) / 25 for box in layout.boxes])
    assert (layout.enlarge, layout.dtype) == (1, np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "crops"),
    [(225, 225, 1), (228, 228, 1), (229, 229, 25), (225, 300, 5), (224, 224, 1), (224, 500, 5)],
)
def test_pyiqa_scores_a_repeated_crop_once(width: int, height: int, crops: int) -> None:
    assert count("pyiqa", width, height) == crops


def test_pyiqa_keeps_the_rounding_of_its_enlargement() -> None:
    """Of the sides 1..224, 16 come out at 224 instead of 225 (notes on the peer's behaviour)."""
    short = [n for n in range(1, 225) if math.floor(n * (225 / n)) == 224]
    assert short[:5] == [21, 42, 84, 95, 109]
    assert len(short) == 16
    assert all(count("pyiqa", n, n) == 1 for n in range(1, 225))


@given(st.sampled_from(["random", "original"]), SEEDS)
@settings(max_examples=20)
def test_draws_differ_between_seeds_and_spread_over_the_picture(policy: str, seed: str) -> None:
    boxes = plan(policy, 4000, 3000, seed=seed).boxes
    assert boxes != plan(policy, 4000, 3000, seed=seed[::-1] + "0").boxes
    assert len(set(boxes)) > 1


def test_draws_are_uniform() -> None:
    """1,000 seeds x 25 crops over 4 x 4 positions: each within 5 standard deviations."""
    boxes = [box for i in range(1000) for box in plan("random", 227, 227, seed=f"{i:x}").boxes]
    counts = [boxes.count((left, top)) for top in range(4) for left in range(4)]
    assert sum(counts) == 25_000
    expected, deviation = 25_000 / 16, math.sqrt(25_000 * 15) / 16
    assert all(abs(n - expected) < 5 * deviation for n in counts)


def test_known_draws() -> None:
    """Stored scores depend on these: a change of them needs a new version in `POLICIES`."""
    assert POLICIES["random"] == POLICIES["original"] == 1
    assert plan("random", 1024, 768, seed="ab").boxes[:3] == ((605, 273), (643, 222), (151, 504))
    assert plan("original", 1024, 768, seed="ab").boxes[:3] == ((54, 133), (60, 60), (141, 80))


@given(POLICY, st.integers(1, 700), st.integers(1, 700), st.integers(0, 30), st.integers(0, 30))
@settings(max_examples=40, deadline=None)
def test_any_part_equals_the_same_part_of_the_whole(
    policy: str, width: int, height: int, first: int, length: int
) -> None:
    image = noise(width, height)
    layout = plan(policy, width, height, seed="5e")
    part = extract(image, layout, first=first, last=first + length)
    whole, weights = prepare(image, policy, seed="5e")
    assert whole.shape == (len(layout.boxes), CROP, CROP, 3)
    assert whole.dtype == part.dtype == layout.dtype
    assert np.array_equal(part, whole[first : first + length])
    assert np.array_equal(weights, layout.weights)


@pytest.mark.parametrize("policy", ["cover", "pyiqa", "random"])
def test_crops_are_the_pixels_under_their_boxes(policy: str) -> None:
    image = noise(500, 300)
    crops, _ = prepare(image, policy, seed="1")
    boxes = plan(policy, 500, 300, seed="1").boxes
    for crop, (left, top) in zip(crops, boxes, strict=True):
        assert np.array_equal(crop, image[top : top + CROP, left : left + CROP])


def test_original_crops_come_from_384_by_512_px() -> None:
    image = noise(1200, 500)
    small = np.asarray(Image.fromarray(image).resize((384, 512), Image.Resampling.BILINEAR))
    crops, weights = prepare(image, "original", seed="1")
    boxes = plan("original", 1200, 500, seed="1").boxes
    assert weights.tolist() == pytest.approx([0.1] * 10)
    for crop, (left, top) in zip(crops, boxes, strict=True):
        assert np.array_equal(crop, small[top : top + CROP, left : left + CROP])


@pytest.mark.parametrize(
    ("width", "height"), [(224, 224), (224, 500), (300, 200), (100, 80), (1, 1)]
)
def test_pyiqa_enlarges_as_pytorch_interpolates(width: int, height: int) -> None:
    """It is what the peer calls; the tolerance, in levels, is for its float32 coordinates."""
    torch = pytest.importorskip("torch")
    image = noise(width, height)
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    whole = torch.nn.functional.interpolate(
        pixels, scale_factor=225 / min(width, height), mode="bilinear"
    )
    crops, _ = prepare(image, "pyiqa", seed="")
    boxes = plan("pyiqa", width, height, seed="").boxes
    assert crops.dtype == np.float32
    for crop, (left, top) in zip(crops, boxes, strict=True):
        expected = whole[0, :, top : top + CROP, left : left + CROP].permute(1, 2, 0).numpy()
        assert expected.shape == crop.shape
        assert np.abs(crop - expected).max() < 0.01


@pytest.mark.parametrize("policy", ["cover", "random"])
def test_a_small_picture_is_enlarged_to_224_in_whole_levels(policy: str) -> None:
    image = noise(112, 300)
    layout = plan(policy, 112, 300, seed="1")
    assert (layout.enlarge, layout.dtype) == (2, np.uint8)
    assert {left for left, _ in layout.boxes} == {0}
    assert max(top for _, top in layout.boxes) <= 600 - CROP
    crop = extract(image, layout)[0]
    # At factor 2 each enlarged pixel is 9/16, 3/16, 3/16 and 1/16 of its four neighbours.
    top = layout.boxes[0][1] // 2 * 2
    k = top // 2 + 5
    a = image[k : k + 2, 7:9].astype(float)
    mixed = (9 * a[0, 0] + 3 * a[0, 1] + 3 * a[1, 0] + a[1, 1]) / 16
    assert np.abs(crop[2 * k + 1 - layout.boxes[0][1], 15] - mixed).max() <= 0.5


@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_a_flat_picture_stays_flat(policy: str) -> None:
    for size in [(1, 1), (100, 80), (640, 480)]:
        crops, _ = prepare(np.full((size[1], size[0], 3), (1, 128, 255), np.uint8), policy, seed="")
        assert np.abs(crops - np.array([1, 128, 255])).max() < 1e-4


def test_a_thin_picture_needs_no_canvas_in_memory() -> None:
    """30,000 x 2 px enlarge to 3.4 million columns; one crop of it costs one crop."""
    image = noise(30_000, 2)
    n = count("cover", 30_000, 2)
    assert n == 30_000 // 2
    layout = plan("cover", 30_000, 2, seed="")
    assert extract(image, layout, first=n - 1).shape == (1, CROP, CROP, 3)


def test_an_unknown_policy_or_another_size_is_a_bug() -> None:
    with pytest.raises(AssertionError):
        extract(noise(300, 400), plan("cover", 400, 300, seed=""))
    with pytest.raises(AssertionError):
        plan("cove", 400, 300, seed="")
    with pytest.raises(AssertionError):
        count("cove", 400, 300)
