"""Things that only look like rust: brick, soil, wood, leaves, brown paint; and plain surroundings."""

from __future__ import annotations

import numpy as np

from descale.synthesize.colour import RUST, RUSTY_PAINTS, Picture, along, blend, flat, pick
from descale.synthesize.noise import Field, Size, cells, fractal, grid, ramp, relief, smooth, standard


def brick(rng: np.random.Generator, size: Size) -> Picture:
    """Courses of brick in running bond with mortar."""
    y, x = grid(size)
    course = min(size) / rng.uniform(6, 14)
    length = course * rng.uniform(2.2, 3.2)
    wobble = smooth(rng, size, 6) * course * 0.12
    row = np.floor((y + wobble) / course)
    shifted = x + wobble + (row % 2) * length / 2 + rng.uniform(0, length)
    column = np.floor(shifted / length)
    tone = _hash(row, column)
    across, down = shifted / length - column, (y + wobble) / course - row
    joint = np.minimum(np.minimum(across, 1 - across) * length, np.minimum(down, 1 - down) * course)
    warm = along(RUST[1:6], np.clip(0.15 + 0.55 * tone + 0.08 * fractal(rng, size, 30, octaves=2), 0, 1))
    mortar = flat(size, pick(rng, ((176, 168, 156), (150, 146, 140)), 6))
    face = ramp(joint, course * 0.05, course * 0.12)
    return blend(mortar, warm, face) * relief(face * 2, (0.7, 0.7), 0.2)[..., None]


def soil(rng: np.random.Generator, size: Size) -> Picture:
    """Earth with crumbs and pebbles."""
    tone = np.clip(
        0.5 + 0.13 * fractal(rng, size, 3, octaves=3) + 0.12 * fractal(rng, size, 50, octaves=1), 0, 1
    )
    earth = along(((178, 138, 98), (146, 102, 66), (112, 76, 50), (78, 56, 42)), tone)
    number, border = cells(rng, size, int(rng.integers(50, 90)))
    stones = rng.random(number.max() + 1) < 0.35
    shape = ramp(border, 1.0, 4.0) * stones[number]
    pebble = along(((170, 150, 130), (120, 96, 78)), rng.random(number.max() + 1).astype(np.float32)[number])
    return blend(earth, pebble, shape * 0.8) * relief(shape * 3, (0.7, 0.7), 0.25)[..., None]


def wood(rng: np.random.Generator, size: Size) -> Picture:
    """Boards with grain."""
    y, x = grid(size)
    if rng.random() < 0.5:
        y, x = x, y
    board = min(size) / rng.uniform(2.5, 6)
    number = np.floor(x / board)
    warp = smooth(rng, size, 2.5) * board * 0.5
    rings = np.sin((x + warp) / board * rng.uniform(14, 26) + 40 * _hash(number, number * 0 + 7))
    tone = np.clip(0.45 + 0.16 * rings + 0.3 * (_hash(number, number * 0) - 0.5), 0, 1)
    base = along(((206, 156, 100), (170, 112, 64), (128, 80, 48), (90, 56, 38)), tone)
    gap = np.minimum(x / board - number, 1 - (x / board - number)) * board
    return base * (0.35 + 0.65 * ramp(gap, 0.3, 1.6))[..., None]


def litter(rng: np.random.Generator, size: Size) -> Picture:
    """Ground covered with fallen leaves."""
    picture = soil(rng, size) * 0.7
    return leaves(rng, picture, int(rng.integers(30, 60)))[0]


