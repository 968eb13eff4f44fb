"""The network against the same network written a second time, as plain functions, in float64."""

import copy
import math
from collections.abc import Iterator

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stages.common.hyperiqa.backbones import ConvNorm
from stages.common.hyperiqa.backends import openvino_network
from stages.common.hyperiqa.cpu import POINTS, CpuBackbone, RowWinograd, winograd
from stages.common.hyperiqa.network import GRIDS, HyperIQA, LocalDistortion, fold, target_network
from stages.common.hyperiqa.weights import names_in

State = dict[str, Tensor]
BACKBONES = ["resnet50", "efficientnet_lite0"]
ROUNDING = 3e-5  # of float32 through 50 layers: 3e-6 seen, with scores of about 1


def crops(count: int) -> Tensor:
    """Crops (count, 224, 224, 3) uint8 with structure at all scales, each of another contrast."""
    random = torch.Generator().manual_seed(count)
    layers = [
        F.interpolate(torch.randn(count, 3, n, n, generator=random), 224, mode="bilinear")
        for n in (4, 14, 56, 224)
    ]
    contrast = torch.linspace(5, 50, count)[:, None, None, None]
    pixels = 128 + contrast * torch.stack(layers).sum(0)
    return pixels.clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def trained(backbone: str) -> HyperIQA:
    """Random weights whose BatchNorm layers have seen pictures, so that no layer's output dies."""
    torch.manual_seed(3)
    network = HyperIQA(backbone)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    with torch.no_grad():
        network.train()(crops(4))
    return network.eval().requires_grad_(False)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other take minutes where other programs use the cores too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=BACKBONES)
def network(request: pytest.FixtureRequest) -> HyperIQA:
    return trained(request.param)


# The second network. Layers are called by their names in the state; `norm` is a layer's BatchNorm.


def norm(x: Tensor, state: State, name: str, eps: float) -> Tensor:
    mean, var, weight, bias = (
        state[f"{name}.{leaf}"][:, None, None]
        for leaf in ("running_mean", "running_var", "weight", "bias")
    )
    return (x - mean) / (var + eps).sqrt() * weight + bias


def resnet50(x: Tensor, state: State) -> list[Tensor]:
    """He et al., table 1, with the stride in the 3x3 convolution; names of the original."""

    def layer(x: Tensor, conv: str, bn: str, stride: int = 1, padding: int = 0) -> Tensor:
        x = F.conv2d(x, state[f"{conv}.weight"], stride=stride, padding=padding)
        return norm(x, state, bn, 1e-5)

    x = layer(x, "res.conv1", "res.bn1", 2, 3).relu()
    x = F.max_pool2d(F.pad(x, (1, 1, 1, 1), value=-math.inf), 3, 2)
    maps = []
    for stage in (1, 2, 3, 4):
        block = 0
        while f"res.layer{stage}.{block}.conv1.weight" in state:
            at = f"res.layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = layer(x, f"{at}.conv1", f"{at}.bn1").relu()
            y = layer(y, f"{at}.conv2", f"{at}.bn2", stride, 1).relu()
            y = layer(y, f"{at}.conv3", f"{at}.bn3")
            if block == 0:
                x = layer(x, f"{at}.downsample.0", f"{at}.downsample.1", stride)
            x = (x + y).relu()
            block += 1
        maps.append(x)
    return maps


