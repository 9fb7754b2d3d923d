from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations, pairwise

from tests.report.test_fronts import cell

from descale.report.cells import Span
from descale.report.charts import front_chart
from descale.report.fronts import Marked
from descale.report.svg import LINE, Label, free_line


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
