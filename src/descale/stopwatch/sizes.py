"""``HxW`` as people write it."""

from __future__ import annotations

import re

from descale.base.errors import ConfigError


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in pixels.

    >>> parse_size("512x640")
    (512, 640)

    Raises:
        ConfigError: it is not two positive numbers with an x between.
    """
    match = re.fullmatch(r"\s*(\d+)\s*[xX×]\s*(\d+)\s*", text)
    if match is None or "0" in (match[1].lstrip("0") or "0", match[2].lstrip("0") or "0"):
        raise ConfigError(f"Size '{text}' is not height x width in pixels, such as 512x512.")
    return int(match[1]), int(match[2])
