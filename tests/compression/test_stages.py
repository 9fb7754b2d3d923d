"""What is trained: the parts that need no training to be looked at."""

from __future__ import annotations

import torch

from descale.compression.stages import halved
from descale.models import SavedModel, build_network, make_spec, read_widths


def test_what_ends_at_half_resolution_keeps_all_but_the_last_block_and_the_head() -> None:
    spec = make_spec("linknet", "tu-test_efficientnet", input_size=(64, 64))
    network = build_network(spec).eval()
    whole = SavedModel(spec, network, read_widths(network), {"seed": 3})
    half = halved(whole, seed=0)
    assert half.spec.architecture == "linknet-half"
    before, after = network.state_dict(), half.network.state_dict()
    body = {name for name in after if not name.startswith("segmentation_head")}
    assert all(torch.equal(after[name], before[name]) for name in body)
    assert len(body) < len([name for name in before if not name.startswith("segmentation_head")])
    assert half.network.eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 2, 64, 96)
    again = halved(whole, seed=0).network.state_dict()
    assert all(torch.equal(again[name], after[name]) for name in after), "the head's seed is given"
    assert whole.spec.architecture == "linknet"
