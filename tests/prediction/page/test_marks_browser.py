"""Marks and notes in a real browser: kept, saved, loaded, and counted for what was seen."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.prediction.page.browsing import names, open_photo, saved, until
from tests.runtime.tiny_networks import painted, write_bundle

import descale


def test_marks_are_kept_and_saved(tab: Any, job: Path) -> None:
    tab.locator(".card", has_text="=d").focus()
    tab.keyboard.press("2")
    open_photo(tab, "a")
    tab.keyboard.press("1")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("3")
    tab.keyboard.press("n")
    tab.keyboard.type('=1+1, "dirt",\nnot rust 123/')
    tab.keyboard.press("Escape")
    assert tab.locator("#viewer").is_visible()  # Escape left the note only
    tab.keyboard.press("Escape")
    tab.reload()
    assert tab.locator("#marks-count").inner_text() == "1 right, 1 wrong, 1 look again, 1 note"
    assert tab.locator(".card", has_text="=d").locator(".mark").text_content() == "✗ wrong"

    text = saved(tab, "#save-marks")
    rows = {row["mark"]: row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))}
    assert rows["wrong"]["name"] == "'=d"  # no formula for a spreadsheet
    assert rows["look again"]["note"] == '\'=1+1, "dirt",\nnot rust 123/'
    assert (rows["right"]["corroded_percent"], rows["right"]["iso_4628_3"]) == ("25", "5")
    photos = job.parent / "photos"
    listed = saved(tab, "#save-list").splitlines()
    assert listed == [str(photos / "=d.png"), f"{photos}/br\\udcfccke.png"]

    tab.locator("#marked").select_option("wrong")
    assert names(tab) == ["=d"]
    tab.locator("#reset").click()
    tab.evaluate("localStorage.clear()")
    tab.reload()
    assert tab.locator("#marks-count").inner_text() == "0 right, 0 wrong, 0 look again, 0 notes"
    file = {"name": "marks.csv", "mimeType": "text/csv", "buffer": text.encode()}
    tab.locator("#load-marks").set_input_files(file)
    until(tab, "document.getElementById('marks-told').textContent !== ''")
    assert "1 wrong" in tab.locator("#marks-count").inner_text()
    assert saved(tab, "#save-marks").splitlines()[0] == text.splitlines()[0]
    tab.locator("#load-marks").set_input_files({**file, "buffer": b"a,b\r\n1,2\r\n"})
    until(tab, "document.getElementById('marks-told').textContent.includes('lacks')")


def test_a_mark_counts_for_what_was_seen_when_it_was_given(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    bundle = write_bundle(tmp_path / "bundle")

    def predicted(percent: int, **settings: Any) -> None:
        Image.fromarray(painted(100, 200, (0, 0, 200, percent))).save(tmp_path / "photos" / "weld.png")
        descale.predict(bundle, tmp_path / "photos", tmp_path / "out", **settings)

    predicted(0)
    tab = browser.new_context(offline=True).new_page()
    tab.goto((tmp_path / "out" / "index.html").as_uri())
    open_photo(tab, "weld")
    tab.keyboard.press("1")
    predicted(0, overlay_size=500, overwrite=True)
    tab.reload()
    assert tab.locator("#marks-count").inner_text().startswith("1 right"), "what is found is the same"
    before = saved(tab, "#save-marks")
    predicted(30)
    tab.reload()
    told = tab.locator("#marks-count").inner_text()
    assert told.startswith("0 right")
    assert "given to other pictures" in told
    assert "weld" not in saved(tab, "#save-marks")
    tab.locator("#load-marks").set_input_files(
        {"name": "marks.csv", "mimeType": "text/csv", "buffer": before.encode()}
    )
    until(tab, "document.getElementById('marks-told').textContent.includes('another result')")
    tab.context.close()


def test_a_mark_does_not_count_for_another_photo_in_which_as_much_is_found(
    browser: Any, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    bundle = write_bundle(tmp_path / "bundle")
    tab = browser.new_context(offline=True).new_page()
    for comment, counted in (("", "0 right"), ("", "1 right"), ("another file", "0 right")):
        text = PngInfo()
        text.add_text("comment", comment)
        Image.fromarray(painted(100, 200)).save(tmp_path / "photos" / "weld.png", pnginfo=text)
        descale.predict(bundle, tmp_path / "photos", tmp_path / "out")
        tab.goto((tmp_path / "out" / "index.html").as_uri())
        assert tab.locator("#marks-count").inner_text().startswith(counted)
        if not comment:
            open_photo(tab, "weld")
            tab.keyboard.press("1")
    tab.context.close()


def test_marks_stay_where_the_scale_on_site_is_told_later(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.fromarray(painted(100, 200, (0, 0, 200, 30))).save(tmp_path / "photos" / "weld.png")
    tab = browser.new_context(offline=True).new_page()
    for scale in (None, 0.5):
        bundle = write_bundle(tmp_path / "bundle")
        descale.predict(bundle, tmp_path / "photos", tmp_path / "out", mm_per_pixel=scale)
        tab.goto((tmp_path / "out" / "index.html").as_uri())
        if scale is None:
            open_photo(tab, "weld")
            tab.keyboard.press("1")
    assert tab.locator("#marks-count").inner_text().startswith("1 right")
    tab.context.close()


def test_loading_marks_erases_none(tab: Any) -> None:
    open_photo(tab, "a")
    tab.keyboard.press("2")
    tab.keyboard.press("Escape")

    def load(rows: str) -> str:
        tab.evaluate("document.getElementById('marks-told').textContent = ''")
        text = f"name,mark,note,time\r\n{rows}\r\n".encode()
        tab.locator("#load-marks").set_input_files(
            {"name": "marks.csv", "mimeType": "text/csv", "buffer": text}
        )
        until(tab, "document.getElementById('marks-told').textContent !== ''")
        return tab.locator("#marks-told").inner_text()

    assert "1 photo marked" in load("a,,pit,")
    assert "1 wrong" in tab.locator("#marks-count").inner_text()
    assert "older than the mark" in load("a,right,,2025-01-01T08:00:00Z")
    assert "1 wrong, 0 look again, 1 note" in tab.locator("#marks-count").inner_text()
    tab.evaluate("localStorage.clear()")


def test_marks_are_loaded_with_the_time_at_which_they_were_given(tab: Any) -> None:
    rows = "name,mark,note,time\r\na,Right,,2025-01-01T08:00:00Z\r\n'=d,perhaps,,\r\nno such,wrong,,\r\n"
    tab.locator("#load-marks").set_input_files(
        {"name": "marks.csv", "mimeType": "text/csv", "buffer": rows.encode()}
    )
    until(tab, "document.getElementById('marks-told').textContent !== ''")
    told = tab.locator("#marks-told").inner_text()
    assert "1 photo marked" in told
    assert "1 row left out: no photo" in told
    assert "1 row left out: a mark" in told
    assert "2025-01-01T08:00:00Z" in saved(tab, "#save-marks")
    tab.evaluate("localStorage.clear()")


def test_a_note_that_another_tab_writes_is_not_lost(tab: Any) -> None:
    open_photo(tab, "a")
    other = tab.context.new_page()
    other.goto(tab.url)
    open_photo(other, "a")
    other.locator("#note").fill("pit at weld")
    until(tab, "document.getElementById('note').value === 'pit at weld'")
    tab.locator("#note").press("End")
    tab.keyboard.type("!")
    tab.keyboard.press("Escape")
    tab.keyboard.press("Escape")
    assert ",pit at weld!," in saved(tab, "#save-marks")
    tab.evaluate("localStorage.clear()")


def test_what_is_listed_is_what_is_chosen_also_after_a_mark_and_after_going_back(tab: Any) -> None:
    tab.locator("#marked").select_option("none")
    open_photo(tab, "a")
    tab.keyboard.press("1")
    tab.keyboard.press("Escape")
    until(tab, "!document.getElementById('grid').textContent.includes('✓ right')")
    assert "a" not in names(tab)
    tab.goto("about:blank")
    tab.go_back()
    chosen = tab.locator("#marked").input_value()
    until(tab, f"document.querySelectorAll('.card').length === {4 if chosen == 'none' else 5}")
    tab.evaluate("localStorage.clear()")
