"""Fixtures that every test folder may use."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # tests, and the processes they start, import each other as tests.ROOM.MODULE
# Tests start processes from a server that has imported what they need and runs no threads. A fork of the
# test process would be as fast, but that runs dozens by then: a child can hang on a lock one of them held.
multiprocessing.set_forkserver_preload(["descale.study.run", "descale.study.execute"])

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """With ``-n`` one process takes a whole file, whose fixtures are then made once, or all of the cluster's.

    In the order of the files, so that what waits for a cluster begins early and nobody waits for it.
    """
    from xdist.scheduler import LoadFileScheduling

    class ByFile(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/cluster" if file.startswith("tests/cluster/") else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real photos beside the checkout; the test skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real photos not found at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def quick_tracer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exports trace with torch's older exporter, in a tenth of the time: the same graph.

    For tests of what an export does beside tracing; those of the networks take the exporter of the default.
    """
    from descale.deploy.graph import trace

    monkeypatch.setattr(trace, "_export", trace._export_quickly)


@pytest.fixture
def quick_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The export of model folders times its networks in an instant."""
    from descale.deploy.export import run
    from descale.runtime.clock import Pace

    monkeypatch.setattr(run, "PACE", Pace(seconds=0.01, rounds=2, warm_up=1))


@pytest.fixture(scope="session")
def steel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty synthetic photos of 32x32 pixels, two classes; not to be changed."""
    from descale.synthesize import synthesize

    return synthesize(tmp_path_factory.mktemp("synthetic") / "steel", count=20, size=(32, 32))


@pytest.fixture(scope="session")
def severity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photos with four classes; not to be changed."""
    from descale.synthesize import synthesize

    return synthesize(tmp_path_factory.mktemp("synthetic") / "severity", count=20, classes=4, size=(32, 32))


CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ALONE = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
ALONE += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
"""Arguments with which it talks to nobody."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A running Chromium, driven by playwright; the test skips where one of them is missing."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium and no google-chrome is on the path; CHROMIUM may name one")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ALONE))
        yield started
        started.close()


@pytest.fixture(autouse=True)
def ordinary_floats() -> Iterator[None]:
    """Training flushes denormal floats in the whole process; tests that draw floats want them back."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def tiny_bundle(tmp_path: Path) -> Path:
    """A bundle folder: a pixel is corroded where red exceeds green."""
    from tests.runtime.tiny_networks import write_bundle

    return write_bundle(tmp_path / "bundle")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Folder of three photos: 25 %, 0 % and 1 % corroded."""
    from tests.runtime.tiny_networks import painted

    folder = tmp_path / "photos"
    folder.mkdir()
    for name, boxes in {
        "a": [(0, 0, 100, 50)],
        "b": [],
        "c": [(10, 10, 20, 15), (50, 50, 65, 60)],
    }.items():
        Image.fromarray(painted(100, 200, *boxes)).save(folder / f"{name}.png")
    return folder


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    """A study for the fake runner."""
    from tests.study.fake_runner import STUDY

    path = tmp_path / "fake.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a study goes."""
    return tmp_path / "out"
