"""Remove channels physically: smaller tensors, same function as with the gates closed."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from descale.base.errors import PruningError
from descale.models.blocks import find_block
from descale.pruning.channels import ChannelGraph, Keep, Side

Mask = NDArray[np.bool_]


def cut_channels(network: nn.Module, graph: ChannelGraph, keep: Keep) -> nn.Module:
    """A copy of ``network`` without the channels that ``keep`` does not name.

    Args:
        network: ungated network that ``graph`` was built from.
        graph: its groups.
        keep: group -> units that stay; at least one of each.

    Raises:
        PruningError: a group would lose all its channels.
    """
    for group in graph.prunable:
        if group.index in keep and not keep[group.index].any():
            raise PruningError(f"Group {group.index} ({group.producers[0]}) would lose all its channels.")
    small = copy.deepcopy(network)
    for name, module in list(small.named_modules()):
        ins, outs = _mask(graph, keep, name, "in"), _mask(graph, keep, name, "out")
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            _cut_convolution(module, ins, outs)
        elif isinstance(module, nn.Linear):
            _cut_linear(module, ins, outs)
        elif (block := find_block(module)) is not None:
            if ins is not None:
                block.cut(module, int(ins.sum()))
        elif outs is not None:
            _cut_norm(module, outs)
        for key, parameter in list(module.named_parameters(recurse=False)):
            mask = _mask(graph, keep, f"{name}.{key}", "out")
            if mask is not None:
                _replace(module, key, parameter[_index(mask)])
    return small


def _mask(graph: ChannelGraph, keep: Keep, layer: str, side: Side) -> Mask | None:
    slot = graph.slots.get((layer, side))
    if slot is None:
        return None
    mask = slot.kept(keep)
    return None if mask.all() else mask


def _index(mask: Mask) -> Tensor:
    return torch.from_numpy(np.flatnonzero(mask))


def _replace(module: nn.Module, key: str, value: Tensor) -> None:
    old = getattr(module, key)
    new = value.detach().clone(memory_format=torch.contiguous_format)
    setattr(
        module,
        key,
        nn.Parameter(new, requires_grad=old.requires_grad) if isinstance(old, nn.Parameter) else new,
    )


def _cut_convolution(conv: nn.Conv2d | nn.ConvTranspose2d, ins: Mask | None, outs: Mask | None) -> None:
    depthwise = conv.groups > 1 and conv.groups == conv.in_channels
    if depthwise:
        ins = outs if conv.in_channels == conv.out_channels else ins
    transposed = isinstance(conv, nn.ConvTranspose2d)
    weight = conv.weight
    if outs is not None:
        weight = weight[:, _index(outs)] if transposed else weight[_index(outs)]
        if conv.bias is not None:
            _replace(conv, "bias", conv.bias[_index(outs)])
        conv.out_channels = int(outs.sum())
    if ins is not None:
        kept = int(ins.sum())
        if conv.groups > 1:  # whole conv groups leave, so what is left of each row stays
            conv.groups = conv.groups * kept // conv.in_channels
        else:
            weight = weight[_index(ins)] if transposed else weight[:, _index(ins)]
        conv.in_channels = kept
    if weight is not conv.weight:
        _replace(conv, "weight", weight)


def _cut_linear(linear: nn.Linear, ins: Mask | None, outs: Mask | None) -> None:
    weight = linear.weight
    if outs is not None:
        weight = weight[_index(outs)]
        if linear.bias is not None:
            _replace(linear, "bias", linear.bias[_index(outs)])
        linear.out_features = int(outs.sum())
    if ins is not None:
        weight = weight[:, _index(ins)]
        linear.in_features = int(ins.sum())
    _replace(linear, "weight", weight)


def _cut_norm(norm: nn.Module, outs: Mask) -> None:
    index, kept = _index(outs), int(outs.sum())
    if isinstance(norm, nn.BatchNorm2d):
        norm.num_features = kept
    elif isinstance(norm, nn.GroupNorm):
        norm.num_groups = norm.num_groups * kept // norm.num_channels
        norm.num_channels = kept
    elif isinstance(norm, nn.LayerNorm):
        norm.normalized_shape = (kept,)
    elif isinstance(norm, nn.PReLU):
        norm.num_parameters = kept
    for key, parameter in list(norm.named_parameters(recurse=False)):
        _replace(norm, key, parameter[index])
    for key, buffer in list(norm.named_buffers(recurse=False)):
        if buffer.ndim == 1:
            _replace(norm, key, buffer[index])
