"""Networks that end at half resolution: what they leave out, and how their logits are enlarged."""

from __future__ import annotations

import pytest
import torch
from tests.pruning.networks import HALF
from torch import nn
from torch.nn import functional

from descale.models import build_network, layer_costs, make_spec

SIZE = (64, 96)


@pytest.mark.parametrize("architecture", HALF)
def test_it_is_the_whole_network_without_its_last_block(architecture: str) -> None:
    whole = build_network(make_spec(architecture.removesuffix("-half"), "tu-test_resnet"))
    half = build_network(make_spec(architecture, "tu-test_resnet"))
    kept = {key: value.shape for key, value in half.state_dict().items() if "segmentation_head" not in key}
    lost = {key: value.shape for key, value in whole.state_dict().items() if key not in kept}
    assert kept.items() <= {key: value.shape for key, value in whole.state_dict().items()}.items()
    assert {key.split(".")[0] for key in lost} == {"decoder", "segmentation_head"}
    positions = [cost.positions for name, cost in layer_costs(half, SIZE).items() if "encoder" not in name]
    assert max(positions) == SIZE[0] * SIZE[1] // 4


@pytest.mark.parametrize("architecture", HALF)
def test_logits_are_enlarged_bilinearly_by_the_centres_of_pixels(architecture: str) -> None:
    network = build_network(make_spec(architecture, "tu-test_resnet"))
    small: list[torch.Tensor] = []
    head = next(m for m in network.get_submodule("segmentation_head").modules() if isinstance(m, nn.Conv2d))
    head.register_forward_hook(lambda _module, _given, out: small.append(out))
    with torch.no_grad():
        logits = network(torch.randn(1, 3, *SIZE))
    assert small[0].shape == (1, 2, SIZE[0] // 2, SIZE[1] // 2)
    expected = functional.interpolate(small[0], SIZE, mode="bilinear", align_corners=False)
    assert torch.equal(logits, expected)
    assert logits.std() > 0
