"""Small pictures in INT8, which end the process on some CPUs, are padded; nobody sees it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from descale.runtime.engines.openvino import SMALLEST_INT8, OpenVinoEngine

openvino = pytest.importorskip("openvino", reason="the extra descale[openvino] is not installed")


def engine(folder: Path, *, quantized: bool) -> OpenVinoEngine:
    """A network that answers with the picture, and in a last channel with the height that it was given."""
    import openvino.opset13 as ops

    image = ops.parameter([1, -1, -1, 3], np.uint8, name="image")
    pixels = ops.transpose(ops.convert(image, np.float32), np.array([0, 3, 1, 2]))
    if quantized:
        low, high = np.float32(0), np.float32(255)
        pixels = ops.fake_quantize(pixels, low, high, low, high, 256)
    first = ops.gather(pixels, np.array([0]), np.array(1))
    height = ops.convert(ops.gather(ops.shape_of(pixels), np.array(2), np.array(0)), np.float32)
    given = ops.add(ops.multiply(first, np.float32(0)), height)
    answer = ops.concat([pixels, given], 1)
    answer.output(0).set_names({"logits"})
    openvino.save_model(openvino.Model([answer], [image]), folder / "m.xml", compress_to_fp16=False)
    xml, weights = (folder / "m.xml").read_bytes(), (folder / "m.bin").read_bytes()
    return OpenVinoEngine(xml, weights, "logits", threads=1, streams=1)


@pytest.mark.parametrize(
    ("quantized", "size", "given"),
    [
        (True, (40, 64), SMALLEST_INT8),
        (True, (32, 128), SMALLEST_INT8),
        (True, (32, 320), 32),
        (False, (40, 64), 40),
    ],
)
def test_small_pictures_are_padded_in_int8(
    tmp_path: Path, quantized: bool, size: tuple[int, int], given: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
    logits = engine(tmp_path, quantized=quantized).run(picture)
    assert logits.shape == (1, 4, *size)
    assert np.allclose(logits[0, :3], picture[0].transpose(2, 0, 1), atol=1e-3)
    assert (logits[0, 3] == given).all()
