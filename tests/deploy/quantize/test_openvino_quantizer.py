"""What is to stay in float stays in float, also where OpenVINO calls it otherwise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from descale.deploy.quantize.openvino_quantizer import quantize

HEAD = "segmentation_head.0"


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Two convolutions, the second of which is called as the output it writes."""
    openvino = pytest.importorskip("openvino")
    pytest.importorskip("nncf")
    from openvino import opset13 as ops

    random = np.random.default_rng(0)
    image = ops.parameter([1, 16, 16, 3], np.uint8, name="image")
    pixels = ops.transpose(ops.convert(image, np.float32), ops.constant(np.array([0, 3, 1, 2])))

    def convolution(x: object, inputs: int, name: str) -> object:
        weights = ops.constant(random.normal(size=(4, inputs, 3, 3)).astype(np.float32))
        made = ops.convolution(x, weights, [1, 1], [1, 1], [1, 1], [1, 1])
        made.set_friendly_name(name)
        return made

    last = convolution(ops.relu(convolution(pixels, 3, "encoder.0")), 4, "logits")
    openvino.save_model(openvino.Model([last], [image]), tmp_path / "n.xml", compress_to_fp16=False)
    return tmp_path / "n.xml"


@pytest.mark.parametrize("kept", [frozenset(), frozenset({HEAD}), frozenset({"encoder.0"})])
def test_layers_stay_in_float_by_name(network: Path, kept: frozenset[str]) -> None:
    import openvino

    pictures = np.random.default_rng(1).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)
    target = network.with_name("int8.xml")
    quantize(network, target, pictures, keep_float=kept)
    quantized = {
        operation.get_friendly_name()
        for operation in openvino.Core().read_model(target).get_ops()
        if operation.get_type_name() == "Convolution"
        and "fq_weights" in operation.input_value(1).get_node().get_friendly_name()
    }
    own = {HEAD: "logits"}
    assert quantized == {"encoder.0", "logits"} - {own.get(name, name) for name in kept}


def test_a_transposed_convolution_stays_in_float(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    pytest.importorskip("nncf")
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    weight = numpy_helper.from_array(random.normal(size=(3, 4, 2, 2)).astype(np.float32), "w")
    bias = numpy_helper.from_array(random.normal(size=4).astype(np.float32), "b")
    up = helper.make_node("ConvTranspose", ["x", "w", "b"], ["up"], name="decoder.up", strides=[2, 2])
    last = helper.make_node("Relu", ["up"], ["logits"], name="last")
    shapes = {"x": [1, 3, 16, 16], "logits": [1, 4, 32, 32]}
    values = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, to) for name, to in shapes.items()}
    graph = helper.make_graph([up, last], "g", [values["x"]], [values["logits"]], [weight, bias])
    onnx_model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    (tmp_path / "n.onnx").write_bytes(onnx_model.SerializeToString())
    openvino.save_model(
        openvino.convert_model(tmp_path / "n.onnx"), tmp_path / "n.xml", compress_to_fp16=False
    )
    pictures = random.normal(size=(4, 3, 16, 16)).astype(np.float32)
    for kept, expected in ((frozenset[str](), 1), (frozenset({"decoder.up"}), 0)):
        quantize(tmp_path / "n.xml", tmp_path / "int8.xml", pictures, keep_float=kept)  # type: ignore[arg-type]
        quantized = [
            one
            for one in openvino.Core().read_model(tmp_path / "int8.xml").get_ops()
            if one.get_type_name() == "ConvolutionBackpropData"
            and "fq_weights" in one.input_value(1).get_node().get_friendly_name()
        ]
        assert len(quantized) == expected
