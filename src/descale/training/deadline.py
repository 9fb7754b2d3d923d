"""Until when work may go on: it stops where it can be continued, before its time is up."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """A time at which work has to have stopped.

    Attributes:
        at: seconds since 1970, the same for all processes; ``None`` is never.
    """

    at: float | None = None

    def allows(self, seconds: float, now: float) -> bool:
        """Whether work of so many seconds that begins ``now`` ends in time.

        >>> [Deadline(100.0).allows(seconds, now=70) for seconds in (20, 40)], Deadline().allows(40, now=70)
        ([True, False], True)
        """
        return self.at is None or now + seconds <= self.at
