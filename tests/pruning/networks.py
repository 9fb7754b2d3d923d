"""Networks and decisions for the pruning tests."""

from __future__ import annotations

import os

import torch
from torch import nn

from descale.models import ARCHITECTURES, build_network, make_spec
from descale.pruning import IMPORTANCES, STRATEGIES, ChannelGraph, Gates, allocate
from descale.pruning.strategies import find_strategy
from descale.training.schedule import PruningSchedule

WHOLE = tuple(name for name, architecture in ARCHITECTURES.items() if not architecture.half)
HALF = tuple(name for name, architecture in ARCHITECTURES.items() if architecture.half)
"""Those that end at half resolution: all but their ends is that of the others, so small encoders will do."""

ENCODERS = (
    "resnet18",
    "resnet50",
    "mobilenet_v2",
    "tu-tf_efficientnet_lite0",
    "timm-efficientnet-b0",
    "tu-mobilenetv3_large_100",
    "tu-mobilenetv4_conv_small",
    "mobileone_s0",
    "tu-convnext_femto",
    "tu-regnetx_002",
    "densenet121",
)
"""One of every kind of block."""

DEEPER = ("resnet34", "resnet101")
"""More blocks of the same kinds."""

EVERY_NETWORK = "DESCALE_EVERY_NETWORK"
"""Set it to 1 to see every architecture with every encoder, which takes minutes."""


def sampled() -> list[tuple[str, str]]:
    """(architecture, encoder): each architecture with the first encoder, other encoders with one each."""
    if os.environ.get(EVERY_NETWORK) == "1":
        return [(architecture, encoder) for architecture in ARCHITECTURES for encoder in ENCODERS + DEEPER]
    in_turn = [(WHOLE[i % len(WHOLE)], encoder) for i, encoder in enumerate(ENCODERS[1:])]
    small = [(architecture, "tu-test_efficientnet") for architecture in ("unetplusplus-half", "linknet-half")]
    return [*((architecture, ENCODERS[0]) for architecture in WHOLE), *in_turn, *small]


def strategies_for(architecture: str, encoder: str) -> tuple[str, ...]:
    """All of them with the first encoder, one in turn with each other: the cut does not ask who chose."""
    if encoder == ENCODERS[0] or os.environ.get(EVERY_NETWORK) == "1":
        return tuple(STRATEGIES)
    place = sampled().index((architecture, encoder))
    return (tuple(STRATEGIES)[place % len(STRATEGIES)],)


def settled_network(architecture: str, encoder: str) -> nn.Module:
    """A random network whose norms have seen a batch, so that activations have an ordinary size."""
    torch.manual_seed(0)
    network = build_network(make_spec(architecture, encoder, input_size=(64, 64)))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.3)
        for key, parameter in module.named_parameters(recurse=False):
            if key == "gamma":
                nn.init.uniform_(parameter, 0.5, 1.0)
    network.train()
    with torch.no_grad():
        network(torch.randn(4, 3, 64, 64))
    return network.eval()


def keep_by(strategy_name: str, network: nn.Module, graph: ChannelGraph, sparsity: float) -> dict:
    """The units that stay when a whole schedule of ``strategy_name`` has seen one step."""
    strategy = find_strategy(strategy_name)
    gates = Gates(network, graph, scored=True)
    schedule = PruningSchedule(
        network,
        graph,
        gates,
        strategy,
        lambda progress, scores, open_units: allocate(graph, progress * sparsity),
        start=0.0,
        end=0.5,
        updates=1,
        importance=IMPORTANCES[strategy.importance or "taylor"](graph),
    )
    network.zero_grad()
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    schedule.after_backward(0, 1.0)
    schedule.close(1.0)
    gates.remove()
    return schedule.keep
