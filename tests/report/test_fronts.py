from __future__ import annotations

import re
from dataclasses import replace

import pytest

from descale.report.cells import Cell, Span
from descale.report.fronts import compare, known_costs, marked_points, pareto_front
from descale.report.rows import Result


def cell(
    strategy: str,
    sparsity: float,
    iou: float,
    macs: float | None,
    *,
    low: float | None = None,
    collapsed: bool = False,
    architecture: str = "unet",
) -> Cell:
    numbers = {"iou_corrosion": iou, "iou_colour": 0.4, "iou_trivial": 0.1}
    if macs is not None:
        numbers["macs"] = macs
    result = Result("d", architecture, "e", strategy, sparsity, 0, numbers, {}, "ok")
    span = Span(iou, low, None if low is None else 2 * iou - low)
    return Cell("d", architecture, "e", strategy, sparsity, (result,), span, None, ("blind",) * collapsed)


DENSE = cell("dense", 0, 0.70, 1000)
HALF = cell("agp", 0.5, 0.695, 250)
SMALL = cell("agp", 0.9, 0.66, 10)
BEATEN = cell("linear", 0.9, 0.62, 11)
RANDOM = cell("random", 0.9, 0.72, 10)
BLIND = cell("movement", 0.9, 0.71, 9, collapsed=True)
ALL = [DENSE, HALF, SMALL, BEATEN, RANDOM, BLIND]


def test_front_leaves_out_beaten_control_and_collapsed() -> None:
    assert pareto_front(ALL, "macs") == [SMALL, HALF, DENSE]


def test_two_points_below_the_best_are_within_two_points() -> None:
    cells = [cell("dense", 0, 0.60, 1000), cell("agp", 0.9, 0.58, 10)]
    assert marked_points(cells, "macs")[0].cell is cells[1]


def test_without_an_interval_nothing_clearly_clears_the_floors() -> None:
    def smallest(low: float | None) -> str:
        weak = cell("agp", 0.9, 0.5, 10, low=low)
        (found,) = [mark for mark in marked_points([DENSE, weak], "macs") if mark.cell is weak]
        return found.role

    assert "not tested" in smallest(None)
    assert "clearly" in smallest(0.45)


def test_front_by_brute_force() -> None:
    cells = [cell("agp", 0.5, 0.5 + (i * 37 % 101) / 300, 1 + (i * 53 % 97)) for i in range(60)]
    front = pareto_front(cells, "macs")
    for one in cells:
        beaten = any(
            other.iou.estimate >= one.iou.estimate
            and other.mean("macs") <= one.mean("macs")
            and (other.iou.estimate, other.mean("macs")) != (one.iou.estimate, one.mean("macs"))
            for other in cells
        )
        assert beaten != any(one.iou == f.iou and one.mean("macs") == f.mean("macs") for f in front)


def test_marked_points_and_their_reasons() -> None:
    recommended, best, smallest = marked_points(ALL, "macs")
    assert (recommended.letter, recommended.cell) == ("A", HALF)
    assert best.cell is DENSE
    assert smallest.cell is SMALL
    assert "0.5 points less IoU with 4 times less MACs" in recommended.reasons[0]
    # SMALL loses 4 points, the model beside it 8.
    assert any(reason.startswith("Half the IoU loss") for reason in smallest.reasons)


def test_letters_belong_to_roles() -> None:
    assert [(point.letter, point.cell) for point in marked_points(ALL, "macs")] == [
        ("A", HALF),
        ("B", DENSE),
        ("C", SMALL),
    ]
    small, best = cell("agp", 0.9, 0.60, 10), cell("dense", 0, 0.70, 1000)
    marked = marked_points([small, best], "macs")  # the most accurate is recommended too
    assert [(point.letter, point.cell) for point in marked] == [("A", best), ("C", small)]


def test_model_that_does_not_clear_colour_is_not_called_useful() -> None:
    weak = cell("agp", 0.95, 0.42, 2, low=0.35)
    assert all(point.cell is not weak for point in marked_points([*ALL, weak], "macs"))


def test_sentences_name_the_encoder_where_there_are_several() -> None:
    large = [replace(one, encoder="large") for one in (DENSE, HALF, SMALL)]
    for point in marked_points([*ALL, *large], "macs"):
        telling = [reason for reason in point.reasons if "U-Net" in reason]
        assert telling
        assert all(re.search(r"\((e|large)\)", reason) for reason in telling)
    assert not any("(e)" in reason for point in marked_points(ALL, "macs") for reason in point.reasons)


def test_nothing_to_mark_when_all_collapsed() -> None:
    assert marked_points([BLIND, RANDOM], "macs") == []


def test_costs_that_some_lack_are_not_known() -> None:
    assert known_costs(ALL) == ["macs"]
    assert known_costs([*ALL, cell("linear", 0.5, 0.6, None)]) == []


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (SMALL, HALF, "3.5 points less IoU with 25 times less MACs"),
        (DENSE, HALF, "0.5 points more IoU with 4 times more MACs"),
        (cell("agp", 0.9, 0.66, 10.1), SMALL, "the same IoU at the same MACs"),
    ],
)
def test_comparisons_in_words(one: Cell, other: Cell, said: str) -> None:
    assert compare(one, other, "macs") == said