def leaves(rng: np.random.Generator, picture: Picture, count: int) -> tuple[Picture, Field]:
    """Leaves laid on a picture: pointed ovals in autumn colours with a midrib and side veins.

    Returns:
        the picture, and how far leaves cover each pixel (0..1).
    """
    height, width = picture.shape[:2]
    result = picture.copy()
    covered = np.zeros((height, width), dtype=np.float32)
    for _ in range(count):
        length = min(height, width) * rng.uniform(0.06, 0.13)
        cy, cx = rng.uniform(0, height), rng.uniform(0, width)
        top, left = max(0, int(cy - length)), max(0, int(cx - length))
        bottom, right = min(height, int(cy + length) + 1), min(width, int(cx + length) + 1)
        if bottom - top < 3 or right - left < 3:
            continue
        y, x = grid((bottom - top, right - left))
        turn = rng.uniform(0, 2 * np.pi)
        u = ((x + left - cx) * np.cos(turn) + (y + top - cy) * np.sin(turn)) / length
        v = (-(x + left - cx) * np.sin(turn) + (y + top - cy) * np.cos(turn)) / length
        shape = ramp(0.42 * (1 - u**2) - np.abs(v), 0.0, 0.06) * (np.abs(u) < 1)
        colour = pick(rng, ((196, 128, 52), (164, 84, 40), (130, 72, 40), (188, 150, 70), (110, 66, 42)), 10)
        veins = np.exp(-((v * 26) ** 2)) + 0.4 * np.exp(-((np.sin((u + np.abs(v)) * 14) * 2.5) ** 2))
        leaf = flat(u.shape, colour) * (0.9 + 0.25 * veins + 0.25 * v)[..., None].astype(np.float32)
        window = result[top:bottom, left:right]
        shadow = np.roll(shape, (1, 1), (0, 1)) * 0.4
        window *= (1 - shadow)[..., None]
        window[:] = blend(window, leaf, shape.astype(np.float32))
        covered[top:bottom, left:right] = np.maximum(covered[top:bottom, left:right], shape)
    return result, covered


def brown_paint(rng: np.random.Generator, size: Size) -> Picture:
    """A smooth coat in a colour of rust, on timber or cladding: no grain, a few panel joints."""
    _, x = grid(size)
    base = flat(size, pick(rng, RUSTY_PAINTS)) * (1 + 0.06 * fractal(rng, size, 2, octaves=2))[..., None]
    panel = min(size) / rng.uniform(1.5, 6)
    joint = np.abs((x / panel) % 1 - 0.5) * panel
    return base * (0.55 + 0.45 * ramp(joint, 0.4, 2.0))[..., None]


def concrete(rng: np.random.Generator, size: Size) -> Picture:
    """Grey, stained, with pores."""
    base = flat(size, pick(rng, ((160, 156, 150), (128, 126, 122)), 8))
    base *= (1 + 0.07 * fractal(rng, size, 3, octaves=5))[..., None]
    pores = ramp(fractal(rng, size, 40, octaves=1), 1.9, 2.4)
    return base * (1 - 0.45 * pores)[..., None]


def foliage(rng: np.random.Generator, size: Size) -> Picture:
    """Green, out of focus."""
    tone = np.clip(0.5 + 0.3 * fractal(rng, size, 7, octaves=3), 0, 1)
    return along(((150, 170, 96), (92, 124, 60), (48, 70, 40), (26, 38, 26)), tone)


def sky(rng: np.random.Generator, size: Size) -> Picture:
    """Blue or overcast."""
    height = grid(size)[0] / size[0]
    base = along((tuple(pick(rng, ((150, 180, 215), (200, 206, 212)), 6)), (228, 232, 236)), height)
    return base + (standard(fractal(rng, size, 2, octaves=3)) * 5)[..., None]


SURROUNDINGS = (brick, soil, wood, litter, brown_paint, concrete, foliage, sky)
SURROUNDING_SHARES = (0.17, 0.16, 0.16, 0.12, 0.15, 0.12, 0.07, 0.05)


def surroundings(rng: np.random.Generator, size: Size) -> Picture:
    """What stands behind the steel; three times in four something in the colours of rust."""
    return SURROUNDINGS[rng.choice(len(SURROUNDINGS), p=SURROUNDING_SHARES)](rng, size)


def _hash(a: Field, b: Field) -> Field:
    """A fixed pseudo-random number 0..1 for each pair of whole numbers."""
    value = np.sin(a * 127.1 + b * 311.7) * 43758.547
    return (value - np.floor(value)).astype(np.float32)
