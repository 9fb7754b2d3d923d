"""Measurements as a table for people and as CSV rows for later."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from descale.base.files import replacing_file
from descale.runtime.clock import PHASES
from descale.runtime.device import Device
from descale.stopwatch.ceiling import Ceiling
from descale.stopwatch.measure import Measurement

PERCENTS = (50, 90, 99)


def rows(
    measurements: Sequence[Measurement], reference: Measurement, ceiling: Ceiling, device: Device,
    *, size: tuple[int, int], threads: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row per network; times in milliseconds, memory and size in bytes.

    ``speedup`` is how many times faster than ``reference`` the whole is, ``speedup_inference`` the
    network alone; ``low`` and ``high`` are the extreme rounds.
    """
    found = []
    for one in measurements:
        contestant = one.contestant
        row: dict[str, Any] = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "name": contestant.name,
            "engine": contestant.engine,
            "precision": contestant.precision,
            "height": size[0],
            "width": size[1],
            "threads": threads,
        }
        for phase in PHASES:
            for percent in PERCENTS:
                row[f"{phase}_p{percent}_ms"] = _short(1e3 * one.percentile(phase, percent))
        around = one.percentile("pre", 50) + one.percentile("post", 50)
        speedup, inference = one.ratio_to(reference), one.ratio_to(reference, "inference")
        row |= {
            "pre_post_share": _short(around / one.percentile("total", 50)),
            "pictures_per_second": _short(1 / one.seconds[..., -1].mean()),
            "start_up_s": _short(one.start_up),
            "load_s": _short(one.load),
            "peak_rss_bytes": one.peak_rss,
            "bytes_on_disk": contestant.bytes_on_disk,
            "macs": round(contestant.macs),
            "gflops": _short(2 * contestant.macs / one.percentile("inference", 50) / 1e9),
            "roofline_share": _short(one.roofline_share(ceiling)),
            "speedup": _short(speedup[0]),
            "speedup_low": _short(speedup[1]),
            "speedup_high": _short(speedup[2]),
            "speedup_inference": _short(inference[0]),
            "reference": f"{reference.contestant.name} ({reference.contestant.engine})",
            "runs": one.seconds.shape[0] * one.seconds.shape[1],
            "ceiling_gflops": _short(ceiling.gflops),
            "ceiling_gigabytes_per_second": _short(ceiling.gigabytes),
            "device": str(device),
        }
        found.append(row)
    return found


def write_csv(path: Path, lines: Sequence[dict[str, Any]]) -> None:
    """Write rows with a header line.

    Raises:
        DescaleError: the file cannot be written.
    """
    with replacing_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


def table(lines: Sequence[dict[str, Any]]) -> Table:
    """For the terminal: the medians, and what follows from them."""
    shown = Table(title="latency in ms, p50 (p90, p99)", title_justify="left")
    for title in ("network", "engine", "pre", "inference", "post", "total"):
        shown.add_column(title, justify="left" if title in ("network", "engine") else "right", no_wrap=True)
    for title in ("per s", "start s", "peak MB", "disk MB", "roofline", "speedup"):
        shown.add_column(title, justify="right")
    for row in lines:
        engine = row["engine"] + (" int8" if row["precision"] == "int8" else "")
        share = row["roofline_share"]
        shown.add_row(
            row["name"], engine,
            *(f"{row[f'{phase}_p50_ms']:.1f}" for phase in ("pre", "inference", "post")),
            f"{row['total_p50_ms']:.1f} ({row['total_p90_ms']:.1f}, {row['total_p99_ms']:.1f})",
            f"{row['pictures_per_second']:.1f}",
            f"{row['start_up_s']:.2f}",
            f"{row['peak_rss_bytes'] / 1e6:.0f}",
            f"{row['bytes_on_disk'] / 1e6:.2f}",
            "" if share is None else f"{100 * share:.0f} %",
            f"{row['speedup']:.1f}x",
        )  # fmt: skip
    return shown


def _short(value: float) -> float | None:
    """Five significant digits; ``None`` where not known."""
    return None if math.isnan(value) else float(f"{value:.5g}")
