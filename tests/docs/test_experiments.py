"""What the experiments say is what their CSV files hold, and they can be run as they say."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FOLDERS = sorted(path.parent for path in EXPERIMENTS.glob("*/study.yaml"))
RUN = [folder for folder in FOLDERS if (folder / "results.csv").exists()]


@pytest.fixture(scope="module")
def collect() -> ModuleType:
    spec = importlib.util.spec_from_file_location("collect", EXPERIMENTS / "collect.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("folder", RUN, ids=lambda path: path.name)
def test_a_table_is_made_from_its_csv(folder: Path, collect: ModuleType) -> None:
    readme = (folder / "README.md").read_text("utf-8")
    assert collect.filled(readme, collect.read_rows(folder / "results.csv")) == readme
    assert collect.BLOCK.search(readme)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_readme_tells_question_answer_and_command(folder: Path, collect: ModuleType) -> None:
    readme = (folder / "README.md").read_text("utf-8")
    assert re.match(r"# .+\?\n", readme)
    assert ("**Answer: not run yet" in readme) == (folder not in RUN)
    assert f"descale study experiments/{folder.name}/study.yaml" in readme
    assert f"python experiments/collect.py {folder.name} runs/" in readme
    assert collect.BLOCK.search(readme)
    assert f"[{folder.name}]({folder.name}/README.md)" in (EXPERIMENTS / "README.md").read_text("utf-8")


def write_run(folder: Path, rows: list[dict[str, str]]) -> None:
    start = {
        "time": "2026-11-26T08:00:00",
        "descale": "0.1.0",
        "commit": "0123456789",
        "machine": {"cores": 2, "processor": "a CPU"},
    }
    (folder / "study.json").write_text(json.dumps({"starts": [start]}))
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)]
    (folder / "results.csv").write_text("\n".join(lines) + "\n")


def row(strategy: str, sparsity: str, seed: str, iou: str, macs: str) -> dict[str, str]:
    return {
        "dataset": "drawn", "architecture": "unet", "encoder": "resnet18", "strategy": strategy,
        "sparsity": sparsity, "seed": seed, "macs": macs, "iou_corrosion": iou, "iou_trivial": "0.1",
        "iou_colour": "0.4", "status": "ok", "torch": "2.9", "seconds": "9", "latency_ms": "3",
    }  # fmt: skip


def test_a_run_of_code_without_a_commit_says_so(collect: ModuleType) -> None:
    start = {"time": "2026-11-26T08:00:00", "descale": "0.1.0", "machine": {"cores": 2, "processor": "a CPU"}}
    assert collect.provenance({"starts": [start]})["descale"] == "0.1.0 (no commit)"


def test_a_finished_study_comes_home(tmp_path: Path, collect: ModuleType) -> None:
    write_run(
        tmp_path,
        [
            row("dense", "0", "0", "0.70", "1000"), row("agp", "0.5", "0", "0.68", "250"),
            row("dense", "0", "1", "0.72", "1000"), row("agp", "0.5", "1", "0.71", "270"),
        ],
    )  # fmt: skip
    rows = collect.collect(tmp_path)
    assert not {"seconds", "latency_ms"} & set(rows[0])
    assert rows[0]["made"] == "2026-11-26"
    assert rows[0]["descale"] == "0.1.0 (0123456)"
    table = collect.table(rows, ["iou_corrosion"])
    assert "| network | strategy | dense | 50 % |" in table
    assert "| U-Net | AGP | 0.710 | 0.695, 1.5 (1.0 to 2.0) |" in table
    assert "MACs left: 25 to 27 % at 50 %." in table
    assert "a constant answer 0.100, a colour threshold 0.400" in table


def test_a_study_of_dense_networks_alone_has_a_table_too(tmp_path: Path, collect: ModuleType) -> None:
    write_run(tmp_path, [row("dense", "0", "0", "0.70", "1000"), row("dense", "0", "1", "0.72", "1000")])
    lines = collect.table(collect.collect(tmp_path), ["iou_corrosion"]).splitlines()
    assert "0.710" in lines[2]
    assert not any(line.startswith("MACs left") for line in lines)


def test_a_study_without_a_finished_trial_is_refused(tmp_path: Path, collect: ModuleType) -> None:
    write_run(tmp_path, [{**row("dense", "0", "0", "0.70", "1000"), "status": "failed"}])
    with pytest.raises(SystemExit, match=r"results\.csv: no trial is done yet"):
        collect.collect(tmp_path)


def test_dense_score_and_spread_are_of_the_seeds_of_the_row(tmp_path: Path, collect: ModuleType) -> None:
    write_run(
        tmp_path,
        [
            row("dense", "0", "0", "0.70", "1000"), row("dense", "0", "1", "0.80", "1000"),
            row("agp", "0.9", "0", "0.69", "100"), row("agp", "0.9", "1", "0.77", "100"),
            row("linear", "0.9", "1", "0.78", "100"),
        ],
    )  # fmt: skip
    lines = collect.table(collect.collect(tmp_path), ["iou_corrosion"]).splitlines()
    assert "0.750 | 0.730, 2.0 (1.0 to 3.0)" in lines[2]
    assert "0.800 | 0.780, 2.0" in lines[3]
    assert any("seeds: 2" in line and "lone seed" in line for line in lines)


def test_pieces_of_a_study_are_joined_and_a_trial_done_again_is_replaced(collect: ModuleType) -> None:
    def row(network: str, strategy: str, seed: str, iou: str, **more: str) -> dict[str, str]:
        named = {"dataset": "d", "architecture": network, "encoder": "e", "strategy": strategy}
        return {**named, "sparsity": "0", "seed": seed, "iou": iou, **more}

    kept = [row("unet", "dense", "0", ".7"), row("unet", "agp", "0", ".6"), row("fpn", "dense", "0", ".5")]
    new = [row("unet", "agp", "0", ".65", channels_removed=".9"), row("unet", "dense", "1", ".7")]
    found = [(each["architecture"], each["strategy"], each["iou"]) for each in collect.joined(kept, new)]
    assert sorted(found) == [
        ("fpn", "dense", ".5"), ("unet", "agp", ".65"), ("unet", "dense", ".7"), ("unet", "dense", ".7"),
    ]  # fmt: skip
    assert found.index(("unet", "agp", ".65")) == 1, "a network's rows stand together"
