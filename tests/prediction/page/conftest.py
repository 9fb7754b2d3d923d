"""A job of five photos, and its page in a real browser with nothing in the console."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.prediction.page.browsing import SHARES
from tests.runtime.tiny_networks import painted, write_bundle

import descale


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job #1 <b>")
    (folder / "photos").mkdir()
    for name, percent in SHARES.items():
        Image.fromarray(painted(100, 200, (0, 0, 200, percent))).save(folder / "photos" / f"{name}.png")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    logging.disable()  # pytest's processes cannot hand each other such names
    descale.predict(write_bundle(folder / "bundle"), folder / "photos", folder / "out", mm_per_pixel=10)
    logging.disable(logging.NOTSET)
    return folder / "out"


@pytest.fixture
def tab(browser: Any, job: Path) -> Iterator[Any]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    messages: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("requestfailed", lambda request: messages.append(request.url))
    opened.on("dialog", lambda dialog: messages.append(dialog.message))
    opened.goto((job / "index.html").as_uri())
    yield opened
    assert messages == []
    context.close()
