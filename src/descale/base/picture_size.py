"""``HxW`` as people write it."""

from __future__ import annotations

import re

from descale.base.errors import ConfigError


def parse_size(text: str) -> tuple[int, int]:
    """Height and width in pixels.

    >>> parse_size("512x640"), parse_size("160")
    ((512, 640), (160, 160))

    Raises:
        ConfigError: it is neither a side nor two with an x between, or not positive.
    """
    match = re.fullmatch(r"\s*(\d+)(?:\s*[xX×]\s*(\d+))?\s*", text)
    height, width = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if not height or not width:
        raise ConfigError(
            f"Size '{text}' is not understood; write 160 or 160x192 (height x width in pixels)."
        )
    return height, width
