"""Settings given as KEY=VALUE: where they go, and what is said of those that are wrong."""

from __future__ import annotations

import pytest

from descale.base.errors import ConfigError
from descale.base.settings import assigned

SECTIONS = {"training": ["batch_size", "crop", "gradient_clip", "rate"], "devices": ["threads", "rate"]}


@pytest.mark.parametrize(
    ("text", "section", "key", "value"),
    [
        ("batch_size=8", "training", "batch_size", 8),
        ("training.crop=[96, 128]", "training", "crop", [96, 128]),
        ("gradient_clip=None", "training", "gradient_clip", None),
        ("gradient_clip=1e-3", "training", "gradient_clip", 0.001),
        ("crop=a=b", "training", "crop", "a=b"),
        ("threads=true", "devices", "threads", True),
        ("devices.rate=16-mixed", "devices", "rate", "16-mixed"),
    ],
)
def test_a_value_goes_to_the_section_that_has_its_key(
    text: str, section: str, key: str, value: object
) -> None:
    found = assigned([text], SECTIONS)
    assert found.pop(section) == {key: value}
    assert not any(found.values())


def test_the_last_of_two_counts() -> None:
    assert assigned(["threads=1", "devices.threads=2"], SECTIONS)["devices"] == {"threads": 2}


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["batchsize=8"], r"--set batchsize=8: no setting 'batchsize'; nearest: training\.batch_size\."),
        (["training.threads=2"], r"no setting 'training\.threads'; nearest: .*devices\.threads"),
        (["zzz=1"], r"no setting 'zzz'; keys: training\.batch_size, .*devices\.rate"),
        (["rate=1"], r"'rate' is in several sections; write training\.rate or devices\.rate"),
        (["threads"], r"--set threads: write KEY=VALUE\. Keys: training\.batch_size"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_keys(texts: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        assigned(texts, SECTIONS)
