"""Sizes as people write them."""

from __future__ import annotations

import pytest

from descale.base.errors import ConfigError
from descale.base.picture_size import parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [("512x640", (512, 640)), (" 32 X 64 ", (32, 64)), ("32×64", (32, 64)), ("96", (96, 96))],
)
def test_sizes(text: str, size: tuple[int, int]) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["0", "0x32", "32x00", "axb", "-1x2", "1x2x3", "12.5", ""])
def test_wrong_sizes(text: str) -> None:
    with pytest.raises(ConfigError, match="height x width"):
        parse_size(text)
