"""Rust grades of two standards, from the corroded share of a surface.

Both are visual comparisons defined for **painted** steel whose surface is seen whole. A photo shows a part of
it, and a network also counts corrosion of bare steel; take the grades as an orientation, not as a
certificate.

Borders, each inclusive at its upper end:

- ISO 4628-3, degree of rusting Ri: the standard's pictures stand for 0, 0.05, 0.5, 1, 8 and
  40-50 %. Here a surface has the lowest degree whose value it does not exceed; above 8 % it is Ri 5.
- ASTM D610, rust grade: 10 up to 0.01 %, then 0.03, 0.1, 0.3, 1, 3, 10, 16, 33, 50 %; 0 above 50 %.
"""

from __future__ import annotations

CAVEAT = (
    "ISO 4628-3 and ASTM D610 grades are defined for painted surfaces seen whole and judged by eye; "
    "computed from a photo they are an orientation, not a certificate."
)

_ISO_BORDERS = (0.0, 0.05, 0.5, 1.0, 8.0)
ISO_DEGREES = len(_ISO_BORDERS) + 1
"""Ri 0 to Ri 5."""
_ASTM_BORDERS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 16.0, 33.0, 50.0)


def iso_4628_3(percent: float) -> int:
    """Degree of rusting Ri, 0 (none) to 5, of a surface rusted by ``percent`` (0..100).

    >>> [iso_4628_3(p) for p in (0, 0.01, 0.05, 0.3, 1, 8, 8.1, 45)]
    [0, 1, 1, 2, 3, 4, 5, 5]

    Raises:
        ValueError: ``percent`` is not in 0..100.
    """
    return _steps_above(percent, _ISO_BORDERS)


def astm_d610(percent: float) -> int:
    """Rust grade 10 (none) to 0 of a surface rusted by ``percent`` (0..100).

    >>> [astm_d610(p) for p in (0, 0.01, 0.02, 1, 12, 50, 51)]
    [10, 10, 9, 6, 3, 1, 0]

    Raises:
        ValueError: ``percent`` is not in 0..100.
    """
    return 10 - _steps_above(percent, _ASTM_BORDERS)


def _steps_above(percent: float, borders: tuple[float, ...]) -> int:
    if not 0 <= percent <= 100:
        raise ValueError(f"{percent} is not a percentage from 0 to 100")
    return sum(percent > border for border in borders)
