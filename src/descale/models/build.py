"""Build a dense network from its description."""

from __future__ import annotations

import logging

import torch
from torch import nn

from descale.base.classes import BINARY, ClassTable
from descale.base.errors import ModelError
from descale.models.architectures import find_architecture
from descale.models.encoder_weights import load_encoder_weights
from descale.models.encoders import check_encoder, normalisation
from descale.models.half import end_at_half
from descale.models.spec import STRIDE, ModelSpec

logger = logging.getLogger(__name__)


def make_spec(
    architecture: str,
    encoder: str,
    *,
    classes: ClassTable = BINARY,
    input_size: tuple[int, int] = (160, 160),
    threshold: float = 0.5,
) -> ModelSpec:
    """A :class:`ModelSpec` with the encoder's own normalisation.

    Raises:
        ModelError: unknown architecture or encoder (the nearest names are given), or a bad size.
    """
    find_architecture(architecture)
    check_encoder(encoder)
    mean, std = normalisation(encoder)
    return ModelSpec(architecture, encoder, classes, mean, std, input_size, threshold)


def build_network(spec: ModelSpec, *, encoder_weights: str = "none") -> nn.Module:
    """Build a dense network in evaluation mode.

    The network maps normalised float32 RGB ``(N, 3, H, W)`` to logits ``(N, K, H, W)``, where ``K`` is
    the number of classes (2 for corrosion or not); H and W are multiples of 32. Modules that the
    forward pass never reaches are removed, so that parameters count what is used.

    Args:
        spec: what to build.
        encoder_weights: ``none``, ``imagenet``, or the path of a file.

    Raises:
        ModelError: the encoder does not fit the architecture, or its weights cannot be had.
    """
    architecture = find_architecture(spec.architecture)
    check_encoder(spec.encoder)
    try:
        network = architecture.constructor(
            encoder_name=spec.encoder, encoder_weights=None, classes=len(spec.classes), activation=None
        )
        if architecture.half:
            end_at_half(network)
        network.eval()
        with torch.no_grad():  # some encoders take pictures of one size alone
            network(torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE))
    except Exception as error:  # encoders of any library, each with errors of its own
        first = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ModelError(
            f"{architecture.title} cannot use encoder '{spec.encoder}': {first}. "
            "docs/encoders.md lists those tried."
        ) from error
    load_encoder_weights(network.get_submodule("encoder"), spec.encoder, encoder_weights)
    strip_unreached(network)
    return network


def strip_unreached(network: nn.Module) -> tuple[str, ...]:
    """Remove modules with parameters that the forward pass never calls; returns their names.

    Some encoders carry a classifier's last convolution (EfficientNet's ``conv_head``), which would
    put a floor under the parameter count that no pruning could lower.
    """
    reached: set[nn.Module] = set()
    handles = [module.register_forward_hook(lambda m, _i, _o: reached.add(m)) for module in network.modules()]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, 2 * STRIDE, 2 * STRIDE))
    finally:
        for handle in handles:
            handle.remove()
    removed = []
    for name, module in list(network.named_modules()):
        if module in reached or not any(True for _ in module.parameters(recurse=False)):
            continue
        parent = network.get_submodule(name.rpartition(".")[0])
        if isinstance(parent, nn.ModuleList):
            continue  # removing an element would renumber its siblings
        setattr(parent, name.rpartition(".")[2], nn.Identity())
        removed.append(name)
    if removed:
        logger.debug("removed %d modules that the forward pass never reaches: %s", len(removed), removed)
    return tuple(removed)
