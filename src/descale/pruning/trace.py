"""What is cut together, group by group: Torch-Pruning's dependency graph with guards where it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch_pruning as tp
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from torch import nn

from descale.base.errors import PruningError
from descale.models.spec import STRIDE
from descale.models.widths import CHANNEL_PARAMETERS
from descale.pruning.attention import INNER_LAYERS, INPUT_LAYERS, AttentionLeaf
from descale.pruning.channels import Side

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
Member = tuple[str, Side, list[int], list[int]]
"""Layer, side, positions there, and the channels of the group's root that they follow."""

SUPPORTED = (*CONVOLUTIONS, nn.Linear, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.PReLU, PABBlock)
OPAQUE = {
    tp.ops.OPTYPE.RESHAPE: "a reshape",
    tp.ops.OPTYPE.SPLIT: "a split",
    tp.ops.OPTYPE.UNBIND: "an unbind",
    tp.ops.OPTYPE.EXPAND: "an expand",
    tp.ops.OPTYPE.MHA: "multi-head attention",
}


@dataclass
class TracedGroup:
    """One group as the dependency graph gives it; ``refusal`` says why it must stay as it is."""

    members: list[Member] = field(default_factory=list)
    refusal: str | None = None


def trace_groups(network: nn.Module) -> list[TracedGroup]:
    """All groups of a network's convolutions, linear layers and attention; they may overlap.

    MA-Net's attention, on which the plain graph does not come to an end, is a leaf with known couplings.
    Channels that pass through what the graph cannot follow are refused.

    Raises:
        PruningError: the network cannot be traced.
    """
    names = {module: name for name, module in network.named_modules()}
    bare = {
        parameter: f"{name}.{key}"
        for name, module in network.named_modules()
        for key, parameter in module.named_parameters(recurse=False)
        if key in CHANNEL_PARAMETERS and parameter.ndim == 1
    }
    device = next(network.parameters()).device
    try:
        with _traceable(network):
            graph = tp.DependencyGraph().build_dependency(
                network,
                example_inputs=torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE, device=device),
                unwrapped_parameters=[(parameter, 0) for parameter in bare],
                customized_pruners={PABBlock: AttentionLeaf()},
                verbose=False,
            )
        groups = list(graph.get_all_groups(root_module_types=[*CONVOLUTIONS, nn.Linear, PABBlock]))
    except Exception as error:
        raise PruningError(
            f"The dependency graph of this network cannot be traced ({type(error).__name__}: {error}). "
            "Convolutional encoders of segmentation_models_pytorch can be pruned; transformers cannot."
        ) from error
    found = []
    for group in groups:
        traced, opaque = TracedGroup(), ""
        for item in group:
            target = item.dep.target
            module = target.module
            side: Side = "out" if graph.is_out_channel_pruning_fn(item.dep.handler) else "in"
            roots = item.root_idxs if item.root_idxs is not None else item.idxs
            positions, channels = [int(i) for i in item.idxs], [int(i) for i in roots]
            if isinstance(module, PABBlock):
                traced.members.extend(_attention_members(names[module], side, positions, channels))
            elif isinstance(module, nn.Parameter):
                if module in bare:
                    traced.members.append((bare[module], "out", positions, channels))
                else:
                    traced.refusal = "its channels meet a bare parameter"
            elif module in names:
                traced.members.append((names[module], side, positions, channels))
                if not isinstance(module, SUPPORTED):
                    traced.refusal = f"layer {names[module]} ({type(module).__name__}) is not supported"
            elif target.type in OPAQUE:
                opaque = f"its channels pass through {OPAQUE[target.type]}"
        if opaque and not any(_explains_reshape(network, layer) for layer, *_ in traced.members):
            traced.refusal = opaque
        found.append(traced)
    for name, module in network.named_modules():
        if isinstance(module, PABBlock):
            inner = list(range(module.top_conv.out_channels))
            found.append(TracedGroup([(f"{name}.{layer}", "out", inner, inner) for layer in INNER_LAYERS]))
    return found


@contextmanager
def _traceable(network: nn.Module) -> Iterator[None]:
    """Evaluation, with gradients for the graph to follow, also through weights that nobody trains."""
    training, frozen = (
        network.training,
        [weight for weight in network.parameters() if not weight.requires_grad],
    )
    try:
        network.eval()
        for weight in frozen:
            weight.requires_grad_(True)
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        for weight in frozen:
            weight.requires_grad_(False)
        network.train(training)


def _explains_reshape(network: nn.Module, layer: str) -> bool:
    """Whether a member is known to reshape without moving channels: the attention, a layer scale."""
    if layer.rpartition(".")[2] in CHANNEL_PARAMETERS:
        return True
    return isinstance(network.get_submodule(layer), PABBlock)


def _attention_members(name: str, side: Side, positions: list[int], channels: list[int]) -> list[Member]:
    if side == "out":
        return [(f"{name}.out_conv", "out", positions, channels)]
    inputs: list[Member] = [(f"{name}.{layer}", "in", positions, channels) for layer in INPUT_LAYERS]
    return [*inputs, (f"{name}.bottom_conv", "out", positions, channels), (name, "in", positions, channels)]
