"""What a check found, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from descale import __version__


@dataclass(frozen=True)
class Finding:
    """One kind of problem and all places where it occurs.

    Attributes:
        kind: short name, stable, for programs.
        falsifying: a result obtained on this set would be wrong.
        message: what it is and what to do, for people.
        items: one line per occurrence.
    """

    kind: str
    falsifying: bool
    message: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class CheckReport:
    """The state of a data set.

    Attributes:
        name: of the set.
        source: the folder that was read.
        format: of its labels.
        pairs: readable photos with a label, per split.
        scenes: number of scenes per split.
        dealing: how the photos were divided, in one line; ``None`` for a set that came with splits.
        sizes: number of photos per ``height x width``, commonest first.
        classes: per class, its share of the labelled pixels (0..1) and the number of photos that show it.
        ignored: share of all pixels that have no label, and the number of photos with such pixels.
        outlines: how far the outlines of the set reach, in shares of width and height (about 1 where they
            are in pixels of the photos); ``None`` for masks.
        findings: problems, those that falsify results first.
    """

    name: str
    source: str
    format: str
    pairs: Mapping[str, int]
    scenes: Mapping[str, int]
    dealing: str | None
    sizes: Mapping[str, int]
    classes: Mapping[str, tuple[float, int]]
    ignored: tuple[float, int]
    outlines: tuple[float, float] | None
    findings: tuple[Finding, ...]

    @property
    def falsifying(self) -> tuple[Finding, ...]:
        """The problems because of which no model should be trained or judged on this set."""
        return tuple(finding for finding in self.findings if finding.falsifying)

    def to_json(self) -> dict[str, Any]:
        """The report as plain lists and dictionaries."""
        return {
            "made_by": f"descale {__version__}",
            "name": self.name,
            "source": self.source,
            "format": self.format,
            "usable": not self.falsifying,
            "pairs": dict(self.pairs),
            "scenes": dict(self.scenes),
            "dealing": self.dealing,
            "sizes": dict(self.sizes),
            "classes": {
                name: {"pixel_share": share, "photos": photos}
                for name, (share, photos) in self.classes.items()
            },
            "ignored": {"pixel_share": self.ignored[0], "photos": self.ignored[1]},
            "outlines_reach": None if self.outlines is None else list(self.outlines),
            "findings": [
                {"kind": f.kind, "falsifying": f.falsifying, "message": f.message, "items": list(f.items)}
                for f in self.findings
            ],
        }
