"""Which photos show one scene, told from their file names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from descale.base.errors import DataError
from descale.data.tiles import find_tiles

_EXPORTED_COPY = re.compile(r"\.rf\.[0-9a-zA-Z]+$")
_NUMBER = re.compile(r"(\d+)(?!.*\d)")
_END_OF_NUMBER = re.compile(r"(?<=\d)(?![^\W_])")
_END_OF_WORD = re.compile(r"(?<=[^\W_])(?=[\W_])")


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def scene(self, stem: str) -> str:
        """Scene of the photo with this file name (without ending)."""
        raise NotImplementedError

    def scenes(self, stems: Sequence[str]) -> list[str]:
        """Scene of every photo of a set, in the order of their names (without ending).

        Raises:
            DataError: the rule does not fit a name.
        """
        return [self.scene(stem) for stem in stems]


class ByName(_Rule):
    """Each file name is a scene of its own; platform copies (``NAME.rf.HASH``) belong to ``NAME``."""

    rule: Literal["name"] = "name"

    def scene(self, stem: str) -> str:
        """Scene of the photo with this file name (without ending).

        >>> ByName().scene("M3_jpg.rf.0386dfa37153f02aad43578385390841")
        'M3_jpg'
        """
        return source_name(stem)


class ByPattern(_Rule):
    """A regular expression finds the scene in the file name: its first group, or all it matches."""

    rule: Literal["pattern"]
    pattern: str

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression ({error}); try '^(.*)_[0-9]+$'") from error
        return value

    def scene(self, stem: str) -> str:
        """Scene of the photo with this file name (without ending).

        >>> ByPattern(rule="pattern", pattern="^(.*)_[0-9]+$").scene("bridge7_012")
        'bridge7'

        Raises:
            DataError: the pattern does not match, or its first group takes no part.
        """
        found = re.search(self.pattern, stem)
        scene = None if found is None else found.group(1) if found.re.groups else found.group(0)
        if not scene:
            raise DataError(
                f"The group pattern {self.pattern!r} finds nothing in the file name '{stem}'. "
                "Widen the pattern, or rename the file."
            )
        return scene


class ByRun(_Rule):
    """Cameras count: the last number in the file name, in runs of ``length``, is the scene."""

    rule: Literal["runs"]
    length: Annotated[int, Field(ge=2)]

    def scene(self, stem: str) -> str:
        """Scene of the photo with this file name (without ending).

        >>> ByRun(rule="runs", length=20).scene("DSCN0411")
        'DSCN-400'

        Raises:
            DataError: the name holds no number.
        """
        name = source_name(stem)
        found = _NUMBER.search(name)
        if found is None:
            raise DataError(
                f"The group rule 'runs' needs a number in the file name '{stem}'. "
                "Use rule 'pattern' or 'name'."
            )
        first = int(found.group(1)) // self.length * self.length
        return f"{name[: found.start()]}-{first}{name[found.end() :]}"


class ByStem(_Rule):
    """The name up to its first number says the scene, if not too many photos share it.

    Tiles, frames and copies are numbered after the name of what they were made of. If more than a fifth of
    the photos share a name up to its first number, that tells no scene; then it is the name up to the
    second, and so on. A lone counter (``IMG_0001``) tells nothing: every name is a scene. So that copies
    without a number find their photo, a name that begins with the whole name of another photo joins it.
    Coordinates of tiles (:mod:`descale.data.tiles`) are no such numbers: before them stands the photo's name.
    """

    rule: Literal["stem"]

    def scenes(self, stems: Sequence[str]) -> list[str]:
        """Scene of every photo of a set, in the order of their names (without ending).

        >>> tiles = [f"site{i}_x{x}_y{y}" for i in range(6) for x in (0, 256) for y in (0, 256)]
        >>> sorted(set(ByStem(rule="stem").scenes(tiles)))
        ['site0', 'site1', 'site2', 'site3', 'site4', 'site5']
        >>> ByStem(rule="stem").scenes(["IMG_0001", "IMG_0002"])
        ['IMG_0001', 'IMG_0002']
        >>> cut = [f"{photo}-{y}-{x}" for photo in "abcd" for y in (0, 192) for x in (0, 192)]
        >>> sorted(set(ByStem(rule="stem").scenes(cut)))
        ['a', 'b', 'c', 'd']
        """
        names = [source_name(stem) for stem in stems]
        tiles, known = find_tiles(names), set(names)
        beginnings = [
            sorted({*_beginnings(name, known), *tiles.possible.get(name, ())}, key=len) for name in names
        ]
        shared = Counter(beginning for some in beginnings for beginning in some)
        few = len(names) * LARGEST_SHARE
        return [
            next((b for b in some if shared[b] <= few or b == tiles.sure.get(name)), some[-1])
            for name, some in zip(names, beginnings, strict=True)
        ]


LARGEST_SHARE = 0.2
"""Share of the photos of a set from which on a common beginning of their names tells no scene."""

SCENE_RULES: tuple[type[_Rule], ...] = (ByName, ByPattern, ByRun, ByStem)
SceneRule = Annotated[ByName | ByPattern | ByRun | ByStem, Field(discriminator="rule")]


def _beginnings(name: str, names: Collection[str]) -> list[str]:
    """What a name has in common with others of its scene, the shortest first; the last is the whole name.

    >>> _beginnings("GOPR0001_frame_00012", {"photo"}), _beginnings("photo (2)", {"photo"})
    (['GOPR0001', 'GOPR0001_frame_00012'], ['photo', 'photo (2', 'photo (2)'])
    """
    numbers = {found.start() for found in _END_OF_NUMBER.finditer(name)}
    words = {found.start() for found in _END_OF_WORD.finditer(name) if name[: found.start()] in names}
    return [name[:end] for end in sorted(numbers | words | {len(name)})]


def source_name(stem: str) -> str:
    """The name of the photo from which an annotation platform made this copy.

    >>> source_name("0001")
    '0001'
    """
    return _EXPORTED_COPY.sub("", stem)
