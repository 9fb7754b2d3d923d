"""What a network is: values that make no sense are refused, and nothing is lost on the way to JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from descale.base.classes import ClassTable, PixelClass
from descale.base.errors import ModelError
from descale.models import ModelSpec, make_spec

TABLE = ClassTable(
    (PixelClass("good", (1, 2, 3), metal=True), PixelClass("severe", (4, 5, 6), corrosion=True, metal=True))
)
SPEC = make_spec("manet", "resnet18", classes=TABLE, input_size=(64, 96), threshold=0.3)


@pytest.mark.parametrize("spec", [SPEC, replace(SPEC, patch_confidence=0.8)])
def test_a_description_survives_json(spec: ModelSpec) -> None:
    assert ModelSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"input_size": (100, 64)}, "Input size 100 is not a multiple of 32; use 96"),
        ({"input_size": (64, 0)}, "use 32"),
        ({"threshold": 0.0}, "Threshold 0.0 is outside"),
        ({"threshold": 1.0}, "Threshold 1.0 is outside"),
        ({"patch_confidence": 1.0}, "Patch confidence 1.0 is outside"),
        ({"threshold": float("nan")}, "Threshold nan is outside"),
        ({"std": (1.0, 0.0, 1.0)}, "Normalisation .* is impossible"),
        ({"mean": (float("nan"), 0.0, 0.0)}, "Normalisation .* is impossible"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        replace(SPEC, **values)


@pytest.mark.parametrize("key", list(SPEC.to_json()))
def test_a_missing_entry_is_an_error(key: str) -> None:
    given = SPEC.to_json()
    del given[key]
    with pytest.raises(ModelError, match=f"model description is not valid: KeyError.*{key}"):
        ModelSpec.from_json(given)


@pytest.mark.parametrize("key", ["classes", "normalisation", "input_size", "threshold"])
@pytest.mark.parametrize("value", [None, [], 5j, "text"])
def test_an_entry_of_another_kind_is_an_error(key: str, value: Any) -> None:
    with pytest.raises(ModelError, match="model description is not valid"):
        ModelSpec.from_json(SPEC.to_json() | {key: value})
