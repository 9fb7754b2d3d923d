"""What ``train`` and ``prune`` share on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def settings_of(
    texts: Sequence[str] | None, section: str, config: type[BaseModel]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What ``--set`` says for a section of settings, and for the device to run on.

    Raises:
        ConfigError: a key is unknown.
    """
    from descale.base.settings import assigned
    from descale.training.config import DeviceConfig

    keys = {section: list(config.model_fields), "devices": list(DeviceConfig.model_fields)}
    found = assigned(texts or [], keys)
    return found[section], found["devices"]
