"""Write a trained network as ONNX, and compare it with torch.

Takes:  the network; a folder with a picture.
Leaves: the network as ONNX: `luma` (n, 1, h, w) in 0..1 to `enlarged` (n, 1, scale h, scale w).
Rule:   the graph is written by hand, the same bytes with every version of torch. It is left only
        where OpenVINO enlarges the folder's first picture as torch does, to 1e-4 of 0..1.
Source: ONNX 1.23.2, operators of opset 18.
"""

from pathlib import Path

import numpy as np
import openvino
import torch
from numpy.typing import NDArray
from torch import nn

from stages.common import files
from stages.common.cli import run
from stages.common.errors import UserError
from stages.common.measures.luma import Luma
from stages.common.sets.looking import is_image
from training.showcase import models, sets
from training.showcase.network import SLOPE, Network, tensor

OPSET, IR = 18, 8
CUBIC = -0.75  # torch's coefficient of its bicubic
NEAR = 1e-4


def onnx_of(network: Network) -> bytes:
    """The network as an ONNX file.

    Raises:
        UserError: where the package onnx is missing.
    """
    try:
        from onnx import TensorProto, checker, helper, numpy_helper
    except ImportError:
        raise UserError(
            "the package onnx is missing: pip install -r training/showcase/requirements.txt"
        ) from None
    scale, last = network.scale, len(network.layers) - 1
    scales = np.array([1, 1, scale, scale], np.float32)
    constants = [numpy_helper.from_array(scales, "scales")]
    nodes = [
        helper.make_node(
            "Resize",
            ["luma", "", "scales"],
            ["bicubic"],
            mode="cubic",
            cubic_coeff_a=CUBIC,
            coordinate_transformation_mode="half_pixel",
        )
    ]
    before = "luma"
    for i, layer in enumerate(network.layers):
        assert isinstance(layer, nn.Conv2d) and layer.bias is not None
        for name, numbers in (("weight", layer.weight), ("bias", layer.bias)):
            constants.append(numpy_helper.from_array(numbers.detach().numpy(), f"{name}{i}"))
        inputs = [before, f"weight{i}", f"bias{i}"]
        nodes.append(helper.make_node("Conv", inputs, [f"conv{i}"], pads=[1, 1, 1, 1]))
        before = f"conv{i}"
        if i < last:
            nodes.append(helper.make_node("LeakyRelu", [before], [f"relu{i}"], alpha=SLOPE))
            before = f"relu{i}"
    nodes += [
        helper.make_node("DepthToSpace", [before], ["detail"], blocksize=scale, mode="CRD"),
        helper.make_node("Add", ["bicubic", "detail"], ["enlarged"]),
    ]
    single = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        f"showcase_x{scale}",
        [helper.make_tensor_value_info("luma", single, ["n", 1, "h", "w"])],
        [helper.make_tensor_value_info("enlarged", single, ["n", 1, "large_h", "large_w"])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def by_openvino(content: bytes, luma: Luma) -> NDArray[np.float32]:
    """What OpenVINO makes of a luma (h, w), (scale h, scale w), 0..1 unrounded."""
    core = openvino.Core()
    exact = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(content), "CPU", exact)
    found: NDArray[np.float32] = compiled([tensor(luma)[None].numpy()])[0][0, 0]
    return found


@torch.no_grad()
def apart(network: Network, content: bytes, luma: Luma) -> float:
    """The largest difference between torch's and OpenVINO's picture, of 0..1."""
    ours = network(tensor(luma)[None])[0, 0].numpy()
    return float(np.abs(ours - by_openvino(content, luma)).max())


def main(weights: Path, pictures: Path, model: Path) -> None:
    network, _ = models.read(weights)
    names = [name for name in files.files_below(pictures) if is_image(name)]
    if not names:
        raise UserError(f"{pictures} holds no picture to compare on: name a folder of some")
    content = onnx_of(network)
    off = apart(network, content, sets.read(pictures / names[0]))
    if off > NEAR:
        raise RuntimeError(f"{model} would differ from torch by {off:.1e} of 0..1")
    files.write(model, content)
    print(f"x{network.scale}: {len(content):_} bytes, {off:.1e} of 0..1 from torch at most")


if __name__ == "__main__":
    run(main)
