"""What happens to the pictures of an epoch, drawn by the name of the augmentation.

It is drawn on the CPU (:func:`draw`), so that a seed means the same on every device;
:mod:`descale.data.augment` does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from descale.base.errors import ConfigError
from descale.base.spelling import suggestion

ATTEMPTS = 10
"""Windows that are drawn until one fits into the picture."""

GREY = (0.2989, 0.587, 0.114)
"""Weights of red, green and blue in the brightness of a pixel, as torchvision has them."""


@dataclass(frozen=True)
class Draws:
    """What happens to each of M pictures.

    Attributes:
        geometry: ``(M, 3, 3)``, from the augmented picture to its source, both -1..1 from edge to edge.
        colour: ``(M, 3, 3)``, the linear part of the change of light.
        mean_colour: ``(M, 3, 3)``, what the mean colour of the picture adds to every pixel.
        equalize: bool ``(M,)``, whether the histogram of every colour is spread out.
        frame: ``(M, 3, 3)``, from the augmented picture to the part that was cut out before it was seen at an
            angle; beyond -1..1 it is black. Read only by augmentations that bend.
    """

    geometry: Tensor
    colour: Tensor
    mean_colour: Tensor
    equalize: Tensor
    frame: Tensor

    def __getitem__(self, rows: slice | Tensor) -> Draws:
        return Draws(*(getattr(self, field.name)[rows] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.geometry)

    def to(self, device: torch.device) -> Draws:
        """The same on another device."""
        return Draws(*(getattr(self, field.name).to(device, non_blocking=True) for field in fields(self)))

    def copy_(self, other: Draws) -> None:
        """Take over the values of another, in place."""
        for field in fields(self):
            getattr(self, field.name).copy_(getattr(other, field.name), non_blocking=True)


Size = tuple[int, int]
Drawing = Callable[[int, Size, Size, torch.Generator], Draws]
"""Number of pictures, (height, width) of the source and of the result -> what happens to them."""


@dataclass(frozen=True)
class Augmentation:
    """One entry of the registry.

    Attributes:
        draw: draws what happens to pictures.
        help: one line for people who choose.
        crops: whether things are about as large in the result as in the picture, however large that is;
            otherwise the result shows, now and then, the whole picture.
        bends: whether pictures are seen at an angle or with histograms spread out, which takes longer.
    """

    draw: Drawing
    help: str
    crops: bool = False
    bends: bool = False


def _uniform(count: int, low: float, high: float, random: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(count, generator=random)


def _scaling(across: Tensor, down: Tensor, right: Tensor, below: Tensor) -> Tensor:
    """Maps ``(M, 3, 3)`` that scale by ``across`` and ``down``, then move."""
    maps = torch.zeros(len(across), 3, 3)
    maps[:, 0, 0], maps[:, 1, 1], maps[:, 0, 2], maps[:, 1, 2], maps[:, 2, 2] = (
        across,
        down,
        right,
        below,
        1.0,
    )
    return maps


def _mirrors(count: int, across: float, down: float, random: torch.Generator) -> Tensor:
    """Mirrored left to right and upside down with these probabilities."""
    sides = [1.0 - 2.0 * (torch.rand(count, generator=random) < share).float() for share in (across, down)]
    nowhere = torch.zeros(count)
    return _scaling(sides[0], sides[1], nowhere, nowhere)


def _windows(height: Tensor, width: Tensor, source: Size, random: torch.Generator) -> Tensor:
    """Windows of these heights and widths, pixels, anywhere in the source; what does not fit is cut down."""
    shares = [(width / source[1]).clamp(max=1.0), (height / source[0]).clamp(max=1.0)]
    moves = [(1.0 - share) * _uniform(len(share), -1.0, 1.0, random) for share in shares]
    return _scaling(shares[0], shares[1], moves[0], moves[1])


def _light(
    count: int, brightness: float, contrast: float, saturation: float, share: float, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Brightness, contrast and saturation by up to these shares, in any order, on ``share`` of the pictures.

    Each is linear in the pixel and in the mean colour, so the three together are two matrices. Values are
    clipped once at the end, not after each.
    """
    grey = torch.tensor(GREY).expand(3, 3)
    unit = torch.eye(3)
    amounts = torch.tensor([brightness, contrast, saturation])
    factors = 1.0 + amounts * (2.0 * torch.rand(count, 3, generator=random) - 1.0)
    factors[torch.rand(count, generator=random) >= share] = 1.0
    order = torch.rand(count, 3, generator=random).argsort(1)
    pixel = unit.expand(count, 3, 3)
    whole = pixel  # what becomes of the mean colour itself
    for place in range(3):
        kind = order[:, place]
        factor = factors.gather(1, kind[:, None])[:, :, None]
        towards_grey = (1.0 - factor) * grey
        linear = factor * unit + towards_grey * (kind == 2)[:, None, None]
        with_mean = linear + towards_grey * (kind == 1)[:, None, None]
        pixel, whole = linear @ pixel, with_mean @ whole
    return pixel, whole - pixel


