"""What a person asks of a compression: limits, time, engine; refused at once where nothing can meet it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any

from descale.base.errors import ConfigError
from descale.base.settings import require_number
from descale.models.architectures import find_architecture, half_of
from descale.models.encoders import check_encoder
from descale.models.spec import STRIDE, check_size
from descale.runtime.engines import ENGINES

SHARES = (1.0, 0.75, 0.5)
"""Working sizes that are tried, as shares of the largest."""
LEAST_SIDE = 64
LEAST_MINUTES = 0.1


@dataclass(frozen=True)
class Limits:
    """What the device and the inspector can bear.

    Attributes:
        ms: milliseconds of inference for one picture at the network's working size.
        drop: points of corrosion IoU (0..100) below the best dense network.
        mb: megabytes (10**6 bytes) of the bundle's weights.
        macs: multiply-accumulates of one picture at the working size.
    """

    ms: float | None = None
    drop: float | None = None
    mb: float | None = None
    macs: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is None:
                continue
            require_number(f"--max-{name}", value)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"--max-{name} {value:g} leaves nothing; give a number above 0.")
        if all(value is None for value in asdict(self).values()):
            raise ConfigError("Nothing limits the search; give --max-ms, --max-mb, --max-macs or --max-drop.")
        if self.drop is not None and not 0.1 <= self.drop < 100:
            raise ConfigError(
                f"--max-drop {self.drop:g} is in points of IoU, 0.1 to 100: two points are --max-drop 2."
            )

    def with_reserve(self, share: float) -> Limits:
        """The same with fewer milliseconds."""
        return self if self.ms is None else replace(self, ms=(1 - share) * self.ms)

    @property
    def half_weights(self) -> bool:
        """Whether bundles store weights in 16 bits: where megabytes are limited, twice as many fit."""
        return self.mb is not None

    @property
    def costs(self) -> bool:
        """Whether a cost is limited, not only the loss."""
        return self.ms is not None or self.mb is not None or self.macs is not None


@dataclass(frozen=True)
class Request:
    """All that determines a compression, but for the photos.

    Attributes:
        limits: that the result must keep.
        minutes: time for everything, or ``None`` for as long as it takes.
        architectures: of the dense networks, names of :data:`descale.models.ARCHITECTURES`; the first is
            trained first, the others where there is time.
        encoder: of all of them.
        encoder_weights: what they start from.
        engine: that will run the result.
        threads: that it may use.
        int8: whether to quantize; ``None`` where it is good enough and faster.
        seed: of everything random.
        sides: (height, width) in pixels of the working sizes that are tried, the largest first.
    """

    limits: Limits
    minutes: float | None
    architectures: tuple[str, ...]
    encoder: str
    encoder_weights: str
    engine: str
    threads: int
    int8: bool | None
    seed: int
    sides: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if self.minutes is not None:
            require_number("--minutes", self.minutes)
            if not LEAST_MINUTES <= self.minutes < math.inf:
                raise ConfigError(
                    f"--minutes {self.minutes:g}: give {LEAST_MINUTES:g} or more, or leave it out: it then "
                    "takes what a good result takes."
                )
        if not self.architectures:
            raise ConfigError("No architecture to train; name one, such as --arch unet.")
        for name in self.architectures:
            find_architecture(name)
        check_encoder(self.encoder)
        for side in self.sides:
            checked_side(side)
        if self.engine not in ENGINES:
            raise ConfigError(f"Engine '{self.engine}' is unknown. Choose of: {', '.join(ENGINES)}.")
        if self.threads < 1:
            raise ConfigError(f"--threads {self.threads}: give 1 or more.")

    @property
    def side(self) -> tuple[int, int]:
        """(height, width) in pixels, the largest working size."""
        return self.sides[0]

    @property
    def halves(self) -> tuple[str, ...]:
        """What ends at half resolution, of the architectures, where it was not asked for by itself; such a
        network is made of the trained whole one."""
        found = (half_of(name) for name in self.architectures)
        return tuple(name for name in found if name is not None and name not in self.architectures)

    def trained_as(self, architecture: str) -> str:
        """The architecture that is trained for a candidate: its own, or the whole one that it is made of."""
        if architecture in self.architectures:
            return architecture
        return next(name for name in self.architectures if half_of(name) == architecture)

    @property
    def target(self) -> str:
        """The export target that the engine opens first."""
        return ENGINES[self.engine].reads[0]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # tuples become lists
        return values


def working_sizes(largest: tuple[int, int]) -> tuple[tuple[int, int], ...]:
    """Sizes to try, the largest first; the smaller ones multiples of 32 of at least 64 pixels.

    >>> working_sizes((512, 384))
    ((512, 384), (384, 288), (256, 192))
    """
    height, width = largest
    smaller = [(working_length(height * share), working_length(width * share)) for share in SHARES[1:]]
    return tuple(dict.fromkeys((largest, *smaller)))


def working_length(length: float) -> int:
    """The nearest side that networks take, at least :data:`LEAST_SIDE`."""
    return max(LEAST_SIDE, STRIDE * round(length / STRIDE))


def checked_side(size: Any) -> tuple[int, int]:
    """A working size as a person gives it: a side, or (height, width), in pixels.

    Raises:
        ConfigError: it is neither, no multiple of the network's stride, or too small.
    """
    side = (size, size) if isinstance(size, int) else size
    if not (isinstance(side, tuple | list) and len(side) == 2 and all(type(one) is int for one in side)):
        raise ConfigError(f"--size {size!r} is not a side or (height, width) in whole pixels, such as 384.")
    try:
        check_size((side[0], side[1]))
    except ValueError as error:
        raise ConfigError(f"--size: {error}.") from None
    if min(side) < LEAST_SIDE:
        raise ConfigError(f"--size {min(side)} is too small; give {LEAST_SIDE} or more.")
    return side[0], side[1]
