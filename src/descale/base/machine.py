"""What the machine is that this process runs on."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def usable_cores() -> int:
    """Number of cores that this process may use: a container or ``taskset`` may leave it some of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor() -> str:
    """Name of the processor, or of the board, as the system tells it."""
    board = Path("/proc/device-tree/model")
    if board.is_file():  # boards tell their name there, and little in cpuinfo
        return board.read_text(errors="replace").rstrip("\0\n")
    return lines_of(Path("/proc/cpuinfo")).get("model name") or platform.processor() or platform.machine()


def lines_of(path: Path) -> dict[str, str]:
    """``key : value`` lines of a file, of repeated keys the first; none where there is no such file."""
    if not path.is_file():
        return {}
    found: dict[str, str] = {}
    for line in path.read_text(errors="replace").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            found.setdefault(key.strip(), value.strip())
    return found
