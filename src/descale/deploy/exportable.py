"""Whether a network can be exported at all, known before anybody waits for its training."""

from __future__ import annotations

from descale.base.errors import ExportError
from descale.models import ModelSpec, build_network

TRIED = (
    "resnet", "resnext", "se_resnet", "vgg", "densenet", "mobilenet", "efficientnet", "timm-efficientnet",
    "timm-tf_efficientnet", "tu-tf_efficientnet", "tu-mobilenetv2", "tu-mobilenetv3", "tu-resnet",
    "tu-test_efficientnet",
)  # fmt: skip
"""How the names of encoders begin that benchmarks/encoders has exported: a trace would only cost time."""


def require_exportable(spec: ModelSpec) -> None:
    """Trace an untrained network, unless its encoder is known to be exported.

    Args:
        spec: of the network.

    Raises:
        ExportError: names network and encoder, and why such a network cannot be exported.
    """
    if spec.encoder.startswith(TRIED):
        return
    from descale.deploy.graph import trace_network  # ONNX takes a second to load

    try:
        trace_network(build_network(spec).eval(), spec, quick=True)
    except ExportError as error:
        raise ExportError(
            f"{spec.architecture} with encoder {spec.encoder} could be trained, but never exported: {error}"
        ) from error
