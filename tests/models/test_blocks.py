"""A block with rules of its own is one object: named once, it is coupled, gated, cut and saved."""

from __future__ import annotations

import pytest
import torch
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from tests.pruning.networks import keep_by, settled_network
from torch import nn

from descale.models.blocks import BLOCKS, PositionAttention
from descale.models.widths import read_widths
from descale.pruning import Gates, build_channel_graph, cut_channels
from descale.pruning.footprint import Footprint

SIZE = (64, 64)


class Another(PABBlock):  # type: ignore[misc]
    """A kind of block that the library does not know."""


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.setitem(BLOCKS, Another, PositionAttention())
    network = settled_network("manet", "tu-test_efficientnet")
    (block,) = (module for module in network.modules() if isinstance(module, PABBlock))
    block.__class__ = Another
    return network


def test_a_kind_that_is_named_in_the_registry_alone_is_pruned(network: nn.Module) -> None:
    graph = build_channel_graph(network)
    (name,) = (name for name, module in network.named_modules() if isinstance(module, Another))
    inner = [group for group in graph.groups if f"{name}.top_conv" in group.producers]
    assert [set(group.producers) for group in inner] == [{f"{name}.top_conv", f"{name}.center_conv"}]
    keep = keep_by("random", network, graph, 0.6)
    gates = Gates(network, graph)
    gates.set(keep)
    x = torch.randn(1, 3, *SIZE)
    with torch.no_grad():
        gated = network(x)
    gates.remove()
    cut = cut_channels(network, graph, keep)
    with torch.no_grad():
        assert torch.allclose(gated, cut(x), atol=1e-4)
    width = read_widths(cut)[name]["in_channels"]
    assert (
        width
        == cut.get_submodule(f"{name}.bottom_conv").out_channels
        < read_widths(network)[name]["in_channels"]
    )
    counts = {group: int(mask.sum()) for group, mask in keep.items()}
    assert Footprint(network, graph, SIZE).totals(counts).params == sum(p.numel() for p in cut.parameters())
