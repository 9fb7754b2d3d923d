"""Convolutions of an exported network bear the names of their layers."""

from __future__ import annotations

import pytest
from torch import nn

from descale.deploy.graph import optimise, trace_network
from descale.models import ARCHITECTURES, build_network, make_spec


@pytest.mark.parametrize(
    ("architecture", "quick"), [*((name, True) for name in ARCHITECTURES), ("linknet", False)]
)
def test_convolutions_are_called_after_their_layers(architecture: str, quick: bool) -> None:
    spec = make_spec(architecture, "tu-test_efficientnet", input_size=(64, 64))
    network = build_network(spec).eval()
    traced = optimise(trace_network(network, spec, quick=quick))
    found = [node.name for node in traced.graph.node if node.op_type in ("Conv", "ConvTranspose")]
    layers = {
        name for name, one in network.named_modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)
    }
    assert layers <= set(found)
    assert len(set(found)) == len(found)
    # a layer that runs on several maps is numbered; what enlarges logits is no layer
    assert len({name.split(", run ")[0] for name in found} - layers) <= 1
