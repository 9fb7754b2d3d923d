"""Keep the calling thread's signal stack from OpenVINO's CPU plugin.

Each time the plugin is loaded it installs a signal stack of its own for the calling thread, and when it is
released it puts back the one it had found. Released in the order they were loaded, the last one puts back a
stack whose memory is gone (seen with OpenVINO 2026.4.1): the next signal with a handler, Ctrl-C for one, then
kills the process. With the thread's own stack put back at once, no stack of the plugin is ever restored.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class _SignalStack(ctypes.Structure):
    """``stack_t`` of Linux."""

    _fields_ = (("address", ctypes.c_void_p), ("flags", ctypes.c_int), ("size", ctypes.c_size_t))


@contextmanager
def own_signal_stack() -> Iterator[None]:
    """Whatever signal stack is installed inside, the thread has its own again afterwards (Linux only)."""
    if sys.platform != "linux":
        yield
        return
    library, before = ctypes.CDLL(None), _SignalStack()
    library.sigaltstack(None, ctypes.byref(before))
    try:
        yield
    finally:
        library.sigaltstack(ctypes.byref(before), None)
