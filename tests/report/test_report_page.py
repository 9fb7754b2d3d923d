from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from descale.base.errors import StudyError
from descale.cli import commands
from descale.cli.main import app
from descale.evaluation import ImageConfusions, read_confusions, write_confusions
from descale.report.write import write_report

VOID = {"meta", "link", "input", "img", "br"}


class Checker(HTMLParser):
    """Collects what a page refers to, and whether its elements are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tables = self.captions = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.links += [value for key, value in attrs if key in ("src", "href") and value]
        self.tables += tag == "table"
        self.captions += tag == "caption"
        if tag == "img":
            self.images.append(named)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(folder: Path) -> str:
    return write_report(folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(study: Path) -> str:
    return page_of(study)


def section(page: str, heading: str) -> str:
    start = page.index(f"<h3>{heading}")
    return page[start : page.find("<h3>", start + 5)]


def test_page_is_one_balanced_file_that_refers_to_nothing_outside(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert checker.open == []
    assert all(link.startswith(("#", "data:")) for link in checker.links)
    assert "url(http" not in page
    assert "@import" not in page


def test_page_speaks_to_a_screen_reader(page: str) -> None:
    checker = Checker()
    checker.feed(page)
    assert checker.images
    assert all(image.get("alt") for image in checker.images)
    assert checker.tables == checker.captions
    charts = re.findall(r"<svg [^>]*class=\"chart\"[^>]*>", page)
    assert all('role="img"' in chart and "aria-labelledby" in chart for chart in charts)


def test_decision_comes_first(page: str) -> None:
    verdict = page.index('class="verdict"')
    assert verdict < page.index("Before you rely on it") < page.index('class="card first"')
    assert page.index('class="card first"') < page.index("What accuracy costs")
    assert re.search(r"Take [A-Z].*: corrosion IoU 0\.\d{3} at", page)


def test_every_cost_has_a_chart_with_floors_front_and_letters(page: str) -> None:
    for cost in ("latency_ms", "macs", "params", "size_bytes"):
        start = page.index(f'id="front-0-{cost}"')
        chart = page[start : page.index("</svg>", start)]
        assert "trivial answer" in chart
        assert "colour alone" in chart
        assert 'class="front"' in chart
        assert 'class="whisker"' in chart
        assert 'class="letter"' in chart


def test_who_suffers_is_said_with_numbers(page: str) -> None:
    assert re.search(r"At 90 % LinkNet suffers most: [\d.]+ points lost on average", page)
    assert re.search(r"At 90 % movement suffers most: .* worst in \d of \d comparisons", page)
    assert "✖" in section(page, "Who suffers")


def test_controls_are_compared(page: str) -> None:
    assert "Against random channels:" in page
    assert "Against the same slim network trained from scratch:" in page
    assert "▲" in section(page, "Was the pruning worth it?")


def test_removed_channels_are_drawn(page: str) -> None:
    part = section(page, "Where channels were removed")
    assert "encoder 3" in part
    assert 'class="is"' in part
    assert "channels kept" in part


def test_pictures_show_photo_label_dense_and_pruned(page: str) -> None:
    part = page[page.index("<h3>What it looks like") : page.index("All trials</h2>")]
    for text in ("typical", "among the worst", "<b>photo</b>", "<b>label</b>", ", dense</b>", " %</b>"):
        assert text in part
    assert part.count("data:image/jpeg;base64,") >= 4 * 4


def test_embedded_rows_are_those_of_the_table(page: str, study: Path) -> None:
    data = json.loads(page.partition('id="results-data">')[2].partition("</script>")[0])
    assert len(data["trials"]) == len((study / "results.csv").read_text().splitlines()) - 1
    assert len(data["cells"]) == len({tuple(facts) for facts in data["cells"]})


def test_markdown_and_latex_hold_every_configuration(page: str, study: Path) -> None:
    del page  # only makes sure that the report has been written
    data = (study / "report.md").read_text()
    rows = [line for line in data.splitlines() if line.startswith("| ")]
    assert len(rows) == 1 + 2 + 2 * (1 + 2 * 5)  # heading, floors, models
    assert len({line.count("|") for line in rows}) == 1
    latex = (study / "report.tex").read_text()
    assert latex.count(r"\\") == len(rows) + 1
    assert r"\begin{longtable}" in latex
    commented = [line.startswith("% ") for line in latex.splitlines()]
    assert commented == sorted(commented, reverse=True)
    assert not any(re.search(r"(?<!\\)%", line) for line in latex.splitlines()[sum(commented) :])


def test_report_is_the_same_when_written_again(study: Path) -> None:
    def without_time(text: str) -> str:
        return re.sub(r"Written [\d: -]+ UTC", "", text)

    assert without_time(page_of(study)) == without_time(page_of(study))


def test_table_alone_is_enough(study: Path, tmp_path: Path) -> None:
    shutil.copy(study / "results.csv", tmp_path / "results.csv")
    page = page_of(tmp_path)
    assert "Take " in page
    assert "No widths are at hand" in page
    assert "No pictures:" in page
    assert "There is no study.json" in page
    assert 'id="front-0-macs"' in page


def test_photos_that_are_gone_do_not_stop_the_report(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.9,), seeds=(0,), photos=6)
    shutil.rmtree(folder / "photos")
    page = page_of(folder)
    assert "No pictures: the photos cannot be read" in page
    assert 'class="is"' in page


def test_damaged_confusions_are_reported_and_left_out(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.9,), seeds=(0,), photos=6)
    (folder / "trials" / "unet-agp-0.9-0" / "confusions.csv").write_text("torn")
    assert "unet-agp-0.9-0/confusions.csv cannot be read" in page_of(folder)


def test_scene_that_makes_the_drop_is_named(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.5,), seeds=(0,), controls=())
    dense = read_confusions(folder / "trials" / "unet-dense-0-0" / "confusions.csv")["test"]
    path = folder / "trials" / "unet-agp-0.5-0" / "confusions.csv"
    counts = dense.counts.copy()
    write_confusions(path, {"test": ImageConfusions(dense.ids, dense.groups, counts)})
    assert "One scene makes" not in page_of(folder)  # as good as its parent: nothing to explain
    for photo in (6, 7):  # scene3: all called corroded
        counts[photo] = [[0, counts[photo, 0].sum()], [0, counts[photo, 1].sum()]]
    write_confusions(path, {"test": ImageConfusions(dense.ids, dense.groups, counts)})
    found = re.search(
        r"drop in 1 of 1 pruned models. Most in U-Net, AGP 50 %: ([\d.]+) points, "
        r"without scene scene3 \(photo006, photo007\) 0 points",
        page_of(folder),
    )
    assert found
    assert float(found[1]) > 5


def test_study_that_has_only_dense_models_yet(make: Callable[..., Path]) -> None:
    page = page_of(make(sparsities=(), seeds=(0,), photos=6, latency=False))
    assert "Only dense models have finished" in page
    assert "Not known for all models, so not drawn: latency" in page
    assert "ran with one seed" in page


def test_names_from_the_table_cannot_become_markup(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(
        "dataset,architecture,strategy,sparsity,seed,iou_corrosion,macs,status\n"
        '"<script>alert(1)</script>",unet,dense,0,0,0.7,5,ok\n'
        '"<script>alert(1)</script>","</script><b>",agp,0.5,0,0.6,2,ok\n'
    )
    page = page_of(tmp_path)
    assert "<script>alert" not in page
    assert "</script><b>" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_several_data_sets_are_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(
        "dataset,architecture,strategy,sparsity,seed,iou_corrosion,macs,status\n"
        "one,unet,dense,0,0,0.7,5,ok\ntwo,unet,dense,0,0,0.4,5,ok\n"
    )
    page = page_of(tmp_path)
    assert "The decision for one" in page
    assert "The decision for two" in page
    assert page.count('class="verdict"') == 2


def test_nothing_finished_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text(
        "dataset,architecture,strategy,sparsity,iou_corrosion,macs,status\n"
        "d,unet,dense,0,,,failed: disk full\n"
    )
    with pytest.raises(StudyError, match="failed: disk full"):
        write_report(tmp_path)


def test_command_prints_the_path_of_the_page(study: Path) -> None:
    if not any(command.name == "report" for command in app.registered_commands):
        commands.register(app)
    result = CliRunner().invoke(app, ["report", str(study)])
    assert result.exit_code == 0
    assert str(study / "report.html") in result.output
