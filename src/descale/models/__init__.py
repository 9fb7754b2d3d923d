"""Networks: what exists, how to build one, what it costs, how to keep it."""

from typing import TYPE_CHECKING

from descale.base.lazy import lazy_members

if TYPE_CHECKING:
    from descale.models.architectures import ARCHITECTURES, find_architecture, half_of
    from descale.models.build import build_network, make_spec
    from descale.models.costs import count_macs, count_parameters, layer_costs, weights_bytes
    from descale.models.decide import predict_classes
    from descale.models.encoders import DEFAULT_ENCODER
    from descale.models.layout import memory_format
    from descale.models.normalise import Normalisation
    from descale.models.saved import (
        SavedModel,
        keep_metrics,
        load_model,
        read_description,
        require_dense,
        save_model,
    )
    from descale.models.spec import STRIDE, ModelSpec
    from descale.models.widths import read_widths

__all__ = [
    "ARCHITECTURES", "DEFAULT_ENCODER", "STRIDE", "ModelSpec", "Normalisation", "SavedModel",
    "build_network", "count_macs", "count_parameters", "find_architecture", "half_of",
    "keep_metrics", "layer_costs", "load_model", "make_spec", "memory_format", "predict_classes",
    "read_description", "read_widths", "require_dense", "save_model", "weights_bytes",
]  # fmt: skip

__getattr__ = lazy_members(
    __name__,
    {
        "architectures": "ARCHITECTURES find_architecture half_of",
        "build": "build_network make_spec",
        "costs": "count_macs count_parameters layer_costs weights_bytes",
        "decide": "predict_classes",
        "encoders": "DEFAULT_ENCODER",
        "layout": "memory_format",
        "normalise": "Normalisation",
        "saved": "SavedModel keep_metrics load_model read_description require_dense save_model",
        "spec": "STRIDE ModelSpec",
        "widths": "read_widths",
    },
)
