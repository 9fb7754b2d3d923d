"""ncnn, for phones and small boards without onnxruntime; converted by pnnx.

ncnn has no 8-bit input and its pictures are planar, so this network takes float32 ``(3, H, W)`` with
values 0..255, RGB, in the blob ``in0``, and gives logits ``(K, H, W)`` in ``out0``. The shift of the
normalisation is inside all the same. It is read with ncnn's own library; `descale predict` does not open it.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from descale.base.errors import ExportError
from descale.deploy.graph import INPUT, Graph
from descale.deploy.graph.editing import attribute
from descale.evaluation.evaluate import Infer

logger = logging.getLogger(__name__)

FILES = ("network.ncnn.param", "network.ncnn.bin")
_INSTALL = "pip install 'descale[ncnn]'"
_UNKNOWN_LAYER = re.compile(r"^(?:nn|F|torch|pnnx|Tensor)\.\S+|^DepthToSpace", re.MULTILINE)


def write(model: onnx.ModelProto, folder: Path, *, half_weights: bool = False) -> tuple[str, ...]:
    """Write ``network.ncnn.param`` and ``network.ncnn.bin``.

    Raises:
        ExportError: pnnx is not installed, or an operation has no layer in ncnn (FPN's group norms).
    """
    pnnx = _find_pnnx()
    with tempfile.TemporaryDirectory(prefix="descale-ncnn-") as temporary:
        work = Path(temporary)
        onnx.save(planar_input(model), work / "network.onnx")
        sizes = ["inputshape=[1,3,256,256]f32", "inputshape2=[1,3,512,384]f32"]  # two, so it frees H and W
        stored = f"fp16={int(half_weights)}"
        ran = subprocess.run(
            [str(pnnx), "network.onnx", *sizes, stored], cwd=work, capture_output=True, text=True
        )
        if ran.returncode or not (work / FILES[0]).is_file():
            last = (ran.stderr or ran.stdout).strip().splitlines()[-1:]
            raise ExportError(f"pnnx cannot convert the network to ncnn: {' '.join(last)}")
        text = (work / FILES[0]).read_text()
        # The same layer under ncnn's name; order 1 is ONNX's "DCR".
        text = re.sub(r"^DepthToSpace( +)(.*)$", r"PixelShuffle\1\2 0=2 1=1", text, flags=re.MULTILINE)
        unknown = sorted(set(_UNKNOWN_LAYER.findall(text)))
        if unknown:
            raise ExportError(
                f"ncnn has no layer for {', '.join(unknown)}, which this network needs (FPN's group norms "
                "do). Export it --to onnx, or take U-Net, U-Net++, LinkNet or MA-Net."
            )
        (folder / FILES[0]).write_text(text)
        shutil.copyfile(work / FILES[1], folder / FILES[1])
    return FILES


def load(folder: Path, files: tuple[str, ...]) -> Infer:
    """Run the files with ncnn on the CPU, in float32."""
    try:
        import ncnn
    except ImportError as error:
        raise ExportError(f"The target ncnn needs ncnn to check its result: {_INSTALL}.") from error
    network = ncnn.Net()
    options = network.opt
    options.use_vulkan_compute = False
    options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
    options.use_bf16_storage = False
    if network.load_param(str(folder / files[0])) or network.load_model(str(folder / files[1])):
        raise ExportError("ncnn cannot load the network that was just converted for it.")

    def infer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        found = []
        for image in images:
            planar = np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32)
            extractor = network.create_extractor()
            extractor.input("in0", ncnn.Mat(planar).clone())
            status, logits = extractor.extract("out0")
            if status:
                raise ExportError(f"ncnn cannot run the network (status {status}).")
            found.append(np.array(logits, dtype=np.float32))
        return np.stack(found)

    return infer


def planar_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same network with float32 ``(1, 3, H, W)`` in place of uint8 ``(N, H, W, 3)`` as its input."""
    graph = Graph(model)
    consumers = graph.consumers()
    name = INPUT
    while True:
        (node,) = consumers[name]
        name = node.output[0]
        if node.op_type == "Transpose" and list(attribute(node, "perm")) == [0, 3, 1, 2]:
            break
        if node.op_type != "Cast":
            raise ExportError(f"ncnn: the network's input goes to {node.op_type}, which was not expected.")
    graph.redirect(name, INPUT)
    graph.inputs = [helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [1, 3, "H", "W"])]
    return graph.to_model()


def _find_pnnx() -> Path:
    try:
        import pnnx
    except ImportError as error:
        raise ExportError(f"The target ncnn needs pnnx: {_INSTALL}, or export --to onnx.") from error
    program = Path(pnnx.__file__).parent / "pnnx"
    if not program.is_file():
        raise ExportError(f"{program} is missing. Install pnnx again: {_INSTALL}.")
    return program
