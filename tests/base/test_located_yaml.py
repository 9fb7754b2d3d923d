from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from descale.base.errors import StudyError
from descale.base.located_yaml import find_repeated_key, parse
from descale.study.config import StudyConfig

GOOD = """\
name: x
data:
  - source: photos
architectures: [unet]
strategies: [agp]
sparsities: [0.5]
"""


def complaint(text: str) -> str:
    with pytest.raises(StudyError) as caught:
        parse(text, StudyConfig, Path("study.yaml"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("name: [1\n", "study.yaml:2", "not valid YAML"),
        ("", "study.yaml", "key: value"),
        ("- 1\n", "study.yaml", "key: value"),
        (GOOD + "nmae: y\n", "study.yaml:7", "unknown key 'nmae'; did you mean 'name'?"),
        (GOOD + "name: y\n", "study.yaml:7", "stands here and in line 1"),
        (GOOD.replace("source", "sourec"), "study.yaml:3", "did you mean 'source'?"),
        (GOOD + "training:\n  epoch: 3\n", "study.yaml:8", "did you mean 'epochs'?"),
        (GOOD + "pruning:\n  sparsity: 0.3\n", "study.yaml:8", "list the values under 'sparsities:'"),
        (
            GOOD.replace("0.5", "0.5, 1.2"),
            "study.yaml:6",
            "sparsities.1: a sparsity of 1.2 leaves nothing; give a value above 0 and below 1",
        ),
        (GOOD.replace("0.5", "0.5, 0.5"), "study.yaml:6", "listed twice"),
        (GOOD.replace("name: x\n", ""), "study.yaml:1", "'name' is missing"),
        (GOOD + "controls: [randm]\n", "study.yaml:7", "did you mean 'random'?"),
        (GOOD.replace("[agp]", "[agp, dense]"), "study.yaml:5", "every study has it"),
        (GOOD.replace("sparsities: [0.5]\n", ""), "study.yaml:5", "add 'sparsities: [0.5, 0.9]'"),
        (GOOD.replace("source: photos", "binary: true"), "study.yaml:3", "source: FOLDER"),
        (GOOD.replace("[unet]", "unet"), "study.yaml:4", "architectures: expected a list; write [unet]"),
        (GOOD + "devices: {loggers: wandb}\n", "study.yaml:7", "loggers: expected a list; write [wandb]"),
        (GOOD + "training: 3\n", "study.yaml:7", "training: expected 'key: value' lines below it"),
    ],
)
def test_errors_name_line_and_fix(text: str, where: str, what: str) -> None:
    message = complaint(text)
    assert message.startswith(where)
    assert what in message


def test_several_errors_are_told_at_once() -> None:
    assert complaint(GOOD + "nmae: y\nseeds: [-1]\n").count("study.yaml:") == 2


def test_good_file() -> None:
    assert parse(GOOD, StudyConfig, Path("study.yaml")).seeds == (0,)


def test_aliases_of_aliases_are_looked_at_once() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, key in itertools.pairwise("abcdefghij"):
        lines.append(f"{key}: &{key} [{', '.join([f'*{before}'] * 10)}]")
    assert find_repeated_key(yaml.compose("\n".join(lines))) is None
    assert find_repeated_key(yaml.compose("a: &a [*a]")) is None
