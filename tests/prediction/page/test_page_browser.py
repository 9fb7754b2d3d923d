"""The page in a real browser: filters, sorting, fading, marks, saved files; nothing in the console."""

from __future__ import annotations

import csv
import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.runtime.tiny_networks import painted, write_bundle

import descale

SHARES = {
    "a": 25, "b <img src=x onerror=alert(1)>": 0, "c #3 50%?": 1, "=d": 6, os.fsdecode(b"br\xfccke"): 40,
}  # fmt: skip
"""Corroded percent by name: Ri 5, 0, 3, 4 and 5."""
NO_UTF8 = os.fsdecode(b"br\xfccke")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("job #1 <b>")
    (folder / "photos").mkdir()
    for name, percent in SHARES.items():
        Image.fromarray(painted(100, 200, (0, 0, 200, percent))).save(folder / "photos" / f"{name}.png")
    (folder / "photos" / "broken.png").write_bytes(b"no picture")
    logging.disable()  # pytest's processes cannot hand each other such names
    descale.predict(write_bundle(folder / "bundle"), folder / "photos", folder / "out", mm_per_pixel=10)
    logging.disable(logging.NOTSET)
    return folder / "out"


@pytest.fixture
def tab(browser: Any, job: Path) -> Iterator[Any]:
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    messages: list[str] = []
    opened.on("console", lambda message: messages.append(message.text))
    opened.on("pageerror", lambda error: messages.append(str(error)))
    opened.on("requestfailed", lambda request: messages.append(request.url))
    opened.on("dialog", lambda dialog: messages.append(dialog.message))
    opened.goto((job / "index.html").as_uri())
    yield opened
    assert messages == []
    context.close()


def until(tab: Any, condition: str) -> None:
    """Wait for a condition; playwright's own way evaluates it in the page, whose policy forbids that."""
    for _ in range(200):
        if tab.evaluate(condition):
            return
        tab.wait_for_timeout(25)
    raise AssertionError(f"never came true: {condition}")


def names(tab: Any) -> list[str]:
    return tab.locator("#grid .name").all_text_contents()  # innerText is empty off the screen


def open_photo(tab: Any, name: str) -> None:
    tab.locator(".card", has_text=name).first.click()
    until(tab, "document.getElementById('large').complete")


def saved(tab: Any, button: str) -> str:
    with tab.expect_download() as download:
        tab.locator(button).click()
    return Path(download.value.path()).read_text(encoding="utf-8")


def test_photos_are_sorted(tab: Any) -> None:
    worst_first = [NO_UTF8, "a", "=d", "c #3 50%?", "b <img src=x onerror=alert(1)>"]
    assert names(tab) == worst_first
    tab.locator("#sort").select_option("name")
    assert names(tab) == sorted(worst_first)
    tab.locator("#sort").select_option("iso")
    assert names(tab) == worst_first


def test_totals_are_shown(tab: Any) -> None:
    figures = [tab.locator(f"#figures {tag}").all_inner_texts() for tag in ("dt", "dd")]
    shown = dict(zip(*figures, strict=True))
    assert (shown["photos"], shown["skipped"], shown["with corrosion"]) == ("5", "1", "4")
    assert shown["corroded, of all pixels"] == "14.4 %"
    assert shown["corroded area"] == "1.44 m²"
    assert tab.locator("#degrees li").nth(5).inner_text().split() == ["Ri", "5", "2", "photos"]
    tab.locator("#skipped summary").click()
    assert "broken.png" in tab.locator("#skipped li").inner_text()
    assert "an orientation, not a certificate" in tab.locator("#caveat").inner_text()


def test_filters_and_search(tab: Any) -> None:
    for degree in ("0", "3", "4"):
        tab.locator(f'#grades input[value="{degree}"]').uncheck()
    assert names(tab) == [NO_UTF8, "a"]
    assert tab.locator("#count").inner_text() == "2 of 5 photos"
    tab.locator("#reset").click()
    tab.keyboard.press("/")
    tab.keyboard.type("ONERROR img")
    assert names(tab) == ["b <img src=x onerror=alert(1)>"]
    tab.keyboard.press("Escape")
    assert len(names(tab)) == 5


