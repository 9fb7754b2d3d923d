"""Which precision a finished network is shipped in; all else of the last stage is tested from end to end."""

from __future__ import annotations

from pathlib import Path

import pytest

from descale.compression.finish import _better
from descale.compression.request import Limits, Request


@pytest.mark.parametrize(
    ("limit", "float32", "int8", "taken"),
    [
        (20.0, 14.5, 9.0, "int8"),  # much faster
        (20.0, 14.5, 13.9, "float32"),  # hardly faster, and not needed
        (14.0, 14.5, 13.9, "int8"),  # what keeps the limit
        (10.0, 14.5, 13.9, "float32"),  # neither does
    ],
)
def test_int8_is_taken_where_it_pays_or_keeps_the_limit(
    tmp_path: Path, limit: float, float32: float, int8: float, taken: str
) -> None:
    side = ((64, 64),)
    request = Request(
        Limits(ms=limit), None, ("unet",), "mobilenet_v2", "none", "onnxruntime", 1, None, 0, side
    )
    bundles = {name: tmp_path / f"{name}.zip" for name in ("float32", "int8")}
    notes: list[str] = []
    times = {"float32": float32, "int8": int8}
    assert _better(bundles, times, request, notes, elsewhere=False) == taken
    assert bool(notes) == (taken == "float32")