def _still(count: int) -> tuple[Tensor, Tensor]:
    return torch.eye(3).expand(count, 3, 3), torch.zeros(count, 3, 3)


def _flat(geometry: Tensor, light: tuple[Tensor, Tensor]) -> Draws:
    """Seen from straight in front."""
    count = len(geometry)
    return Draws(geometry, *light, torch.zeros(count, dtype=torch.bool), torch.eye(3).expand(count, 3, 3))


def _none(count: int, source: Size, size: Size, random: torch.Generator) -> Draws:
    """Whole pictures as they are."""
    return _flat(torch.eye(3).expand(count, 3, 3), _still(count))


def _standard(count: int, source: Size, size: Size, random: torch.Generator) -> Draws:
    """Photos taken by hand or drone: 35 to 100 % of the picture, mirrored, other light."""
    area = _uniform(count * ATTEMPTS, 0.35, 1.0, random) * source[0] * source[1]
    ratio = torch.exp(_uniform(count * ATTEMPTS, math.log(0.8), math.log(1.25), random))
    sides = [side.view(count, ATTEMPTS) for side in ((area / ratio).sqrt(), (area * ratio).sqrt())]
    # the first of several that fits, as in torchvision's RandomResizedCrop; else the largest there is
    chosen = ((sides[0] <= source[0]) & (sides[1] <= source[1])).float().argmax(1, keepdim=True)
    height, width = (side.gather(1, chosen)[:, 0] for side in sides)
    light = _light(count, 0.3, 0.3, 0.25, 0.8, random)
    return _flat(_windows(height, width, source, random) @ _mirrors(count, 0.5, 0.2, random), light)


def _zoom(count: int, source: Size, size: Size, random: torch.Generator) -> Draws:
    """Parts of the photo at its own scale, zoomed up to one and a half times both ways; light as standard."""
    zoom = torch.exp(_uniform(count, -math.log(1.5), math.log(1.5), random))
    stretch = torch.exp(_uniform(count, -math.log(1.25) / 2, math.log(1.25) / 2, random))
    windows = _windows(size[0] * zoom / stretch, size[1] * zoom * stretch, source, random)
    light = _light(count, 0.3, 0.3, 0.25, 0.8, random)
    return _flat(windows @ _mirrors(count, 0.5, 0.2, random), light)


