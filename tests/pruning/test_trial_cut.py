"""What the graph cannot know shows in a trial cut: it stays dense, listed, or is refused in one line."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from descale.base.errors import ModelError, PruningError
from descale.models import build_network, make_spec
from descale.pruning import allocate, build_channel_graph, cut_channels, make_plan
from descale.pruning.budget import first_units
from descale.pruning.exact import check_exact


class ReadsByNumber(nn.Module):
    """Adds the channels of one layer in pairs that its forward pass knows by number."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU())
        self.paired = nn.Conv2d(12, 8, 1)
        self.after = nn.Conv2d(4, 10, 1)
        self.segmentation_head = nn.Conv2d(10, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        pairs = self.paired(self.encoder(x))
        return self.segmentation_head(self.after(pairs[:, [0, 2, 4, 6]] + pairs[:, [1, 3, 5, 7]]).relu())


def test_what_fails_stays_dense_with_the_reason_and_the_rest_is_cut() -> None:
    torch.manual_seed(0)
    network = ReadsByNumber().eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    graph = build_channel_graph(network)
    refused = {group.producers: group.refusal for group in graph.groups if group.refusal}
    assert "trial cut failed" in (refused[("paired",)] or "")
    assert {group.producers for group in graph.prunable} == {("encoder.0",), ("after",)}
    counts = allocate(graph, 0.5)
    keep = first_units(graph, counts)
    small = cut_channels(network, graph, keep)
    check_exact(network, graph, keep, small)
    assert small.get_submodule("paired").weight.shape == (8, 6, 1, 1)
    assert small.get_submodule("after").weight.shape == (5, 4, 1, 1)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    rows = {row.layers: row for row in make_plan(network, size=(64, 64), sparsity=0.5).groups}
    assert "trial cut failed" in rows[("paired",)].reason
    assert rows[("paired",)].after == 8


@pytest.mark.parametrize(
    ("architecture", "encoder"), [("manet", "tu-skresnet18"), ("linknet", "dpn68"), ("manet", "tu-pvt_v2_b0")]
)
def test_awkward_encoders_are_cut_where_they_can_be(architecture: str, encoder: str) -> None:
    """Each of these ended in a traceback when its channels were cut."""
    network = build_network(make_spec(architecture, encoder, input_size=(64, 64)))
    graph = build_channel_graph(network)
    assert any("trial cut failed" in (group.refusal or "") for group in graph.groups)
    keep = first_units(graph, allocate(graph, 0.6))
    check_exact(network, graph, keep, cut_channels(network, graph, keep))


@pytest.mark.parametrize("encoder", ["tu-edgenext_xx_small", "tu-fastvit_t8"])
def test_what_cannot_be_followed_is_refused_in_one_line(encoder: str) -> None:
    network = build_network(make_spec("unet", encoder, input_size=(64, 64)))
    with pytest.raises(PruningError, match="follow") as refused:
        build_channel_graph(network)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("encoder", ["tu-swin_tiny_patch4_window7_224", "tu-efficientformerv2_s0"])
def test_encoders_of_one_picture_size_are_refused_when_they_are_built(encoder: str) -> None:
    with pytest.raises(ModelError, match=f"cannot use encoder '{encoder}'") as refused:
        build_network(make_spec("unet", encoder, input_size=(64, 64)))
    assert "\n" not in str(refused.value)
