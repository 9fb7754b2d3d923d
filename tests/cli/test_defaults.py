"""A command and its function in the library do the same where nothing else is said."""

from __future__ import annotations

import inspect
from importlib import import_module

import pytest

import descale
from descale.training import TrainingConfig

SAME = {"arch": "architecture", "table": "formats"}
"""Options that are called otherwise in Python."""

WRITTEN = {
    ("train", "size"): "160",
    ("predict", "scale"): "auto",
    ("predict", "formats"): None,
    ("predict", "bundle"): None,
    ("evaluate", "data"): None,
    ("compress", "device_times"): None,
    ("export", "to"): None,
    ("export", "photos"): None,
}
"""Defaults that are written otherwise on the command line."""


@pytest.mark.parametrize("name", ["train", "prune", "evaluate", "export", "predict", "compress"])
def test_defaults_are_those_of_the_library(name: str) -> None:
    command = inspect.signature(getattr(import_module(f"descale.cli.{name}"), name)).parameters
    library = inspect.signature(getattr(descale, name)).parameters
    compared = 0
    for option, parameter in command.items():
        place = SAME.get(option, option)
        if place in library:
            default = library[place].default
            assert parameter.default == WRITTEN.get((name, place), default), option
            compared += 1
    assert compared >= 4
    assert "settings" not in library


def test_train_has_the_defaults_of_its_settings() -> None:
    library = inspect.signature(descale.train).parameters
    plain = TrainingConfig()
    assert (library["epochs"].default, library["size"].default) == (plain.epochs, plain.size[0])
    assert plain.size[0] == plain.size[1]
