"""Which file names are those of tiles: the name of a photo, followed by the place of the tile in it.

One name does not tell a coordinate from a counter; the names of a set do. The places of tiles form a grid:
few values in each position, and the same places under several beginnings.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SURE_SOURCES = 3
"""Beginnings under which one grid of pixel coordinates recurs from which on they surely are tiles."""
LEAST_RECURRING = 0.5
"""Share of the places of a beginning that must occur under another one as well."""
MOST_VALUES = 50
"""Rows or columns; more values in one position, unless all are multiples of a step, are a counter."""
LEAST_STEP = 8
"""Pixels between tiles. Smaller steps may be rows and columns, or numbers of anything else."""
LEAST_ON_STEP = 0.6
"""Share of the tiles that start at a multiple of the step; the last of a row may be moved in."""
LEAST_TILES = 4
"""Tiles of a single photo that show a grid."""
LEAST_NUMBERS, MOST_NUMBERS = 2, 4

_PLACES = re.compile(
    r"(?:(?:[\W_]+[^\W\d_]{0,3}|[xyrcXYRC]|row|col)\d+){2,}(?=(?:[_.](?:jpe?g|png|tiff?|bmp|webp))?$)",
    re.ASCII | re.IGNORECASE,
)
_PLACE = re.compile(r"(?:[\W_]+[^\W\d_]{0,3}|[xyrcXYRC]|row|col)(\d+)", re.ASCII | re.IGNORECASE)

Place = tuple[int, ...]
"""The last numbers of a name, in their order."""


@dataclass(frozen=True)
class Tiles:
    """What the names of a set tell of tiles; each field holds, for a name, the beginning it shares.

    Attributes:
        sure: the beginning is the name of a photo that was cut.
        possible: beginnings that may be one, the longest first.
        lone: the grid stands under this beginning alone.
    """

    sure: Mapping[str, str]
    possible: Mapping[str, tuple[str, ...]]
    lone: Mapping[str, str]

    def likely(self, name: str) -> str | None:
        """The photo of which this may be a tile."""
        nearest = self.possible.get(name, (None,))[0]
        return self.sure.get(name) or nearest or self.lone.get(name)


def find_tiles(names: Sequence[str]) -> Tiles:
    """Tell tiles from other numbered names.

    >>> photos = ("pier", "dock", "wall")
    >>> found = find_tiles([f"{photo}_{y}_{x}" for photo in photos for y in (0, 64) for x in (0, 64)])
    >>> found.sure["pier_0_64"]
    'pier'
    """
    sure: dict[str, str] = {}
    possible: dict[str, tuple[str, ...]] = {}
    lone: dict[str, str] = {}
    for count in range(LEAST_NUMBERS, MOST_NUMBERS + 1):
        sources: dict[str, dict[str, Place]] = defaultdict(dict)
        for name in names:
            if parted := _parted(name, count):
                sources[parted[0]][name] = parted[1]
        common = Counter(place for tiles in sources.values() for place in set(tiles.values()))
        recurring = {source: tiles for source, tiles in sources.items() if source and _recurs(tiles, common)}
        pixels = _is_pixels(recurring)
        if pixels or _is_grid(recurring):
            for source, tiles in recurring.items():
                for name in tiles:
                    possible[name] = (*possible.get(name, ()), source)
                    if pixels and len(recurring) >= SURE_SOURCES:
                        sure[name] = source
        for source, tiles in sources.items():
            if source not in recurring and len(tiles) >= LEAST_TILES and _is_pixels({source: tiles}):
                lone.update(dict.fromkeys(tiles, source))
    return Tiles(sure, possible, lone)


def _parted(name: str, count: int) -> tuple[str, Place] | None:
    found = _PLACES.search(name)
    numbers = [] if found is None else list(_PLACE.finditer(name, found.start(), found.end()))
    if len(numbers) < count:
        return None
    last = numbers[-count:]
    return name[: last[0].start()], tuple(int(number.group(1)) for number in last)


def _recurs(tiles: Mapping[str, Place], common: Mapping[Place, int]) -> bool:
    places = set(tiles.values())
    return len(places) > 1 and sum(common[place] > 1 for place in places) >= LEAST_RECURRING * len(places)


def _varying(sources: Mapping[str, Mapping[str, Place]]) -> list[list[int]]:
    """The numbers of all tiles in each position where they differ."""
    places = [place for tiles in sources.values() for place in tiles.values()]
    columns = [list(column) for column in zip(*places, strict=True)]
    return [column for column in columns if len(set(column)) > 1]


def _is_grid(sources: Mapping[str, Mapping[str, Place]]) -> bool:
    """Few values in each of at least two positions."""
    varying = _varying(sources)
    few = all(len(set(column)) <= min(MOST_VALUES, len(column) / 2) for column in varying)
    return len(varying) >= LEAST_NUMBERS and few


def _is_pixels(sources: Mapping[str, Mapping[str, Place]]) -> bool:
    """Most numbers go up by a step of several pixels, from 0 on in at least two positions."""
    varying = _varying(sources)
    from_0 = sum(min(column) == 0 for column in varying)
    return from_0 >= LEAST_NUMBERS and all(_on_a_step(column, len(sources)) for column in varying)


def _on_a_step(column: Sequence[int], sources: int) -> bool:
    first = min(column)
    counts = Counter(number - first for number in column)
    steps = [value for value, count in counts.items() if value > 0 and count >= sources / 2]
    step = min(steps, default=0)
    if step < LEAST_STEP or len(counts) > len(column) / 2:
        return False
    return sum(n for value, n in counts.items() if value % step == 0) >= LEAST_ON_STEP * len(column)
