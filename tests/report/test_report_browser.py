"""The page in a real browser: charts drawn, filters and sorting work, nothing in the console."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from descale.report.write import write_report


@pytest.fixture
def tab(browser: Any, study: Path) -> Iterator[Any]:
    page = study / "report.html"
    if not page.exists():
        write_report(study)
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    messages: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on(
        "request", lambda request: messages.append(request.url) if request.url.startswith("http") else None
    )
    opened.goto(page.as_uri())
    yield opened
    assert messages == []
    context.close()


def rows(tab: Any) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in tab.locator("#trials tbody tr").all()]


def column(tab: Any, name: str) -> int:
    return tab.locator("#trials thead th").all_inner_texts().index(name)


def test_charts_are_drawn(tab: Any) -> None:
    charts = tab.locator("svg.chart")
    assert charts.count() >= 4 + 2 + 1
    for index in range(charts.count()):
        box = charts.nth(index).bounding_box()
        assert box["width"] > 250
        assert box["height"] > 90
    marks = tab.locator("#front-0-macs .point")
    assert marks.count() == 22
    frame = tab.locator("#front-0-macs").bounding_box()
    for index in range(marks.count()):
        box = marks.nth(index).bounding_box()
        assert frame["x"] <= box["x"]
        assert box["x"] + box["width"] <= frame["x"] + frame["width"]
        assert frame["y"] - 1 <= box["y"]
        assert box["y"] + box["height"] <= frame["y"] + frame["height"]


def test_filters_apply_to_table_and_charts(tab: Any) -> None:
    assert len(rows(tab)) == 44
    tab.locator('.filters input[name="architecture"][value="linknet"]').uncheck()
    left = rows(tab)
    assert {row[column(tab, "architecture")] for row in left} == {"U-Net"}
    assert tab.locator("#count").inner_text() == f"{len(left)} of 44 trials"
    visible = tab.locator("#front-0-macs .point:not(.off)")
    assert visible.count() == 11
    tab.locator('.filters input[name="sparsity"][value="0.9"]').uncheck()
    assert tab.locator("#front-0-macs .point:not(.off)").count() == 6
    tab.locator("#reset").click()
    assert len(rows(tab)) == 44
    assert tab.locator("#front-0-macs .point:not(.off)").count() == 22


def test_search(tab: Any) -> None:
    tab.locator("#search").fill("linknet movement")
    assert {(row[0], row[1]) for row in rows(tab)} == {("LinkNet", "movement")}
    tab.locator("#search").fill("no such thing")
    assert rows(tab) == []
    assert "0 of 44" in tab.locator("#count").inner_text()


def test_sorting_by_number_and_by_text(tab: Any) -> None:
    place = column(tab, "IoU")
    head = tab.locator("#trials thead th").nth(place)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    shown = [row[place] for row in rows(tab)]
    values = [float(text) for text in shown if text != "–"]
    assert values == sorted(values, reverse=True)
    assert shown[-2:] == ["–", "–"]  # failed trials stay at the end
    head.locator("button").click()
    shown = [row[place] for row in rows(tab)]
    assert [float(text) for text in shown[:-2]] == sorted(values)
    assert shown[-2:] == ["–", "–"]
    tab.locator("#trials thead th").nth(0).locator("button").click()
    names = [row[0] for row in rows(tab)]
    assert names == sorted(names)


def test_sorting_works_from_the_keyboard(tab: Any) -> None:
    button = tab.locator("#trials thead th button").nth(column(tab, "MACs"))
    button.focus()
    tab.keyboard.press("Enter")
    assert tab.locator("#trials thead th[aria-sort]").count() == 1


def test_page_fits_a_phone(browser: Any, study: Path, tab: Any) -> None:
    del tab  # the report is written
    context = browser.new_context(viewport={"width": 390, "height": 800})
    phone = context.new_page()
    phone.goto((study / "report.html").as_uri())
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_page_without_script_tells_where_the_rows_are(browser: Any, study: Path, tab: Any) -> None:
    del tab
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto((study / "report.html").as_uri())
    assert "results.csv" in plain.locator("noscript").inner_text()
    assert not plain.locator("form.filters").is_visible()
    assert plain.locator("svg.chart").first.is_visible()
    context.close()


def test_pictures_load(tab: Any) -> None:
    tab.evaluate("document.querySelectorAll('img').forEach(image => { image.loading = 'eager'; })")
    tab.wait_for_function("Array.from(document.images).every(image => image.complete)")
    widths = tab.evaluate("Array.from(document.images).map(image => image.naturalWidth)")
    assert len(widths) >= 16
    assert min(widths) >= 64


def test_marks_differ_in_shape_not_only_in_colour(tab: Any) -> None:
    shapes = tab.locator(".legend li svg").evaluate_all(
        "marks => marks.map(mark => mark.querySelector('g path').getAttribute('d') + "
        "(mark.querySelector('path').getAttribute('stroke-dasharray') || ''))"
    )
    assert len(shapes) == len(set(shapes)) == 6
