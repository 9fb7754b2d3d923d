"""A signal after OpenVINO's networks came and went reaches its handler."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.runtime.tiny_networks import write_bundle

PROGRAM = """
import os, signal, sys
from descale.runtime import Segmenter

first = Segmenter.from_bundle(sys.argv[1], engine="openvino")
second = Segmenter.from_bundle(sys.argv[1], engine="openvino")
del first   # in the order they were opened
del second
signal.signal(signal.SIGUSR1, lambda *_: print("handled", flush=True))
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="signal stacks are kept on Linux only")
def test_a_signal_is_handled_after_networks_were_released_in_order(tmp_path: Path) -> None:
    pytest.importorskip("openvino", reason="the extra descale[openvino] is not installed")
    bundle = write_bundle(tmp_path / "bundle")
    ran = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", PROGRAM, str(bundle)], capture_output=True, text=True
    )
    assert ran.returncode != -signal.SIGSEGV, "the signal found a stack that is gone"
    assert (ran.returncode, ran.stdout) == (0, "handled\n"), ran.stderr
