"""Which photos show one scene, told from their file names."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from descale.base.errors import DataError

_EXPORTED_COPY = re.compile(r"\.rf\.[0-9a-zA-Z]+$")
_NUMBER = re.compile(r"(\d+)(?!.*\d)")


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


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
            DataError: the pattern does not match.
        """
        found = re.search(self.pattern, stem)
        if found is None:
            raise DataError(
                f"The group pattern {self.pattern!r} does not match the file name '{stem}'. "
                "Widen the pattern, or rename the file."
            )
        return (found.group(1) if found.re.groups else found.group(0)) or ""


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


SceneRule = Annotated[ByName | ByPattern | ByRun, Field(discriminator="rule")]


def source_name(stem: str) -> str:
    """The name of the photo from which an annotation platform made this copy.

    >>> source_name("0001")
    '0001'
    """
    return _EXPORTED_COPY.sub("", stem)