def test_pictures_load_whatever_photos_are_called(tab: Any) -> None:
    until(tab, "Array.from(document.querySelectorAll('#grid img')).every(image => image.complete)")
    assert (
        tab.evaluate("Array.from(document.querySelectorAll('#grid img'), i => i.naturalWidth)") == [200] * 5
    )
    assert set(tab.evaluate("Array.from(document.querySelectorAll('#grid img'), i => i.loading)")) == {"lazy"}
    for name in names(tab):
        open_photo(tab, name)
        until(tab, "document.getElementById('mask').complete")
        assert tab.evaluate("document.getElementById('large').naturalWidth") == 200
        assert tab.evaluate("document.getElementById('mask').naturalWidth") == 200
        tab.keyboard.press("Escape")


def test_the_mask_fades_and_is_outlined_and_goes(tab: Any) -> None:
    open_photo(tab, "=d")
    stage = tab.locator("#stage").bounding_box()

    def colour(x: float, y: float) -> tuple[int, ...]:
        layers = tab.locator("#layers").bounding_box()
        left, top = (
            layers["x"] - stage["x"] + x * layers["width"],
            layers["y"] - stage["y"] + y * layers["height"],
        )
        with Image.open(io.BytesIO(tab.locator("#stage").screenshot())) as picture:
            return tuple(picture.convert("RGB").getpixel((round(left), round(top))))

    inside, below = (0.5, 0.03), (0.5, 0.5)
    tab.locator("#opacity").fill("100")
    tab.wait_for_timeout(150)
    assert colour(*inside) == (224, 82, 32)
    tab.locator("#opacity").fill("0")
    tab.wait_for_timeout(150)
    red, green, _ = colour(*inside)
    assert (red > 180, green < 40) == (True, True)  # the photo alone
    assert tab.locator("#opacity-told").inner_text() == "0 %"
    tab.locator('#layer input[value="outline"]').check()
    assert tab.locator("#opacity-told").inner_text() == "100 %"  # each way of showing has its own
    tab.wait_for_timeout(150)
    assert colour(*inside)[1] < 40
    assert colour(0.5, 0.055) == (255, 255, 255)  # the border, inside
    assert colour(*below)[1] > 180
    tab.locator("#stage").focus()
    tab.keyboard.press("m")
    assert tab.locator("#mask").is_hidden()
    assert tab.locator('#layer input[value="off"]').is_checked()


def test_zoom_and_patches(tab: Any) -> None:
    open_photo(tab, "=d")
    before = tab.locator("#layers").bounding_box()
    tab.locator("#stage").focus()
    tab.keyboard.press("+")
    assert tab.locator("#layers").bounding_box()["width"] == pytest.approx(1.5 * before["width"])
    tab.keyboard.press("f")
    assert tab.locator("#layers").bounding_box() == before
    tab.mouse.move(400, 400)
    tab.mouse.wheel(0, -400)
    tab.wait_for_timeout(100)
    zoomed = tab.locator("#layers").bounding_box()
    assert zoomed["width"] > 2 * before["width"]
    tab.mouse.down()
    tab.mouse.move(380, 400)
    tab.mouse.up()
    assert tab.locator("#layers").bounding_box()["x"] == pytest.approx(zoomed["x"] - 20)
    cells = tab.locator("#patches tbody tr td").all_inner_texts()
    assert cells == ["1 show", "1,200 cm² (1,200 px)", "200 x 6"]
    tab.locator("#patches button").click()
    assert tab.locator("#box").is_visible()
    assert "ASTM D610" in tab.locator("#viewer-grade").inner_text()
    assert "an orientation, not a certificate" in tab.locator("#viewer-caveat").inner_text()


def test_keys_walk_open_and_close(tab: Any) -> None:
    tab.locator(".card").first.focus()
    tab.keyboard.press("ArrowRight")
    assert tab.evaluate("document.activeElement.querySelector('.name').textContent") == "a"
    tab.keyboard.press("Enter")
    assert tab.locator("#viewer-name").inner_text() == "a"
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#viewer-name").inner_text() == "=d"
    tab.keyboard.press("Escape")
    assert not tab.locator("#viewer").is_visible()
    until(tab, "document.activeElement.querySelector('.name')?.textContent === '=d'")  # on the close event
    assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    tab.keyboard.press("?")
    assert tab.locator("#help").is_visible()


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


def test_printing_loads_what_was_not_scrolled_to(tab: Any) -> None:
    tab.evaluate("() => { window.print = () => { window.printed = true; }; }")
    tab.locator("#search").fill("=d")
    assert tab.locator("#print-line").text_content() == '1 of 5 photos, by corroded share; with "=d"'
    tab.locator("#search").fill("")
    tab.keyboard.press("Control+p")
    until(tab, "window.printed === true")
    assert tab.locator("#grid img").evaluate_all("all => all.every(image => image.naturalWidth > 0)")
    assert tab.locator("#skipped li").is_visible()


