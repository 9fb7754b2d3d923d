"""Photos without corrosion, of things in its colours: car paint, copper, clean steel, earth, brick, wood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from descale.synthesize.camera import expose
from descale.synthesize.colour import RUST, RUSTY_PAINTS, Colour, Picture, along, blend, flat, pick
from descale.synthesize.lookalikes import surroundings
from descale.synthesize.noise import Field, Size, fractal, grid, ramp, smooth
from descale.synthesize.scene import Scene
from descale.synthesize.steel import sound_steel
from descale.synthesize.structure import structure

GLOSSY: tuple[Colour, ...] = (
    (196, 24, 28),
    (150, 18, 24),
    (214, 72, 20),
    (232, 118, 24),
    (120, 40, 26),
    (92, 48, 34),
    (206, 160, 30),
)
"""Car, machine and ship paint: reds, oranges, browns, yellow."""

COPPER: tuple[Colour, ...] = ((92, 44, 26), (152, 82, 48), (200, 122, 78), (236, 178, 138), (255, 228, 204))
"""From the shade to the highlight of copper and bronze."""

STEEL: tuple[Colour, ...] = ((40, 44, 50), (96, 100, 106), (150, 154, 158), (206, 208, 210), (250, 250, 248))
"""From the shade to the highlight of clean steel."""

RUSTY: tuple[tuple[Colour, ...], ...] = (
    RUST[::-1],
    COPPER,
    ((64, 30, 24), (120, 56, 42), (170, 92, 70), (214, 148, 118), (240, 206, 182)),
    ((60, 36, 16), (128, 76, 30), (190, 120, 46), (226, 168, 84), (246, 216, 156)),
    ((70, 14, 14), (140, 26, 24), (196, 50, 40), (226, 110, 90), (248, 196, 180)),
)
"""From the shade to the highlight of things in colours of rust: rust itself, copper, clay, ochre, red."""


def draw_distractor(seed: int, index: int, size: Size) -> Scene:
    """Photo number ``index`` of the set with this seed: no pixel of it is corroded.

    Args:
        seed: of the set, 0 or more.
        index: number of the photo, 0 or more.
        size: height and width in pixels, each at least 32.

    >>> int(draw_distractor(0, 3, (32, 32)).severity.max())
    0
    """
    rng = np.random.default_rng((seed, index, 2))
    kind = DISTRACTORS[rng.choice(len(DISTRACTORS), p=SHARES)]
    return Scene(expose(rng, kind(rng, size)), np.zeros(size, dtype=np.uint8))


def repaint(
    rng: np.random.Generator, photo: NDArray[np.uint8], severity: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """A real photo with smooth paint in a colour of rust on a part that is not corroded.

    Args:
        rng: source of randomness.
        photo: uint8 (H, W, 3), RGB.
        severity: uint8 (H, W); what is not 0 stays as it is.

    Returns:
        uint8 (H, W, 3); the label stays right.
    """
    size = (photo.shape[0], photo.shape[1])
    unit = min(size)
    soft = Image.fromarray(photo).filter(ImageFilter.GaussianBlur(unit * rng.uniform(0.004, 0.03)))
    light = np.asarray(soft, dtype=np.float32).mean(-1)
    light = light / (light.mean() + 1.0)
    coat = flat(size, pick(rng, RUSTY_PAINTS + GLOSSY)) * np.clip(light, 0.3, 2.0)[..., None]
    there = ramp(fractal(rng, size, rng.uniform(1.5, 4), octaves=2, gain=0.3), 0.15, 0.2)
    near = Image.fromarray(((severity > 0) * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(9))
    there = there * (np.asarray(near) == 0) * rng.uniform(0.75, 1.0)
    painted = blend(photo.astype(np.float32), coat, there.astype(np.float32))
    return np.clip(painted, 0, 255).round().astype(np.uint8)


def recolour(
    rng: np.random.Generator, photo: NDArray[np.uint8], severity: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """A real photo whose sound parts keep their texture and get the colours of rust, copper, clay or paint.

    Args:
        rng: source of randomness.
        photo: uint8 (H, W, 3), RGB.
        severity: uint8 (H, W); what is not 0 stays as it is.

    Returns:
        uint8 (H, W, 3); the label stays right: only the colour is that of rust.
    """
    size = (photo.shape[0], photo.shape[1])
    light = photo.astype(np.float32).mean(-1)
    low, high = np.percentile(light, (2, 98))
    tone = np.clip((light - low) / (high - low + 1.0), 0, 1) ** rng.uniform(0.7, 1.5)
    colours = RUSTY[rng.integers(len(RUSTY))]
    tinted = along(colours, tone * rng.uniform(0.6, 1.0) + rng.uniform(0, 0.2))
    near = Image.fromarray(((severity > 0) * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(9))
    there = ramp(fractal(rng, size, rng.uniform(1, 4), octaves=2, gain=0.3), -1.0, -0.4)
    there = there * (np.asarray(near) == 0) * rng.uniform(0.6, 1.0)
    mixed = blend(photo.astype(np.float32), tinted, there.astype(np.float32))
    return np.clip(mixed, 0, 255).round().astype(np.uint8)


# ---- what there is ------------------------------------------------------------------------------------


def bodywork(rng: np.random.Generator, size: Size) -> Picture:
    """Glossy curved paint with reflections of the sky, seams and dark windows, before some surroundings."""
    y, x = grid(size)
    unit = min(size)
    form = 2.2 * smooth(rng, size, rng.uniform(1, 2.5), stretch=(1, 2))
    base = flat(size, pick(rng, GLOSSY)) * (0.55 + 0.5 * ramp(form, -1, 1))[..., None]
    sky = ramp(np.sin(4.0 * form + rng.uniform(0, 6)), 0.75, 0.98) * rng.uniform(0.2, 0.7)
    base = blend(base, flat(size, (236, 240, 244)), sky)
    dark = ramp(np.sin(3.1 * form + rng.uniform(0, 6)), 0.8, 0.97) * rng.uniform(0.1, 0.5)
    base = blend(base, base * 0.35, dark)
    for _ in range(rng.integers(1, 5)):
        angle = rng.choice([0.0, 0.5]) * np.pi + rng.normal(0, 0.2)
        line = x * np.cos(angle) + y * np.sin(angle) + form * 0.06 * unit - rng.uniform(0.1, 0.9) * unit
        base = base * (1 - 0.75 * np.exp(-((line / (0.006 * unit)) ** 2)))[..., None]
    for _ in range(rng.integers(0, 3)):
        glass = _box(rng, size)
        base = blend(base, along(((20, 24, 30), (120, 134, 146)), ramp(form, -1, 1)), ramp(glass, -1, 1))
    return _before_something(rng, size, base, 0.75)


def round_metal(rng: np.random.Generator, size: Size) -> Picture:
    """Pipes, coils, cans and bolts of copper, bronze or clean steel: shade and highlight along each."""
    y, x = grid(size)
    ramp_of = COPPER if rng.random() < 0.65 else STEEL
    angle = rng.uniform(0, np.pi)
    across = x * np.cos(angle) + y * np.sin(angle)
    radius = min(size) * rng.uniform(0.03, 0.3)
    place = (across / radius) % 2 - 1
    light = rng.uniform(-0.5, 0.5)
    shade = np.sqrt(np.clip(1 - place**2, 0, 1)) * 0.55 + 0.4 * np.exp(-(((place - light) / 0.16) ** 2))
    shade = shade + 0.05 * fractal(rng, size, 30, octaves=2, stretch=(8, 1)) + 0.04 * smooth(rng, size, 3)
    return _before_something(rng, size, along(ramp_of, np.clip(shade, 0, 1)), 0.5)


def sheet_metal(rng: np.random.Generator, size: Size) -> Picture:
    """Flat copper, bronze or clean steel: brushed, with soft reflections."""
    ramp_of = COPPER if rng.random() < 0.65 else STEEL
    stretch = (1.0, 16.0) if rng.random() < 0.5 else (16.0, 1.0)
    tone = 0.5 + 0.22 * smooth(rng, size, 2) + 0.03 * fractal(rng, size, 50, octaves=2, stretch=stretch)
    tone = tone + 0.35 * ramp(smooth(rng, size, rng.uniform(2, 5)), 0.4, 0.9)
    return _before_something(rng, size, along(ramp_of, np.clip(tone, 0, 1)), 0.4)


def clean_steel(rng: np.random.Generator, size: Size) -> Picture:
    """A sound structure before surroundings."""
    form = structure(rng, size)
    steel = sound_steel(rng, size) * form.shade[..., None]
    if form.inside.min() >= 0:
        return steel
    return blend(surroundings(rng, size), steel, ramp(form.inside, -0.5, 0.5))


DISTRACTORS: tuple[Callable[[np.random.Generator, Size], Picture], ...] = (
    bodywork, round_metal, sheet_metal, clean_steel, surroundings,
)  # fmt: skip
SHARES = (0.3, 0.2, 0.15, 0.15, 0.2)


def _box(rng: np.random.Generator, size: Size) -> Field:
    """Distance to the edge of a rounded box, positive inside."""
    y, x = grid(size)
    half = rng.uniform(0.08, 0.25, 2) * size
    centre = rng.uniform(0.1, 0.9, 2) * size
    away = np.hypot(
        np.maximum(np.abs(y - centre[0]) - half[0] * 0.7, 0),
        np.maximum(np.abs(x - centre[1]) - half[1] * 0.7, 0),
    )
    return (0.3 * half.min() - away).astype(np.float32)


def _before_something(rng: np.random.Generator, size: Size, thing: Picture, share: float) -> Picture:
    """Now and then a border, with grey or white behind as in shops, or surroundings."""
    if rng.random() > share:
        return thing
    inside = smooth(rng, size, rng.uniform(1, 2)) + rng.uniform(0.0, 0.4)
    behind = flat(size, (rng.uniform(120, 255),) * 3) if rng.random() < 0.4 else surroundings(rng, size)
    return blend(behind, thing, ramp(inside, 0.0, 4.0 / min(size)))
