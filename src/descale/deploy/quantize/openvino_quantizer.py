"""INT8 for OpenVINO, by NNCF."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from descale.base.errors import ExportError
from descale.deploy.graph.enlarging import ENLARGING
from descale.deploy.graph.trace import OUTPUT
from descale.runtime.engines.signal_stack import own_signal_stack

logger = logging.getLogger(__name__)

_OF_A_LAYER = ("", "/WithoutBiases")  # a convolution with a bias becomes two operations


def quantize(source: Path, target: Path, pictures: NDArray[np.uint8], *, keep_float: frozenset[str]) -> None:
    """Write a quantized copy of an OpenVINO model.

    Weights are quantized symmetrically by channel, activations asymmetrically where that is better.

    Args:
        source, target: ``.xml`` files; the weights stand beside them as ``.bin``.
        pictures: uint8 (N, H, W, 3).
        keep_float: names of the layers, as in the ONNX graph, that stay in float.

    Raises:
        ExportError: NNCF is not installed.
    """
    logging.getLogger("nncf").setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            import nncf
            import openvino
    except ImportError as error:
        raise ExportError(
            "INT8 for OpenVINO needs NNCF: pip install 'descale[openvino]', or export --to onnx only."
        ) from error
    logging.getLogger("nncf").setLevel(logging.ERROR)
    model = openvino.Core().read_model(source)
    there = {operation.get_friendly_name() for operation in model.get_ops()}
    names = [name + suffix for name in sorted(keep_float) for suffix in _OF_A_LAYER if name + suffix in there]
    missing = [name for name in sorted(keep_float) if not {name + s for s in _OF_A_LAYER} & there]
    if missing:  # the layer that writes the output is called as the output is
        last = [OUTPUT + suffix for suffix in _OF_A_LAYER if OUTPUT + suffix in there]
        names += last
        if not last or len(missing) > 1:
            logger.warning(
                "INT8 for OpenVINO: not in its graph, so maybe not in float: %s", ", ".join(missing)
            )
    # a transposed convolution has a name of its own: only what adds its bias is called as the layer
    names += [
        one.input_value(0).get_node().get_friendly_name()
        for one in model.get_ops()
        if one.get_type_name() == "Add" and one.get_friendly_name() in names
    ]
    # logits that are enlarged so would otherwise have 256 values
    names += [
        one.get_friendly_name()
        for one in model.get_ops()
        if one.get_type_name() == "MatMul" or one.get_friendly_name().startswith(ENLARGING)
    ]
    # the progress bar knows no terminal
    with contextlib.redirect_stdout(io.StringIO()), own_signal_stack():
        quantized = nncf.quantize(
            model,
            nncf.Dataset([picture[None] for picture in pictures]),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            ignored_scope=nncf.IgnoredScope(names=list(dict.fromkeys(names))) if names else None,
        )
    openvino.save_model(quantized, target, compress_to_fp16=False)
