"""What is measured on: processor, memory, system, versions."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from descale import __version__
from descale.base.machine import lines_of, processor, usable_cores

FAST_INT8 = {
    "avx_vnni": "AVX-VNNI", "avx512_vnni": "AVX-512 VNNI", "amx_int8": "AMX",
    "asimddp": "dot product", "i8mm": "I8MM",
}  # fmt: skip
"""Flags of the instructions that multiply 8-bit numbers fast, and what they are called."""

TELLING_FLAGS = (
    "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16",
    "asimd", "asimddp", "asimdhp", "i8mm", "bf16", "sve",
)  # fmt: skip
"""Processor flags that decide how fast float and 8-bit products are, on x86-64 and aarch64."""

PACKAGES = ("numpy", "onnxruntime", "openvino", "torch")


@dataclass(frozen=True)
class Device:
    """The machine and the software.

    Attributes:
        cores: that this process may use.
        governor: of the first core's frequency, or ``unknown`` where it cannot be read.
        memory_gb: installed; 0 where it cannot be read.
        load: of the last minute, before the measurement: above about 0.3 something else is running.
        versions: of those of :data:`PACKAGES` that are installed, and of descale and Python.
    """

    processor: str
    flags: tuple[str, ...]
    cores: int
    governor: str
    memory_gb: float
    system: str
    load: float
    versions: tuple[tuple[str, str], ...]

    @property
    def fast_int8(self) -> str:
        """Whether it has instructions that multiply 8-bit numbers fast, in words."""
        if not self.flags:
            return "VNNI or AMX unknown"
        found = [title for flag, title in FAST_INT8.items() if flag in self.flags]
        lacking = "8-bit dot products" if "asimd" in self.flags else "VNNI or AMX"
        return f"with {' and '.join(found)}" if found else f"without {lacking}"

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {number}" for name, number in self.versions)
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:.0f} GB, governor {self.governor}, "
            f"flags {' '.join(self.flags) or 'unknown'}; {self.system}; load {self.load:.1f}; {packages}"
        )


def describe_device() -> Device:
    """Read what the system tells; what it does not tell is ``unknown``."""
    information = lines_of(Path("/proc/cpuinfo"))
    flags = set(information.get("flags", information.get("Features", "")).split())
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    memory = lines_of(Path("/proc/meminfo")).get("MemTotal", "0 kB").split()[0]
    return Device(
        processor=processor(),
        flags=tuple(flag for flag in TELLING_FLAGS if flag in flags),
        cores=usable_cores(),
        governor=governor.read_text().strip() if governor.is_file() else "unknown",
        memory_gb=int(memory) / 1e6,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
        versions=(
            ("descale", __version__),
            ("python", ".".join(map(str, sys.version_info[:3]))),
            *((name, found) for name in PACKAGES if (found := _version(name))),
        ),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