def test_the_printed_page_holds_photos_without_controls(tab: Any) -> None:
    tab.emulate_media(media="print")
    assert not tab.locator("#controls").is_visible()
    assert not tab.locator("#save-marks").is_visible()
    assert tab.locator(".card").first.is_visible()
    assert tab.pdf(format="A4").count(b"/Subtype /Image") >= 5


def test_the_page_fits_a_phone(browser: Any, job: Path, tab: Any) -> None:
    del tab
    context = browser.new_context(viewport={"width": 390, "height": 800})
    phone = context.new_page()
    phone.goto((job / "index.html").as_uri())
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    phone.locator(".card").first.click()
    assert phone.locator("#stage").bounding_box()["height"] > 250
    assert phone.locator("#panel").evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    context.close()


def test_the_page_without_script_tells_where_the_numbers_are(browser: Any, job: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto((job / "index.html").as_uri())
    assert "predictions.csv" in plain.locator("noscript").inner_text()
    assert not plain.locator("#controls").is_visible()
    context.close()


def test_what_grew_since_an_earlier_job(browser: Any, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "bundle")
    for job, shares in {"before": {"a": 10, "b": 5, "c": 3}, "now": {"a": 12, "b": 2, "d": 50}}.items():
        (tmp_path / job).mkdir()
        for name, percent in shares.items():
            picture = painted(100, 200 if job == "now" else 100, (0, 0, 200, percent))
            Image.fromarray(picture).save(tmp_path / job / f"{name}.png")
    descale.predict(bundle, tmp_path / "before", tmp_path / "out of #1")
    descale.predict(bundle, tmp_path / "now", tmp_path / "out", compare=tmp_path / "out of #1")
    context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900})
    tab = context.new_page()
    messages: list[str] = []
    tab.on("console", lambda message: messages.append(message.text))
    tab.on("pageerror", lambda error: messages.append(str(error)))
    tab.goto((tmp_path / "out" / "index.html").as_uri())
    assert names(tab) == ["a", "b", "d"]  # by growth; what is new has none
    changes = tab.locator(".card .change").all_text_contents()
    assert changes[0] == "▲ grew by 2.0 points (before 10.0 %, Ri 5)"
    assert changes[1] == "▼ shrank by 3.0 points (before 5.0 %, Ri 4)"
    assert changes[2].startswith("new")
    tab.locator("#changed").select_option("grew")
    assert names(tab) == ["a"]
    open_photo(tab, "a")
    tab.keyboard.press("b")
    until(tab, "document.getElementById('large').naturalWidth === 100")
    box = tab.locator("#layers").bounding_box()
    assert box["width"] == pytest.approx(box["height"])  # the earlier photo is square
    tab.keyboard.press("b")
    until(tab, "document.getElementById('large').naturalWidth === 200")
    assert messages == []
    context.close()


def test_what_a_screen_reader_says(tab: Any) -> None:
    assert tab.get_by_role("button", name="Photo with its mask: =d Ri 4 6.0 % corroded").count() == 1
    assert tab.get_by_role("search").count() == 1
    assert tab.get_by_label("Search").count() >= 1
    assert tab.get_by_label("Sort by").count() == 1
    open_photo(tab, "=d")
    assert tab.get_by_role("dialog", name="=d").count() == 1
    assert "6.0 % of the picture is marked as corroded" in tab.locator("#mask").get_attribute("alt")
    assert tab.get_by_role("slider", name="Opacity").count() == 1
    assert tab.get_by_role("group", name="Is the mask right?").count() == 1
    unnamed = tab.evaluate(
        "Array.from(document.querySelectorAll('button, input, select, textarea, img'))"
        ".filter(e => !(e.textContent.trim() || e.ariaLabel || e.alt || e.labels?.length))"
        ".map(e => e.outerHTML)"
    )
    assert unnamed == []


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


def test_the_frame_of_a_patch_stays_on_it_when_the_window_changes(tab: Any) -> None:
    open_photo(tab, "=d")
    tab.locator("#patches button").click()

    def place() -> list[float]:
        inner, outer = tab.locator("#box").bounding_box(), tab.locator("#layers").bounding_box()
        return [(inner["y"] - outer["y"]) / outer["height"], inner["height"] / outer["height"]]

    before = place()
    tab.set_viewport_size({"width": 844, "height": 390})
    assert place() == pytest.approx(before, abs=0.03)


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
