from __future__ import annotations

import io

from rich.console import Console

from descale.cli.study_table import study_table


def row(**changes: object) -> dict[str, object]:
    return {
        "dataset": "embedded",
        "architecture": "unetplusplus",
        "encoder": "tu-tf_efficientnet_lite0",
        "strategy": "movement",
        "sparsity": 0.9,
        "seed": 0,
        "iou_corrosion": 0.654321,
        "iou_corrosion_low": 0.55,
        "iou_corrosion_high": 0.7125,
        "iou_drop": -0.0123,
        "macs": 123_456_789,
        "params": 98_765,
        "collapsed": "",
    } | changes


def printed(*rows: dict[str, object], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(study_table("demo", rows))  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_line_fits_a_plain_terminal() -> None:
    text = printed(row(), row(strategy="slim-scratch"))
    assert "…" not in text
    (line,) = [line for line in text.splitlines() if "movement" in line]
    for cell in ("unetplusplus", "0.9", "0.654", "0.55-0.71", "-0.012", "123.5 M", "98.8 k"):
        assert cell in line
    assert "embedded" not in text


def test_collapsed_models_are_marked_and_numbers_stay_whole() -> None:
    text = printed(row(strategy="slim-scratch"), row(strategy="agp", collapsed="below the trivial floor"))
    assert "…" not in text
    assert "* collapsed: no better than a constant answer" in text
    (line,) = [line for line in text.splitlines() if "agp" in line]
    assert "0.654*" in line
    assert "collapsed" not in printed(row())


def test_what_differs_is_shown() -> None:
    text = printed(row(seed=1), row(seed=2, dataset="bridges [old]"), width=120)
    assert "bridges [old]" in text
    assert "seed" in text
    assert "encoder" not in text


def test_scores_that_are_not_known_are_left_empty() -> None:
    assert "None" not in printed(row(iou_corrosion=None, iou_corrosion_low=None, iou_drop=None, macs=None))


def test_a_score_that_is_not_defined_is_called_so() -> None:
    text = printed(row(iou_corrosion=None, iou_corrosion_low=None, iou_corrosion_high=None, iou_drop=None))
    assert "not defined" in text
    assert "*" not in text