def same_padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's rule for "same": ceil(n / stride) outputs, the odd pixel of padding last."""
    n = x.shape[-1]
    total = max((math.ceil(n / stride) - 1) * stride + kernel - n, 0)
    return F.pad(x, (total // 2, total - total // 2) * 2)


def efficientnet_lite0(x: Tensor, state: State) -> list[Tensor]:
    """Tan & Le's B0 without squeeze-excitation, ReLU6 for swish; our own names."""

    def layer(x: Tensor, name: str, stride: int = 1) -> Tensor:
        weight = state[f"{name}.conv.weight"]
        x = same_padded(x, weight.shape[-1], stride)
        x = F.conv2d(x, weight, stride=stride, groups=x.shape[1] // weight.shape[1])
        return norm(x, state, f"{name}.norm", 1e-3)

    x = layer(x, "backbone.stem", 2).clamp(0, 6)
    maps = []
    for i in range(16):
        at = f"backbone.blocks.{i}"
        y = x
        if i > 0:
            y = layer(y, f"{at}.expand").clamp(0, 6)
        y = layer(y, f"{at}.depthwise", 2 if i in {1, 3, 5, 11} else 1).clamp(0, 6)
        y = layer(y, f"{at}.project")
        x = x + y if i in {2, 4, 6, 7, 9, 10, 12, 13, 14} else y
        if i in {2, 4, 10, 15}:
            maps.append(x)
    return maps


def reference(crop: Tensor, network: HyperIQA, backbone: str) -> float:
    """Score of one crop (224, 224, 3), by the table of operations in the paper's supplement."""
    state = {name: tensor.double() for name, tensor in network.state_dict().items()}
    image = crop.double().permute(2, 0, 1)[None]
    if backbone == "resnet50":
        mean, std = (
            torch.tensor(x).double()[:, None, None]
            for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
        original = {theirs: state[ours] for ours, theirs in names_in("original", state).items()}
        maps = resnet50((image / 255 - mean) / std, original)
    else:
        maps = efficientnet_lite0((image - 127) / 128, state)

    parts = []
    for i, x in enumerate(maps):
        # In the paper's order: first fewer channels, then averages over 7 x 7.
        y = F.conv2d(x, state[f"distortion.{i}.reduce.weight"]) if i < 3 else x
        cells = y[0].unfold(1, 7, 7).unfold(2, 7, 7).mean(dim=(3, 4)).flatten()
        weight, bias = (state[f"distortion.{i}.linear.{leaf}"] for leaf in ("weight", "bias"))
        parts.append(weight @ cells + bias)
    q = torch.cat(parts)

    h, i = maps[3], 0
    while f"hyper.{i}.weight" in state:
        h = F.conv2d(h, state[f"hyper.{i}.weight"], state[f"hyper.{i}.bias"]).relu()
        i += 2
    pooled = h[0].mean(dim=(1, 2))
    for i, width in enumerate((112, 56, 28, 14)):
        weights = F.conv2d(h, state[f"weights.{i}.weight"], state[f"weights.{i}.bias"], padding=1)
        bias = state[f"biases.{i}.weight"] @ pooled + state[f"biases.{i}.bias"]
        q = torch.sigmoid(weights.reshape(width, -1) @ q + bias)
    weight = state["last_weight.weight"] @ pooled + state["last_weight.bias"]
    bias = state["biases.4.weight"] @ pooled + state["biases.4.bias"]
    return float(weight @ q + bias)


def name_of(network: HyperIQA) -> str:
    return "resnet50" if hasattr(network.backbone, "stages") else "efficientnet_lite0"


def test_scores_equal_those_of_the_second_network(network: HyperIQA) -> None:
    batch = crops(2)
    expected = [reference(crop, network, name_of(network)) for crop in batch]
    double = copy.deepcopy(network).double()
    assert double(batch).tolist() == pytest.approx(expected, abs=1e-6)  # mean and std are float32
    assert network(batch).tolist() == pytest.approx(expected, abs=ROUNDING)
    assert fold(network)(batch).tolist() == pytest.approx(expected, abs=ROUNDING)
    assert abs(expected[0] - expected[1]) > 1e-3  # else the above would show nothing


def test_folding_is_exact_and_leaves_the_network_alone(network: HyperIQA) -> None:
    before = copy.deepcopy(network.state_dict())
    folded = fold(network)
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert not folded.training
    assert {p.dtype for p in folded.parameters()} == {torch.float32}
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in folded.modules())
    batch = crops(2)
    assert folded(batch).tolist() == pytest.approx(network(batch).tolist(), abs=ROUNDING)


def test_rewritten_for_cpus_it_is_the_same_function(network: HyperIQA) -> None:
    folded = fold(network)
    batch = crops(3)
    exact = copy.deepcopy(folded).double()
    expected = exact(batch).tolist()
    exact.backbone = CpuBackbone(exact.backbone)
    assert exact(batch).tolist() == pytest.approx(expected, abs=1e-9)
    folded.backbone = CpuBackbone(folded.backbone)
    assert folded(batch).tolist() == pytest.approx(expected, abs=ROUNDING)


def test_openvino_gives_the_same_scores(network: HyperIQA) -> None:
    compiled = openvino_network(network)
    batch = crops(compiled.batch)
    assert compiled.run(batch.numpy()).tolist() == pytest.approx(
        network(batch).tolist(), abs=ROUNDING
    )


def test_a_crop_has_the_same_score_alone_and_in_any_batch(network: HyperIQA) -> None:
    folded = fold(network)
    batch = crops(3)
    together = folded(batch)
    assert together.shape == (3,)
    assert folded(batch[:1]).shape == (1,)
    assert folded(batch[:1]).tolist() == pytest.approx(together[:1].tolist(), abs=ROUNDING)
    assert folded(batch.flip(0)).tolist() == pytest.approx(together.flip(0).tolist(), abs=ROUNDING)


def test_whole_levels_are_the_same_in_uint8_and_float(network: HyperIQA) -> None:
    batch = crops(1)
    assert torch.equal(network(batch), network(batch.float()))
    assert not torch.equal(network(batch), network(batch.float() + 0.5))


@pytest.mark.parametrize(
    ("backbone", "tensors", "parameters"),
    [
        # All of them; both figures agree with the authors' code and with pyiqa.
        ("resnet50", 355, 27_375_369),
        # Lite0's 4,652,008 without the head (1280 channels, BatchNorm) and the classifier.
        ("efficientnet_lite0", 288, 4_652_008 - 320 * 1280 - 2 * 1280 - 1280 * 1000 - 1000),
    ],
)
def test_size(backbone: str, tensors: int, parameters: int) -> None:
    network = HyperIQA(backbone)
    part = network if backbone == "resnet50" else network.backbone
    assert len(part.state_dict()) == tensors
    assert sum(p.numel() for p in part.parameters()) == parameters


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_parameter_learns(backbone: str) -> None:
    network = HyperIQA(backbone).train()
    network(crops(2)).sum().backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


@given(st.integers(1, 5))
@settings(max_examples=5, deadline=None)
def test_target_network_rates_each_vector_with_its_own_matrices(count: int) -> None:
    random = torch.Generator().manual_seed(count)
    widths = (224, 112, 56, 28, 14, 1)
    v = torch.randn(count, 224, generator=random)
    shapes = list(zip(widths[1:], widths, strict=False))
    weights = [torch.randn(count, a, b, generator=random) / b**0.5 for a, b in shapes]
    biases = [torch.randn(count, a, generator=random) for a in widths[1:]]
    expected = []
    for k in range(count):
        q = v[k]
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            q = torch.sigmoid(weight[k] @ q + bias[k])
        expected.append(float(weights[-1][k] @ q + biases[-1][k]))
    scores = target_network(v, [weight.flatten(1) for weight in weights], biases)
    assert scores.tolist() == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize(("reduced", "grid"), [(5, 4), (None, 2)])
def test_local_distortion_is_one_linear_layer_of_the_cells(reduced: int | None, grid: int) -> None:
    torch.manual_seed(0)
    module = LocalDistortion(9, reduced, grid=grid, width=6).double()
    x = torch.randn(2, 9, 7 * grid, 7 * grid).double()
    cells = F.avg_pool2d(x, 7).flatten(1)
    assert torch.allclose(module(x), module.as_linear()(cells), atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("side", [8, 56])
def test_same_padding_is_tensorflows(kernel: int, stride: int, side: int) -> None:
    torch.manual_seed(0)
    module = ConvNorm(3, 4, kernel, stride=stride, same=True).eval()
    x = torch.randn(1, 3, side, side)
    plain = F.conv2d(same_padded(x, kernel, stride), module.conv.weight, stride=stride)
    assert module(x).shape[-1] == math.ceil(side / stride)
    assert torch.allclose(module(x) * (1 + 1e-5) ** 0.5, plain, atol=1e-5)


@pytest.mark.parametrize(("outputs", "points"), POINTS.items())
def test_winograds_matrices_correlate(outputs: int, points: tuple[float, ...]) -> None:
    random = torch.Generator().manual_seed(outputs)
    x = torch.randn(outputs + 2, generator=random).double()
    w = torch.randn(3, generator=random).double()
    a, g, b = winograd(outputs, 3, points)
    expected = [float(w @ x[i : i + 3]) for i in range(outputs)]
    assert (a @ ((g @ w) * (b @ x))).tolist() == pytest.approx(expected, abs=1e-12)
    assert torch.allclose(b.float().double(), b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("height", [7 * cells for cells in GRIDS])
@torch.no_grad()
def test_winograds_rounding_is_a_few_times_a_plain_convolutions(height: int) -> None:
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(96, 32, 3, padding=1)
    x = torch.randn(2, 96, height, height).relu()
    exact = F.conv2d(x.double(), conv.weight.double(), conv.bias.double(), padding=1).relu()
    plain, ours = (
        float((y - exact).square().mean().sqrt())
        for y in (conv(x).relu(), RowWinograd(conv, height)(x))
    )
    assert 0 < ours < 10 * plain  # 2.4 times and, on 7 rows, 6 times
