"""What ``train`` and ``prune`` share on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def parse_size(text: str) -> tuple[int, int]:
    """``160`` or ``160x192`` (height x width) in pixels.

    Raises:
        ConfigError: it is neither.

    >>> parse_size("160x192")
    (160, 192)
    """
    from descale.base.errors import ConfigError

    parts = text.lower().split("x")
    if len(parts) not in (1, 2) or not all(part.isdigit() for part in parts):
        raise ConfigError(f"Size '{text}' is not understood; write 160 or 160x192 (height x width).")
    return int(parts[0]), int(parts[-1])


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those options that were given."""
    return {key: value for key, value in options.items() if value is not None}


def devices(
    accelerator: str, count: str, precision: str, threads: int | None, workers: int
) -> dict[str, Any]:
    """Where to run, from the options that both commands have."""
    return given(
        {
            "accelerator": accelerator,
            "devices": int(count) if count.lstrip("-").isdigit() else count,
            "precision": precision,
            "threads": threads,
            "workers": workers,
        }
    )
