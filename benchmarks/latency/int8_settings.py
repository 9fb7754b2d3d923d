"""Which settings of ONNX Runtime's quantizer make a network faster than float32 on this machine.

    python benchmarks/latency/int8_settings.py --out benchmarks/latency/int8_settings.csv

Weights are untrained: the time does not depend on them, and what the variants score is not measured. Per
network all variants run in turn, on one thread; milliseconds of the processor, the least of each
(see rewrites.py). OpenVINO's two precisions stand beside them.
"""

from __future__ import annotations

import argparse
import csv
import logging
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from rewrites import OPEN, Run, least_ms, traced

from descale.deploy.export import openvino_target
from descale.deploy.graph import INPUT, OUTPUT, optimise
from descale.deploy.quantize import openvino_quantizer
from descale.runtime.device import describe_device
from descale.runtime.engines.openvino import OpenVinoEngine

U8, S8 = QuantType.QUInt8, QuantType.QInt8
EXPORT: dict[str, Any] = {
    "quant_format": QuantFormat.QDQ, "per_channel": True, "reduce_range": True,
    "activation_type": U8, "weight_type": S8,
}  # fmt: skip
"""What ``descale export`` uses."""
VARIANTS: dict[str, dict[str, Any]] = {
    "as exported: QDQ, U8S8 with 7 bits, by channel": {},
    "weights of 8 bits": {"reduce_range": False},
    "by tensor": {"per_channel": False},
    "U8U8": {"weight_type": U8, "reduce_range": False},
    "S8S8": {"activation_type": S8, "reduce_range": False},
    "QOperator": {"quant_format": QuantFormat.QOperator},
    "QOperator, U8U8, by tensor": {
        "quant_format": QuantFormat.QOperator, "weight_type": U8, "reduce_range": False, "per_channel": False,
    },
    "convolutions only": {"op_types_to_quantize": ["Conv"]},
}  # fmt: skip
LEAST_CHANNELS = (16, 32, 64)
"""Variants that keep convolutions with fewer channels on one side in float, depthwise ones too."""


class Reader(CalibrationDataReader):
    """Hands out the pictures one by one."""

    def __init__(self, pictures: NDArray[np.uint8]) -> None:
        self._pictures = iter(pictures)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {INPUT: picture[None]}


def variants(model: onnx.ModelProto) -> dict[str, dict[str, Any]]:
    """Settings by what is written in the table."""
    shapes = {tensor.name: tensor.dims for tensor in model.graph.initializer}
    widths = {n.name: min(shapes[n.input[1]][:2]) for n in model.graph.node if n.op_type == "Conv"}
    found = {name: EXPORT | changes for name, changes in VARIANTS.items()}
    for least in LEAST_CHANNELS:
        wide = [name for name, width in widths.items() if width >= least]
        if wide:
            title = f"only the {len(wide)} of {len(widths)} convolutions with {least} or more channels"
            found[title] = EXPORT | {"nodes_to_quantize": wide}
    depthwise = [name for name, width in widths.items() if width == 1]
    if depthwise:
        found[f"all but the {len(depthwise)} depthwise convolutions"] = EXPORT | {
            "nodes_to_exclude": depthwise
        }
    return found


def openvino_run(files: tuple[str, ...], folder: Path) -> Run:
    """Runs files of OpenVINO on one thread."""
    network, weights = ((folder / name).read_bytes() for name in files)
    return OpenVinoEngine(network, weights, OUTPUT, 1, 1).run


def all_runs(traced_model: onnx.ModelProto, pictures: NDArray[np.uint8], scratch: Path) -> dict[str, Run]:
    """ONNX Runtime with every variant, then OpenVINO; by title, float32 of ONNX Runtime first."""
    graph = optimise(traced_model)
    source = scratch / "float32.onnx"
    onnx.save(graph, source)
    runs = {"float32": OPEN["onnx"](source.read_bytes())}
    for title, settings in variants(graph).items():
        target = scratch / "variant.onnx"
        try:
            quantize_static(str(source), str(target), Reader(pictures), **settings)
            runs[title] = OPEN["onnx"](target.read_bytes())
        except Exception as error:
            print(f"{title}: {type(error).__name__} {str(error).splitlines()[0][:100]}")
    files = openvino_target.write(optimise(traced_model, frozenset({"pad_channels"})), scratch)
    runs["OpenVINO, float32"] = openvino_run(files, scratch)
    (scratch / "int8").mkdir()
    openvino_quantizer.quantize(
        scratch / files[0], scratch / "int8" / files[0], pictures, keep_float=frozenset()
    )
    runs["OpenVINO, INT8"] = openvino_run(files, scratch / "int8")
    return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--architectures", nargs="+", default=["unet", "linknet"])
    parser.add_argument("--encoders", nargs="+", default=["tu-tf_efficientnet_lite0", "resnet18"])
    parser.add_argument("--sparsities", nargs="+", type=float, default=[0.9])
    parser.add_argument("--side", type=int, default=512)
    parser.add_argument("--allocation", default="uniform")
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger().setLevel(logging.ERROR)
    size, device = (given.side, given.side), str(describe_device())
    pictures = np.random.default_rng(0).integers(0, 256, (2, *size, 3), np.uint8)
    with given.out.open("w", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["network", "encoder", "sparsity", "variant", "ms", "against_float32", "device"])
        for encoder in given.encoders:
            for architecture in given.architectures:
                for sparsity in given.sparsities:
                    model = traced(architecture, encoder, sparsity, size, given.allocation)
                    with tempfile.TemporaryDirectory() as scratch:
                        runs = all_runs(model, pictures, Path(scratch))
                    least = least_ms(runs, pictures[:1], given.rounds)
                    for title, ms in least.items():
                        share = f"{ms / least['float32']:.2f}"
                        row = [architecture, encoder, sparsity, title, f"{ms:.2f}", share]
                        table.writerow([*row, device])
                        print(*row)
                    stream.flush()


if __name__ == "__main__":
    main()
