"""The photos of the job that browser tests open, and what they do on its page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

SHARES = {
    "a": 25, "b <img src=x onerror=alert(1)>": 0, "c #3 50%?": 1, "=d": 6, os.fsdecode(b"br\xfccke"): 40,
}  # fmt: skip
"""Corroded percent by name: Ri 5, 0, 3, 4 and 5."""
NO_UTF8 = os.fsdecode(b"br\xfccke")


def until(tab: Any, condition: str) -> None:
    """Wait for a condition; playwright's own way evaluates it in the page, whose policy forbids that."""
    for _ in range(200):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(25)
    raise AssertionError(f"never came true: {condition}")


def names(tab: Any) -> list[str]:
    return tab.locator("#grid .name").all_text_contents()  # innerText is empty off the screen


def open_photo(tab: Any, name: str) -> None:
    tab.locator(".card", has_text=name).first.click()
    until(tab, "document.getElementById('large').complete")


def saved(tab: Any, button: str) -> str:
    with tab.expect_download() as download:
        tab.locator(button).click()
    return Path(download.value.path()).read_text(encoding="utf-8")
