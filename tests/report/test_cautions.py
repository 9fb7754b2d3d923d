from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.report.test_report_page import page_of

from descale.report.limits import Limits
from descale.report.pick import pick_from_study


@pytest.fixture(scope="module")
def page(study: Path) -> str:
    return page_of(study)


def test_cautions_tell_failures_missing_trials_and_collapse(page: str) -> None:
    assert "2 of 44 trials in the table have failed" in page
    assert "trials have not run yet" in page
    assert "collapsed and cannot be picked: LinkNet, random 90 %" in page
    assert "loss is not finite &lt;at step 3&gt;" in page


def test_intervals_from_few_scenes_come_with_a_warning(page: str) -> None:
    assert "The test split has 8 scenes: intervals from so few are too narrow." in page


def test_one_scene_gives_no_interval_and_no_proof(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.5,), photos=2)
    page = page_of(folder)
    assert "The test split is one scene: there are no intervals, and no difference can be shown." in page
    assert "no per-image scores" not in page
    text = (folder / "report.md").read_text()
    models = [line for line in text.splitlines() if line.startswith("| U-Net")]
    assert len(models) == 4
    assert not any("(" in line for line in models)
    assert not re.search("Shown to lose less|beyond doubt", text)
    assert not re.search('aria-label="(shown|better|worse)', page)
    (answer,) = pick_from_study(folder, Limits({}, 0.2))
    assert "Not tested: there is no interval for the drop." in answer.lines


def test_without_the_models_the_same_is_said_of_scores(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.5,), seeds=(0, 1))
    page_of(folder)
    before = (folder / "report.md").read_text()
    for model in (folder / "trials").glob("*/model"):
        shutil.rmtree(model)
    page = page_of(folder)
    assert (folder / "report.md").read_text() == before
    assert "no per-image scores" not in page
    assert "no names of its classes" not in page


def test_latency_of_some_decides_nothing_and_that_is_said(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.5, 0.9))
    (folder / "latency.csv").write_text("trial,latency_ms\nunet-dense-0-0,40\nunet-agp-0.5-0,20\n")
    assert "Latency is known for 2 of 3 configurations" in page_of(folder)


def test_intervals_over_few_seeds_come_with_a_warning(page: str, tmp_path: Path) -> None:
    assert "configurations ran with 2 seeds: intervals over so few are too narrow" in page
    counts = {"linear": 1, "agp": 3, "movement": 5, "one-shot": 6}
    rows = [f"d,unet,{name},0.5,{seed},0.7,5,ok" for name, seeds in counts.items() for seed in range(seeds)]
    (tmp_path / "results.csv").write_text(
        "\n".join(["dataset,architecture,strategy,sparsity,seed,iou_corrosion,macs,status", *rows]) + "\n"
    )
    page = page_of(tmp_path)
    assert "1 of 4 configurations ran with one seed only." in page
    assert "2 of 4 configurations ran with 3 to 5 seeds: intervals over so few are too narrow" in page


def test_choice_by_test_scores_is_admitted_once(page: str, tmp_path: Path) -> None:
    said = "The models are chosen by their test scores, so the score of a chosen one is somewhat too high."
    assert page.count(said) == 1
    head = "dataset,architecture,strategy,sparsity,iou_corrosion,macs\n"
    (tmp_path / "results.csv").write_text(head + "d,unet,dense,0,0.7,5\nother,unet,dense,0,0.6,5\n")
    assert said not in page_of(tmp_path)  # one model for each data set: nothing was chosen


def test_trials_that_ran_in_different_ways_come_with_a_warning(tmp_path: Path) -> None:
    columns = (
        "dataset,architecture,strategy,sparsity,seed,iou_corrosion,macs,latency_ms,threads,torch,status,trial"
    )
    rows = ["d,unet,dense,0,0,0.7,5,9,1,2.13,ok,a", "d,unet,agp,0.5,0,0.7,3,4,2,2.14,ok,b"]
    apart = "other,unet,dense,0,0,0.7,5,9,8,2.15,ok,c"  # alone with its data, so compared with nothing
    failed = "d,unet,agp,0.9,0,,,,16,2.16,failed: disk full,d"
    (tmp_path / "results.csv").write_text("\n".join([columns, *rows, apart, failed]) + "\n")
    page = page_of(tmp_path)
    assert "Latencies were measured with 1 and 2 threads and cannot be compared." in page
    assert "Trials ran with torch 2.13 and 2.14: part of" in page
    (tmp_path / "latency.csv").write_text("trial,latency_ms\na,9\nb,4\nc,9\n")
    assert "Latencies were measured" not in page_of(tmp_path)
    (tmp_path / "latency.csv").unlink()
    arithmetic = [f"{row},{device}" for row, device in zip(rows, ("float32", "bfloat16"), strict=True)]
    (tmp_path / "results.csv").write_text("\n".join([f"{columns},precision", *arithmetic]) + "\n")
    assert "Trials were trained on float32 and bfloat16: part of" in page_of(tmp_path)
    alike = [row.replace("2,2.14", "1,2.13") for row in rows]
    (tmp_path / "results.csv").write_text("\n".join([columns, *alike, apart, failed]) + "\n")
    assert not re.search("Latencies were measured|Trials ran with", page_of(tmp_path))
