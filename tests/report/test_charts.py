from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, pairwise

from tests.report.test_fronts import cell

from descale.report.cells import Span
from descale.report.charts import front_chart
from descale.report.fronts import Marked
from descale.report.svg import LINE, Label, Scale, free_line
from descale.report.tables import floor_rows, headings
from descale.report.trial_table import filters


def labels(chart: str) -> list[tuple[float, float, str]]:
    """x, base line and text of the letters beside the marked points."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*class="letter"[^>]*>([^<]*)<', chart)
    return [(float(x), float(y), words) for x, y, words in found]


def test_labels_of_neighbouring_points_are_moved_apart() -> None:
    near = [cell("agp", 0.9 + 0.01 * i, 0.60 + 0.001 * i, 10 + 0.1 * i) for i in range(3)]
    far = cell("dense", 0, 0.70, 1000)
    marked = [
        Marked(letter, "best", point, ("why",)) for letter, point in zip("ABCD", [*near, far], strict=True)
    ]
    numbers = {point.cell.key: number for number, point in enumerate(marked)}
    chart = front_chart("chart", [*near, far], "macs", marked, numbers, wide=True)
    bases = sorted(y for _, y, words in labels(chart) if not words.startswith("D"))
    assert len(bases) == 3
    assert all(below - above >= 15 for above, below in pairwise(bases))


def test_a_cell_is_known_by_what_it_is_of_not_by_which_object_it_is() -> None:
    cells = [cell("agp", 0.9, 0.60, 10), cell("dense", 0, 0.70, 1000)]
    marked = [Marked("A", "best", replace(cells[0], iou=Span(0.6, 0.5, 0.7)), ("why",))]
    numbers = {one.key: number for number, one in enumerate(cells)}
    chart = front_chart("chart", [replace(one) for one in cells], "macs", marked, numbers)
    assert chart.count('class="ring"') == 1
    assert chart.index('data-cell="1"') < chart.index('data-cell="0"')  # what is marked is drawn on top


def test_labels_do_not_lie_on_each_other() -> None:
    taken: list[Label] = []
    lines = [free_line(taken, left, left + 100, 200.0) for left in (0, 50, 60, 300)]
    assert lines[0] == lines[3] == 200
    assert all(abs(a - b) >= LINE for a, b in combinations(lines[:3], 2))


def test_floors_above_all_models_lie_within_the_chart() -> None:
    cells = [cell("agp", 0.9, 0.20, 10), cell("dense", 0, 0.25, 1000)]
    assert (cells[0].mean("iou_colour") or 0) > 0.3
    chart = front_chart("chart", cells, "macs", [], {one.key: i for i, one in enumerate(cells)}, wide=True)
    levels = [float(y) for y in re.findall(r'y1="([-\d.]+)"[^>]*class="floor"', chart)]
    assert len(levels) == 2
    assert all(level > 0 for level in levels)


def test_an_axis_has_values_however_narrow_it_is() -> None:
    assert len(Scale(2.37e6, 4.32e6, 0, 400, logarithmic=True).ticks()) > 1


def test_floors_stand_under_the_headings_of_their_table() -> None:
    cells = [cell("agp", 0.9, 0.60, 10), replace(cell("dense", 0, 0.70, 1000), encoder="other")]
    heads = headings(cells[:1])
    for row in floor_rows(cells, heads):
        assert len(row) == len(heads)
        assert row[heads.index("IoU (95 %)")] in ("0.400", "0.100")


def test_trials_of_a_kind_that_failed_as_a_whole_can_be_filtered() -> None:
    done, failed = (
        cell("agp", 0.9, 0.6, 10).results[0],
        cell("agp", 0.9, 0.6, 10, architecture="manet").results[0],
    )
    found = {name: choices for name, _, choices in filters([done, replace(failed, status="failed: no disk")])}
    assert [value for value, _ in found["architecture"]] == ["unet", "manet"]
