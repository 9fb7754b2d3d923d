"""One labelled photo out of nothing but a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from descale.synthesize.camera import expose
from descale.synthesize.colour import RUSTY_PAINTS, Picture, blend, flat, pick
from descale.synthesize.corrosion import FAIR, POOR, SEVERE, blisters, corrosion_depth, render
from descale.synthesize.lookalikes import leaves, surroundings
from descale.synthesize.noise import Field, Size, fractal, grid, ramp
from descale.synthesize.steel import sound_steel
from descale.synthesize.structure import structure


@dataclass(frozen=True)
class Scene:
    """A photo and its exact label.

    Attributes:
        photo: uint8 (H, W, 3), RGB.
        severity: uint8 (H, W): 0 sound or no steel, 1 fair, 2 poor, 3 severe.
    """

    photo: NDArray[np.uint8]
    severity: NDArray[np.uint8]


def draw_scene(seed: int, index: int, size: Size) -> Scene:
    """Scene number ``index`` of the set with this seed; depends on nothing else.

    Args:
        seed: of the set, 0 or more.
        index: number of the scene, 0 or more.
        size: height and width in pixels, each at least 32.
    """
    rng = np.random.default_rng((seed, index))
    form = structure(rng, size)
    steel = sound_steel(rng, size)
    if rng.random() < 0.4:
        steel = _repainted(rng, size, steel)
    depth = corrosion_depth(rng, size, form)
    if rng.random() < 0.25:
        steel, depth = blisters(rng, size, steel, depth)
        depth = np.where(form.inside > 0, depth, np.float32(-0.01))
    picture: Picture = render(rng, steel, depth) * form.shade[..., None]
    if form.inside.min() < 0:
        behind: Picture = surroundings(rng, size)
        fall = np.exp(np.minimum(form.inside, 0) / (0.06 * min(size)))  # the steel's own shadow
        behind = behind * (1 - 0.35 * fall)[..., None]
        picture = blend(behind, picture, ramp(form.inside, -0.5, 0.5))
    severity = np.digitize(depth, (FAIR, POOR, SEVERE), right=True).astype(np.uint8)
    if rng.random() < 0.2:
        picture, covered = leaves(rng, picture, int(rng.integers(3, 10)))
        severity[covered > 0.5] = 0
    return Scene(expose(rng, picture), severity)


def _repainted(rng: np.random.Generator, size: Size, steel: Picture) -> Picture:
    """Touch-up in a colour of rust: smooth, with crisp borders; a square, a band, or a spill."""
    y, x = grid(size)
    unit = min(size)
    form = rng.integers(3)
    inside: Field
    if form == 0:
        half_y, half_x = rng.uniform(0.08, 0.3, 2) * unit
        centre_y, centre_x = rng.uniform(0.1, 0.9, 2) * size
        inside = np.minimum(half_y - np.abs(y - centre_y), half_x - np.abs(x - centre_x))
    elif form == 1:
        angle = rng.uniform(0, np.pi)
        offset = rng.uniform(0.2, 0.8) * unit
        inside = rng.uniform(0.04, 0.15) * unit - np.abs(x * np.cos(angle) + y * np.sin(angle) - offset)
    else:
        inside = (fractal(rng, size, 3, octaves=2, gain=0.3) - rng.uniform(0.4, 1.2)) * 0.2 * unit
    coat = flat(size, pick(rng, RUSTY_PAINTS)) * (1 + 0.03 * fractal(rng, size, 3, octaves=2))[..., None]
    return blend(steel, coat, ramp(inside.astype(np.float32), -0.7, 0.7))
