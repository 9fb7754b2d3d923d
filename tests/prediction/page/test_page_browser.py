"""The page in a real browser: filters, sorting, fading, keys, paper; nothing in the console."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.prediction.page.browsing import NO_UTF8, names, open_photo, until
from tests.runtime.tiny_networks import painted, write_bundle

import descale


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
    opacity = "getComputedStyle(document.getElementById('mask')).opacity"
    tab.locator("#opacity").fill("100")
    until(tab, f"{opacity} === '1'")
    assert colour(*inside) == (224, 82, 32)
    tab.locator("#opacity").fill("0")
    until(tab, f"{opacity} === '0'")
    red, green, _ = colour(*inside)
    assert (red > 180, green < 40) == (True, True)  # the photo alone
    assert tab.locator("#opacity-told").inner_text() == "0 %"
    tab.locator('#layer input[value="outline"]').check()
    assert tab.locator("#opacity-told").inner_text() == "100 %"  # each way of showing has its own
    until(tab, f"{opacity} === '1'")
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
    until(tab, f"document.getElementById('layers').getBoundingClientRect().width > {2 * before['width']}")
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


def test_one_card_is_a_tab_stop_and_the_viewer_keeps_the_focus(tab: Any) -> None:
    tab.locator(".card").nth(3).focus()
    tab.locator("#search").fill("#3")
    tab.locator("#reset").click()
    assert tab.locator('.card[tabindex="0"]').count() == 1
    tab.locator(".card").nth(1).click()
    tab.locator("#previous").click()
    assert tab.locator("#previous").is_disabled()
    assert tab.evaluate("document.activeElement.id") == "stage"


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


def test_the_frame_of_a_patch_stays_on_it_when_the_window_changes(tab: Any) -> None:
    open_photo(tab, "=d")
    tab.locator("#patches button").click()

    def place() -> list[float]:
        inner, outer = tab.locator("#box").bounding_box(), tab.locator("#layers").bounding_box()
        return [(inner["y"] - outer["y"]) / outer["height"], inner["height"] / outer["height"]]

    before = pytest.approx(place(), abs=0.03)
    tab.set_viewport_size({"width": 844, "height": 390})
    for _ in range(100):  # the page follows at its next frame, on a busy machine after a while
        if place() == before:
            break
        tab.wait_for_timeout(50)
    assert place() == before
