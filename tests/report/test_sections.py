from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.report.conftest import write_rows
from tests.report.test_report_page import page_of, section


def verdict(page: str) -> str:
    return page.partition('class="verdict">')[2].partition("</")[0]


def test_two_encoders_are_told_apart(study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    shutil.copytree(study, folder)
    table = (
        (folder / "results.csv").read_text().replace("photos,linknet,tu-tf_efficientnet", "photos,unet,large")
    )
    (folder / "results.csv").write_text(table)
    page = page_of(folder)
    assert re.search(r"Take U-Net, [^(]* \((tu-tf_efficient|large)[^)]*\): corrosion IoU", verdict(page))
    assert "cannot be picked: U-Net, random 90 % (large_lite0)" in page
    assert "U-Net / large_lite0, " in section(page, "Where channels were removed")
    chart = page[page.index('id="front-0-macs"') :].partition("</svg>")[0]
    assert "<title>U-Net, dense (large_lite0)\n" in chart


def test_latency_decides_though_controls_were_not_measured(make: Callable[..., Path]) -> None:
    folder = make(architectures=("linknet",), strategies=("agp",), sparsities=(0.9,), seeds=(0,), photos=6)
    names = ("linknet-dense-0-0", "linknet-agp-0.9-0")
    lines = [f"{name},{latency}" for name, latency in zip(names, (40, 9), strict=True)]
    (folder / "latency.csv").write_text("\n".join(["trial,latency_ms", *lines[:1]]) + "\n")
    assert "MACs" in verdict(page_of(folder))  # a model that could be picked has none
    (folder / "latency.csv").write_text("\n".join(["trial,latency_ms", *lines]) + "\n")
    assert re.search(r"at (40|9\.00) ms", verdict(page_of(folder)))


def test_false_alarms_are_shown_where_they_were_counted(make: Callable[..., Path]) -> None:
    folder = make(architectures=("linknet",), strategies=("agp",), sparsities=(0.9,), photos=6)
    assert "On photos without corrosion" not in page_of(folder)
    with (folder / "results.csv").open(newline="") as stream:
        rows = [dict(row) for row in csv.DictReader(stream)]
    for row in rows:
        if row["strategy"] in (
            "agp",
            "dense",
        ):  # seeds far apart: the interval would reach below 0
            low, middle, high = (0.0, 0.02, 0.06) if row["seed"] == "0" else (0.3, 0.4, 0.5)
            row |= {"false_alarms": str(middle), "false_alarms_low": str(low), "false_alarms_high": str(high)}
            row |= {"false_area": "0.033", "clean_photos": "195"}
    write_rows(folder / "results.csv", rows)
    page = page_of(folder)
    shown = section(page, "On photos without corrosion")
    assert "on 195 photos" in shown
    assert "above 0.5 % of the picture" in shown
    assert re.search(r"LinkNet, AGP 90 %</th><td>21\.0 \(0\.0 to \d+\.\d\)</td><td>3\.3", shown)
    assert "random" not in shown
    assert re.search(r"<dt>false alarms</dt><dd>21\.0 \(.*?\) % of photos without corrosion", page)
    assert "false alarms, % of clean photos (95 %)" in (folder / "report.md").read_text()
    assert re.search(r"& 21\.0 \(0\.0 to", (folder / "report.tex").read_text())
