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
