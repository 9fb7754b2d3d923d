from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from descale.base.errors import StudyError
from descale.cli import commands
from descale.cli.main import app
from descale.report.limits import Limits
from descale.report.pick import Pick, pick_from_study

HEAD = (
    "dataset,architecture,encoder,strategy,sparsity,seed,params,macs,size_bytes,iou_corrosion,iou_drop,"
    "iou_drop_high,iou_drop_low,iou_trivial,latency_ms,status,trial"
)
ROWS = """
d,unet,e,dense,0,0,5000000,1000000000,20000000,0.700,0,0,0,0.08,120,ok,dense
d,unet,e,agp,0.5,0,1250000,250000000,5000000,0.698,0.002,0.012,-0.008,0.08,40,ok,half
d,unet,e,linear,0.5,0,1250000,260000000,5000000,0.700,0.000,0.012,-0.008,0.08,45,ok,half-linear
d,unet,e,agp,0.9,0,50000,10000000,200000,0.685,0.015,0.030,0.001,0.08,5,ok,small
d,unet,e,random,0.9,0,50000,10000000,200000,0.690,0.010,0.02,0.001,0.08,5,ok,random
d,unet,e,movement,0.9,0,50000,9000000,200000,0.05,0.65,0.66,0.64,0.08,4,ok,blind
d,linknet,e,dense,0,0,5000000,500000000,20000000,0.500,0,0,0,0.08,60,ok,weak-dense
d,linknet,e,agp,0.9,0,50000,5000000,200000,0.499,0.001,0.012,-0.01,0.08,3,ok,weak
d,unet,e,linear,0.9,0,,,,,,,,,,failed: disk full,failed
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "results.csv").write_text(HEAD + ROWS)
    return tmp_path


def picked(folder: Path, drop: float | None = None, **costs: float) -> Pick:
    (answer,) = pick_from_study(folder, Limits(costs, drop))
    return answer


def trial_of(answer: Pick) -> str | None:
    return answer.chosen.results[0].trial if answer.chosen else None


@pytest.mark.parametrize(
    ("drop", "costs", "trial"),
    [
        (0.02, {"latency_ms": 50}, "half"),  # half-linear is 0.2 points better: a tie, and slower
        (0.02, {"latency_ms": 10}, "small"),
        (0.02, {"macs": 1e7}, "small"),
        (0.02, {"params": 60_000}, "small"),
        (0.02, {"size_bytes": 200_000}, "small"),
        (None, {"latency_ms": 200}, "half"),
        (0.001, {"latency_ms": 50}, "half-linear"),
        (0.02, {}, "small"),  # the weak parent's child is cheaper, but 20 points worse
        (0.01, {"macs": 6e6}, "weak"),
    ],
)
def test_pick(folder: Path, drop: float | None, costs: dict[str, float], trial: str) -> None:
    assert trial_of(picked(folder, drop, **costs)) == trial


def test_collapsed_failed_and_controls_are_never_picked(folder: Path) -> None:
    assert trial_of(picked(folder, None, latency_ms=5)) == "small"


def test_answer_says_why_and_names_the_runner_up(folder: Path) -> None:
    answer = picked(folder, 0.02, latency_ms=50)
    text = "\n".join(answer.lines)
    assert "Pick: U-Net, AGP 50 %" in text
    assert "highest IoU within the limits" in text
    assert answer.runner_up is not None
    assert "Runner-up: U-Net, linear 50 %" in text
    assert "trials/half/model" in text


def test_no_runner_up_says_why(folder: Path) -> None:
    assert "Runner-up: none, nothing else fits." in picked(folder, 0.0, latency_ms=45).lines
    (folder / "results.csv").write_text(HEAD + "\n".join(ROWS.splitlines()[i] for i in (0, 1, 7, 8)) + "\n")
    lines = picked(folder, 0.02).lines  # LinkNet keeps its score, which is 20 points lower
    assert "Runner-up: none, what else fits scores too far below the best." in lines


def test_far_below_the_best_it_does_not_claim_to_be_near(folder: Path) -> None:
    better = "d,fpn,e,agp,0.5,0,50000,5000000,200000,0.800,0.06,0.07,0.05,0.08,3,ok,better"
    rows = [*ROWS.strip().splitlines()[6:8], better]
    (folder / "results.csv").write_text("\n".join([HEAD, *rows, ""]))
    text = "\n".join(picked(folder, 0.02).lines)
    assert "of their own dense network; it is 30" in text
    assert "of the best model;" not in text


def test_doubts_are_told(folder: Path) -> None:
    text = "\n".join(picked(folder, 0.02, latency_ms=10).lines)
    assert "Not proven: the 95 % interval of the drop reaches 3 points" in text
    assert "One seed only" in text
    assert text.count("Chosen by the test scores, so its score is somewhat too high: new photos tell.") == 1
    assert "the control U-Net, random 90 % scores 0.5 points more" in text


def test_answer_names_the_encoder_where_there_are_several(folder: Path) -> None:
    path = folder / "results.csv"
    path.write_text(path.read_text().replace("d,linknet,e,", "d,unet,large,"))
    lines = picked(folder, 0.02, latency_ms=10).lines
    assert "Pick: U-Net, AGP 90 % (e)" in lines
    assert any("the control U-Net, random 90 % (e) scores" in line for line in lines)


def test_model_below_the_colour_floor_comes_with_a_warning(folder: Path) -> None:
    text = (folder / "results.csv").read_text().replace("iou_trivial", "iou_colour")
    (folder / "results.csv").write_text(text.replace(",0.08,", ",0.69,"))
    lines = picked(folder, 0.02, latency_ms=10).lines
    assert "Do not use it yet: a threshold on colour reaches IoU 0.690, at no cost." in lines


def test_nothing_fits_tells_the_nearest_misses(folder: Path) -> None:
    answer = picked(folder, 0.0005, latency_ms=10)
    text = "\n".join(answer.lines)
    assert answer.chosen is None
    assert "Nothing fits" in text
    assert "Nearest within the costs: LinkNet, AGP 90 %" in text
    assert "Nearest within the drop: U-Net, linear 50 %, 45 ms" in text
    too_small = "\n".join(picked(folder, None, macs=10).lines)
    assert "The least MACs: LinkNet, AGP 90 % with 5.00 M MACs, the limit is 10 MACs" in too_small


def test_unmeasured_latency_is_a_clear_error(folder: Path) -> None:
    text = (folder / "results.csv").read_text().replace("latency_ms", "other")
    (folder / "results.csv").write_text(text)
    with pytest.raises(StudyError, match="no latency was measured"):
        picked(folder, 0.02, latency_ms=50)


@pytest.mark.parametrize(
    ("costs", "drop", "message"),
    [
        ({}, None, "at least one limit"),
        ({"macs": 0}, None, "leaves nothing"),
        ({}, 2.0, "2 points of IoU are 0.02"),
        ({"price": 3}, None, "Unknown cost price"),
    ],
)
def test_limits_that_make_no_sense(costs: dict[str, float], drop: float | None, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Limits(costs, drop)


@pytest.mark.parametrize(("limit", "status"), [("50", 0), ("1", 1)])
def test_command(folder: Path, limit: str, status: int) -> None:
    if not any(command.name == "pick" for command in app.registered_commands):
        commands.register(app)
    result = CliRunner().invoke(app, ["pick", str(folder), "--max-latency-ms", limit, "--max-drop", "0.02"])
    assert result.exit_code == status
    assert ("Pick:" in result.output) == (status == 0)


def test_scores_pooled_over_folds_name_no_model(folder: Path) -> None:
    head, *rows = (folder / "results.csv").read_text().splitlines()
    (folder / "results.csv").write_text("\n".join([f"{head},folds", *(f"{row},11" for row in rows)]) + "\n")
    text = "\n".join(picked(folder, 0.02, latency_ms=50).lines)
    assert "trials/" not in text
    assert "pooled over folds; train one on all photos" in text


def test_each_data_set_has_its_own_answer(folder: Path) -> None:
    text = (folder / "results.csv").read_text()
    more = "other,fpn,e,dense,0,0,5,9,20,0.3,0,0,0,0.08,1,ok,x\n"
    (folder / "results.csv").write_text(text + more)
    answers = pick_from_study(folder, Limits({"latency_ms": 50}, 0.02))
    assert [(answer.dataset, trial_of(answer)) for answer in answers] == [("d", "half"), ("other", "x")]


@pytest.mark.parametrize(("drop", "costs"), [(None, {"macs": 1e9}), (0.02, {})])
def test_a_table_of_collapsed_models_is_said_to_be_one(
    tmp_path: Path, drop: float | None, costs: dict[str, float]
) -> None:
    row = "d,unet,e,dense,0,0,5000000,1000000000,20000000,0.05,0,0,0,0.08,120,ok,dense"
    (tmp_path / "results.csv").write_text(f"{HEAD}\n{row}\n")
    answer = picked(tmp_path, drop, **costs)
    assert answer.chosen is None
    assert answer.lines == ("Nothing fits.", "No finished model is left: all have failed or collapsed.")
