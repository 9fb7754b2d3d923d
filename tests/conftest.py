"""Fixtures that every test folder may use."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real photos beside the checkout; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real photos not found at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def steel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty synthetic photos of 32x32 pixels, two classes; not to be changed."""
    from descale.data.synthesize import synthesize

    return synthesize(tmp_path_factory.mktemp("synthetic") / "steel", count=20, size=(32, 32))


@pytest.fixture(scope="session")
def severity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos with four classes; not to be changed."""
    from descale.data.synthesize import synthesize

    return synthesize(tmp_path_factory.mktemp("synthetic") / "severity", count=20, classes=4, size=(32, 32))


@pytest.fixture(autouse=True)
def ordinary_floats() -> Iterator[None]:
    """Training flushes denormal floats in the whole process; tests that draw floats want them back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)
