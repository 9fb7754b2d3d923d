"""Read and apply the widths of layers, so that a pruned network can be rebuilt and loaded strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from descale.base.errors import ModelError
from descale.models.blocks import find_block

Widths = dict[str, dict[str, int]]
"""Layer name -> attribute (``in_channels``, ``out_channels``, ``groups``, ...) -> value."""

CHANNEL_PARAMETERS = ("gamma", "beta", "scale", "layer_scale")


def _attributes(module: nn.Module) -> tuple[str, ...]:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        return ("in_channels", "out_channels", "groups")
    if isinstance(module, nn.BatchNorm2d):
        return ("num_features",)
    if isinstance(module, nn.GroupNorm):
        return ("num_channels", "num_groups")
    if isinstance(module, nn.LayerNorm):
        return ("normalized_shape",)
    if isinstance(module, nn.Linear):
        return ("in_features", "out_features")
    block = find_block(module)
    return block.attributes if block else ()


def read_widths(network: nn.Module) -> Widths:
    """Widths of every layer that has any.

    Layer norms count their last dimension as ``normalized_shape``; a bare per-channel parameter (ConvNeXt's
    layer scale ``gamma``) is listed under the module that owns it with its length.
    """
    widths: Widths = {}
    for name, module in network.named_modules():
        entry: dict[str, int] = {}
        for attribute in _attributes(module):
            value = getattr(module, attribute)
            entry[attribute] = int(value[-1] if isinstance(value, tuple | list | torch.Size) else value)
        for key, parameter in module.named_parameters(recurse=False):
            if key in CHANNEL_PARAMETERS and parameter.ndim == 1:
                entry[key] = parameter.shape[0]
        if entry:
            widths[name] = entry
    return widths


def apply_widths(network: nn.Module, widths: Mapping[str, Mapping[str, Any]]) -> None:
    """Resize a dense network's layers in place to ``widths``; the weights are left uninitialised.

    Raises:
        ModelError: a layer is missing or unknown, or a width is not between 1 and the dense one.
    """
    dense = read_widths(network)
    if set(dense) != set(widths):
        odd = sorted(set(dense) ^ set(widths))
        raise ModelError(f"widths do not fit the network: {len(odd)} layers differ, first '{odd[0]}'.")
    for name, wanted in widths.items():
        if set(wanted) != set(dense[name]):
            odd = sorted(set(wanted) ^ set(dense[name]))
            raise ModelError(f"widths of layer '{name}' do not fit the network: '{odd[0]}'.")
        if dict(wanted) == dense[name]:
            continue
        for key, full in dense[name].items():
            value = wanted[key]
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= full:
                raise ModelError(f"width {key}={value!r} of layer '{name}' is not between 1 and {full}.")
        _resize(network.get_submodule(name), wanted, name)


def _resize(module: nn.Module, wanted: Mapping[str, int], name: str) -> None:
    for attribute in _attributes(module):
        value = wanted[attribute]
        setattr(module, attribute, (value,) if attribute == "normalized_shape" else value)
    for key, parameter in list(module.named_parameters(recurse=False)):
        shape = _shape(module, key, parameter, wanted, name)
        setattr(module, key, nn.Parameter(parameter.new_empty(shape), requires_grad=parameter.requires_grad))
    for key, buffer in list(module.named_buffers(recurse=False)):
        if buffer.ndim == 1:
            setattr(module, key, buffer.new_empty(wanted["num_features"]))


def _shape(
    module: nn.Module, key: str, parameter: nn.Parameter, wanted: Mapping[str, int], name: str
) -> tuple[int, ...]:
    if key in wanted:
        return (wanted[key],)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        inputs, outputs, groups = wanted["in_channels"], wanted["out_channels"], wanted["groups"]
        if inputs % groups or outputs % groups:
            raise ModelError(f"layer '{name}': {groups} groups do not divide {inputs} -> {outputs} channels.")
        if key == "bias":
            return (outputs,)
        first, second = (outputs, inputs) if isinstance(module, nn.Conv2d) else (inputs, outputs)
        return (first, second // groups, *parameter.shape[2:])
    if isinstance(module, nn.Linear):
        return (wanted["out_features"],) if key == "bias" else (wanted["out_features"], wanted["in_features"])
    for attribute in ("num_features", "num_channels", "normalized_shape"):
        if attribute in wanted:
            return (wanted[attribute],)
    return tuple(parameter.shape)
