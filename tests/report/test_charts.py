from __future__ import annotations

import re
from itertools import pairwise

from tests.report.test_fronts import cell

from descale.report.charts import front_chart
from descale.report.fronts import Marked


def labels(chart: str) -> list[tuple[float, float, str]]:
    """x, base line and text of the letters beside the marked points."""
    found = re.findall(r'<text x="([\d.]+)" y="([\d.]+)"[^>]*class="letter"[^>]*>([^<]*)<', chart)
    return [(float(x), float(y), words) for x, y, words in found]


def test_labels_of_neighbouring_points_are_moved_apart() -> None:
    near = [cell("agp", 0.9, 0.60 + 0.001 * i, 10 + 0.1 * i) for i in range(3)]
    far = cell("dense", 0, 0.70, 1000)
    marked = [
        Marked(letter, "best", point, ("why",)) for letter, point in zip("ABCD", [*near, far], strict=True)
    ]
    numbers = {id(point.cell): number for number, point in enumerate(marked)}
    chart = front_chart("chart", [*near, far], "macs", marked, numbers, wide=True)
    bases = sorted(y for _, y, words in labels(chart) if not words.startswith("D"))
    assert len(bases) == 3
    assert all(below - above >= 15 for above, below in pairwise(bases))
