"""Photos that show parts of one another: tiles cut with overlap, frames of a slow pan.

They are no copies, so their thumbnails differ; moved over each other, they agree where they overlap. Every
pair of a set would take too long: looked at are those whose names are numbered alike, a few numbers apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from descale.data.check.duplicates import FLAT
from descale.data.check.scan import THUMBNAIL, Scanned
from descale.data.scenes import source_name

NEIGHBOURS = 6
"""Photos that follow in the order of their numbers and are compared with each."""
LEAST_OVERLAP = 0.45
"""Share of a photo that must be seen in the other; less agrees by chance."""
LEAST_CORRELATION = 0.955
"""Of the grey levels in the overlap. Neighbours of one video reach 0.96 in the middle (NEA, 815 pairs);
different photos 0.84 at most (rust-photos, 1173 pairs), smooth drawn ones 0.94 (3,600 pairs)."""

_PADDED = 2 * THUMBNAIL
Transformed = tuple[NDArray[np.complex128], NDArray[np.complex128]]


def overlapping_across_splits(scanned: Sequence[Scanned]) -> Iterator[tuple[int, int]]:
    """Pairs (i, j) of photos in different splits that show parts of one another."""
    families: dict[str, list[tuple[list[int], int]]] = defaultdict(list)
    for place, one in enumerate(scanned):
        if one.thumbnail is not None and one.thumbnail.std() >= FLAT:
            name = source_name(one.sample.image.stem)
            numbers = [int(digits) for digits in re.findall(r"\d+", name)]
            families[re.sub(r"\d+", "#", name)].append((numbers, place))
    spectra: dict[int, Transformed] = {}
    for family in families.values():
        family.sort()
        for rank, (_, i) in enumerate(family):
            for _, j in family[rank + 1 : rank + 1 + NEIGHBOURS]:
                if scanned[i].sample.split != scanned[j].sample.split:
                    for place in (i, j):
                        if place not in spectra:
                            spectra[place] = _transformed(scanned[place].thumbnail)
                    if _agreement(spectra[i], spectra[j]) >= LEAST_CORRELATION:
                        yield i, j


def _transformed(thumbnail: NDArray[np.float32] | None) -> Transformed:
    assert thumbnail is not None
    levels = thumbnail.astype(np.float64) - float(thumbnail.mean())
    return _spectrum(levels), _spectrum(levels * levels)


def _agreement(first: Transformed, second: Transformed) -> float:
    """Highest correlation over all shifts whose overlap is large enough and shows something.

    Masked normalised cross-correlation by Fourier transforms (Padfield 2012, doi 10.1109/TIP.2011.2181402).
    """
    (a, aa), (b, bb) = first, second
    a_sum, aa_sum = _product(a, _WHOLE), _product(aa, _WHOLE)
    b_sum, bb_sum = _product(_WHOLE, b), _product(_WHOLE, bb)
    covariance = _product(a, b) - a_sum * b_sum / _OVERLAP
    spreads = (aa_sum - a_sum**2 / _OVERLAP, bb_sum - b_sum**2 / _OVERLAP)
    usable = _ENOUGH & (spreads[0] > FLAT**2 * _OVERLAP) & (spreads[1] > FLAT**2 * _OVERLAP)
    if not usable.any():
        return 0.0
    return float((covariance[usable] / np.sqrt(spreads[0][usable] * spreads[1][usable])).max())


def _spectrum(levels: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(np.fft.rfft2(levels, (_PADDED, _PADDED)))


def _product(first: NDArray[np.complex128], second: NDArray[np.complex128]) -> NDArray[np.float64]:
    return np.asarray(np.fft.irfft2(first * second.conj(), (_PADDED, _PADDED)))


_WHOLE = _spectrum(np.ones((THUMBNAIL, THUMBNAIL)))
_OVERLAP = np.maximum(_product(_WHOLE, _WHOLE).round(), 1.0)
_ENOUGH = _OVERLAP >= LEAST_OVERLAP * THUMBNAIL**2
