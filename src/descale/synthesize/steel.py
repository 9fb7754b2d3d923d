"""Sound steel: painted, bare and galvanised."""

from __future__ import annotations

import numpy as np

from descale.synthesize.colour import PAINTS, RUSTY_PAINTS, Picture, blend, flat, pick
from descale.synthesize.noise import Size, cells, fractal, ramp, relief, smooth


def painted(rng: np.random.Generator, size: Size) -> Picture:
    """Paint with brush or roller marks, chalking and dirt; a third of the time in a colour of rust."""
    rusty = rng.random() < 0.35
    base = flat(size, pick(rng, RUSTY_PAINTS if rusty else PAINTS))
    along_y = rng.random() < 0.5
    marks = fractal(rng, size, rng.uniform(10, 24), octaves=2, stretch=(6, 1) if along_y else (1, 6))
    base *= (1 + rng.uniform(0.01, 0.035) * marks)[..., None]
    cloud = fractal(rng, size, 2, octaves=2)
    base *= (1 + 0.05 * cloud)[..., None]
    if rng.random() < 0.5:  # dirt, grey and never warm
        dirt = ramp(fractal(rng, size, 4, octaves=4), 0.6, 2.2) * rng.uniform(0.15, 0.45)
        base = blend(base, flat(size, (72, 72, 68)), dirt)
    if rng.random() < 0.35:  # old coat under chipped new paint, crisp edges
        chips = ramp(fractal(rng, size, 5, octaves=3), 1.25, 1.35)
        base = blend(base, flat(size, pick(rng, PAINTS + RUSTY_PAINTS)), chips)
        base *= relief(chips * 2, (0.7, 0.7), 0.25)[..., None]
    return base


def bare(rng: np.random.Generator, size: Size) -> Picture:
    """Mill scale or ground steel: bluish to warm grey, brushed along one direction."""
    grey = rng.uniform(70, 165)
    tint = np.asarray([rng.uniform(-4, 10), 0, rng.uniform(-8, 8)], dtype=np.float32)
    base = flat(size, grey + tint)
    stretch = (1.0, 14.0) if rng.random() < 0.5 else (14.0, 1.0)
    base *= (1 + rng.uniform(0.03, 0.07) * fractal(rng, size, 40, octaves=2, stretch=stretch))[..., None]
    base *= (1 + 0.08 * fractal(rng, size, 3, octaves=3))[..., None]
    heat = ramp(fractal(rng, size, 2, octaves=2), 0.5, 2.0) * rng.uniform(0, 0.5)  # bluish temper colours
    return blend(base, flat(size, (70, 76, 104)), heat)


def galvanised(rng: np.random.Generator, size: Size) -> Picture:
    """Zinc: spangles of slightly different grey, white bloom."""
    number, border = cells(rng, size, int(rng.integers(25, 60)))
    tones = rng.normal(0, 11, number.max() + 1).astype(np.float32)
    base = flat(size, pick(rng, ((168, 172, 176), (146, 150, 154)), 6)) + tones[number][..., None]
    base += (smooth(rng, size, 30) * 8)[..., None]
    base += (5 * np.exp(-border))[..., None]
    bloom = ramp(fractal(rng, size, 4, octaves=4), 0.8, 2.0) * rng.uniform(0, 0.6)
    return blend(base, flat(size, (222, 222, 220)), bloom)


SURFACES = (painted, bare, galvanised)
SURFACE_SHARES = (0.64, 0.2, 0.16)


def sound_steel(rng: np.random.Generator, size: Size) -> Picture:
    """One of the surfaces; paint most often, as on real structures."""
    return SURFACES[rng.choice(len(SURFACES), p=SURFACE_SHARES)](rng, size)
