"""What is cut together, group by group: Torch-Pruning's dependency graph with guards where it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch_pruning as tp
from torch import nn
from torch_pruning.dependency.group import Group

from descale.base.errors import PruningError
from descale.models.blocks import BLOCKS, Block, find_block
from descale.models.spec import STRIDE
from descale.models.widths import CHANNEL_PARAMETERS
from descale.pruning.channels import Side

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
Member = tuple[str, Side, list[int], list[int]]
"""Layer, side, positions there, and the channels of the group's root that they follow."""

SUPPORTED = (*CONVOLUTIONS, nn.Linear, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm, nn.PReLU, *BLOCKS)
MOST_COUPLED = 600
"""Operations that one group may run through. Networks that can be pruned have up to 511 (U-Net++ with
resnet101: 123); where paths multiply, as with focal modulation, the graph's search would take hours."""
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

    Blocks with rules of their own, such as MA-Net's attention, on which the plain graph does not come to an
    end, are leaves with known couplings.
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
                customized_pruners={kind: _Leaf(block) for kind, block in BLOCKS.items()},
                verbose=False,
            )
        with _bounded_groups():
            groups = list(graph.get_all_groups(root_module_types=[*CONVOLUTIONS, nn.Linear, *BLOCKS]))
    except PruningError:
        raise
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
            block = find_block(module) if isinstance(module, nn.Module) else None
            if block is not None:
                traced.members.extend(
                    (f"{names[module]}.{layer}".rstrip("."), at, positions, channels)
                    for layer, at in block.carriers(side)
                )
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
        if (block := find_block(module)) is not None:
            inner = list(range(block.inner_channels(module)))
            found.append(TracedGroup([(f"{name}.{layer}", "out", inner, inner) for layer in block.inner]))
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


@contextmanager
def _bounded_groups() -> Iterator[None]:
    """Give up on a network whose groups grow beyond :data:`MOST_COUPLED`: the search takes their square."""
    add = Group.add_dep

    def bounded(group: Group, dep: Any, idxs: Any) -> None:
        if len(group) >= MOST_COUPLED:
            raise PruningError(
                f"Channels of this network are coupled over more than {MOST_COUPLED} operations, too many to "
                "follow. Choose another encoder or architecture: docs/encoders.md lists those tried."
            )
        add(group, dep, idxs)

    Group.add_dep = bounded
    try:
        yield
    finally:
        Group.add_dep = add


def _explains_reshape(network: nn.Module, layer: str) -> bool:
    """Whether a member is known to reshape without moving channels: a block of its own, a layer scale."""
    if layer.rpartition(".")[2] in CHANNEL_PARAMETERS:
        return True
    return find_block(network.get_submodule(layer)) is not None


class _Leaf(tp.BasePruningFunc):
    """Makes the dependency graph see a block as one leaf; the cut itself is ours."""

    def __init__(self, block: Block) -> None:
        super().__init__()
        self._block = block

    def prune_out_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    def prune_in_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    def get_out_channels(self, layer: nn.Module) -> int:
        return self._block.channels(layer, "out")

    def get_in_channels(self, layer: nn.Module) -> int:
        return self._block.channels(layer, "in")