def _paper(count: int, source: Size, size: Size, random: torch.Generator) -> Draws:
    """The study's: crops, flips, scale +-50 %, shift, perspective, one of equalised, brighter, contrast.

    Equalisation stands for CLAHE, as in torchvision.
    """
    nowhere, one = torch.zeros(count), torch.ones(count)
    moved = torch.rand(count, generator=random) < 0.9
    scale = torch.where(moved, _uniform(count, 0.5, 1.5, random), one)
    right, below = (torch.where(moved, _uniform(count, -0.2, 0.2, random), nowhere) for _ in range(2))
    affine = _scaling(1.0 / scale, 1.0 / scale, -right / scale, -below / scale)
    shares = [torch.full((count,), size[axis] / source[axis]) for axis in (1, 0)]
    # larger than the picture: padded alike on both sides
    moves = [(1.0 - share).clamp(min=0.0) * _uniform(count, -1.0, 1.0, random) for share in shares]
    crop = _scaling(shares[0], shares[1], moves[0], moves[1])
    kind = torch.randint(3, (count,), generator=random)
    kind[torch.rand(count, generator=random) >= 0.9] = 3
    brighter, more = _light(count, 0.2, 0.0, 0.0, 1.0, random), _light(count, 0.0, 0.2, 0.0, 1.0, random)
    light = [
        torch.where(
            (kind == 1)[:, None, None], bright, torch.where((kind == 2)[:, None, None], contrast, still)
        )
        for bright, contrast, still in zip(brighter, more, _still(count), strict=True)
    ]
    frame = _perspective(count, 0.2, 0.5, random)
    geometry = _mirrors(count, 0.5, 0.0, random) @ affine @ crop @ frame
    return Draws(geometry, light[0], light[1], kind == 0, frame)


def _perspective(count: int, distortion: float, share: float, random: torch.Generator) -> Tensor:
    """Corners moved inwards by up to ``distortion`` of half the picture, on ``share`` of the pictures."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]]).expand(count, 4, 2)
    moved = corners * (1.0 - distortion * torch.rand(count, 4, 2, generator=random))
    moved = torch.where((torch.rand(count, generator=random) < share)[:, None, None], moved, corners)
    # the map from the moved corners to the true ones: eight equations in its eight unknowns
    system, zero, one = torch.zeros(count, 4, 2, 8), torch.zeros(count, 4), torch.ones(count, 4)
    x, y = moved.unbind(-1)
    for axis in range(2):
        known = [x, y, one, zero, zero, zero] if axis == 0 else [zero, zero, zero, x, y, one]
        target = corners[..., axis]
        system[:, :, axis] = torch.stack([*known, -target * x, -target * y], -1)
    found = torch.linalg.solve(system.reshape(count, 8, 8), corners.reshape(count, 8))
    return torch.cat([found, torch.ones(count, 1)], 1).view(count, 3, 3)


AUGMENTATIONS: dict[str, Augmentation] = {
    "standard": Augmentation(_standard, "35 to 100 % of the photo, mirrored, in other light"),
    "zoom": Augmentation(_zoom, "parts of the photo at its own scale, mirrored, in other light", crops=True),
    "paper": Augmentation(
        _paper, "that of Yu et al. 2025", crops=True, bends=True
    ),
    "none": Augmentation(_none, "the photo as it is"),
}  # fmt: skip


def find_augmentation(name: str) -> Augmentation:
    """An augmentation by name.

    Raises:
        ConfigError: the name is unknown.
    """
    if name not in AUGMENTATIONS:
        raise ConfigError(f"Unknown augmentation '{name}'; {suggestion(name, AUGMENTATIONS)}")
    return AUGMENTATIONS[name]


def draw(name: str, count: int, *, source: Size, size: Size, seed: int) -> Draws:
    """Draw what happens to ``count`` pictures; the same seed draws the same.

    Args:
        name: of the augmentation.
        count: pictures.
        source: (height, width) of the pictures as they are kept.
        size: (height, width) of the augmented ones.
        seed: 0 to 2**63 - 1.

    >>> draw("standard", 2, source=(48, 48), size=(32, 32), seed=0).geometry.shape
    torch.Size([2, 3, 3])
    """
    return find_augmentation(name).draw(count, source, size, torch.Generator().manual_seed(seed))
