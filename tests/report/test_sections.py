from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

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
