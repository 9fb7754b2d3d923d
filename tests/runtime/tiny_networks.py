"""Tiny ONNX networks with a known answer, and pictures for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from descale.runtime import BINARY, BundleManifest, ClassTable, PixelClass, write_manifest

FOUR = ClassTable(
    (
        PixelClass("air", (0, 0, 0)),
        PixelClass("steel", (90, 120, 160), metal=True),
        PixelClass("rust", (220, 90, 30), corrosion=True, metal=True),
        PixelClass("pit", (120, 20, 20), corrosion=True, metal=True),
    )
)


def network(weights: NDArray[np.float32], *, mean: float = 0.0, stride: int = 1) -> bytes:
    """uint8 (N, H, W, 3) to logits (N, K, H, W): pixels / 255 - mean, convolved with (K, 3, s, s).

    With a stride above 1 the convolution is followed by a nearest enlargement, so the grid matters.
    """
    side = weights.shape[2]
    constants = {
        "scale": np.float32(1 / 255),
        "mean": np.float32(mean),
        "weights": weights.astype(np.float32),
        "factors": np.array([1, 1, stride, stride], np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["unit"]),
        helper.make_node("Sub", ["unit", "mean"], ["centred"]),
        helper.make_node(
            "Conv",
            ["centred", "weights"],
            ["scores"],
            strides=[stride, stride],
            pads=[(side - stride + 1) // 2] * 2 + [(side - stride) // 2] * 2,
        ),
        helper.make_node("Resize", ["scores", "", "factors"], ["logits"], mode="nearest"),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", len(weights), "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def red_network(classes: int = 2) -> bytes:
    """Pixel by pixel: with two classes, red above green means class 1; with more, the channels compete."""
    weights = np.zeros((classes, 3, 1, 1), np.float32)
    if classes == 2:
        weights[1, :, 0, 0] = (20, -20, 0)
    else:
        for channel in range(3):
            weights[1 + channel, channel] = 20
        weights[0] = 1
    return network(weights)


def write_bundle(
    folder: Path,
    content: bytes | None = None,
    *,
    classes: ClassTable = BINARY,
    files: Mapping[str, bytes] | None = None,
    tile: int = 128,
    overlap: int = 32,
    stride: int = 32,
    threshold: float = 0.5,
    patch_confidence: float = 0.0,
    input_size: tuple[int, int] | None = None,
) -> Path:
    """A bundle folder around a network, by default :func:`red_network`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "network.onnx").write_bytes(content if content is not None else red_network(len(classes)))
    for name, data in (files or {}).items():
        (folder / name).write_bytes(data)
    write_manifest(
        folder,
        BundleManifest(
            name="tiny",
            classes=classes,
            engines={"onnx": ("network.onnx",)},
            mean=(0.0, 0.0, 0.0),
            std=(1.0, 1.0, 1.0),
            tile=tile,
            overlap=overlap,
            stride=stride,
            threshold=threshold,
            patch_confidence=patch_confidence,
            provenance={} if input_size is None else {"input_size": list(input_size)},
        ),
    )
    return folder


def painted(height: int, width: int, *boxes: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """Green picture with red boxes (left, top, right, bottom): uint8 (H, W, 3)."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 1] = 200
    for left, top, right, bottom in boxes:
        picture[top:bottom, left:right] = (200, 0, 0)
    return picture
