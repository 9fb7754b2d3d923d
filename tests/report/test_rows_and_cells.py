from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from descale.base.errors import StudyError
from descale.report.cells import by_dataset, make_cells
from descale.report.limits import Limits
from descale.report.pick import pick_from_study
from descale.report.rows import read_results
from descale.report.write import write_report

HEAD = (
    "dataset,architecture,encoder,strategy,sparsity,seed,macs,iou_corrosion,iou_drop,iou_trivial,"
    "status,trial\n"
)


def table(folder: Path, *rows: str, head: str = HEAD) -> Path:
    (folder / "results.csv").write_text(head + "".join(f"{row}\n" for row in rows))
    return folder


def test_finished_failed_and_collapsed_rows_are_told_apart(tmp_path: Path) -> None:
    good, failed, collapsed = read_results(
        table(
            tmp_path,
            "d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,a",
            "d,unet,e,agp,0.9,0,,,,,failed: loss is not finite,b",
            "d,unet,e,movement,0.9,0,10,0.05,0.65,0.08,ok,c",
        )
    )
    assert good.finished
    assert not good.collapsed
    assert not failed.finished
    assert failed.numbers == {"sparsity": 0.9, "seed": 0}
    assert collapsed.finished
    assert "not above the trivial 0.080" in collapsed.collapsed


def test_table_with_the_least_columns_is_enough(tmp_path: Path) -> None:
    head = "dataset,architecture,strategy,sparsity,iou_corrosion,macs\n"
    (row,) = read_results(table(tmp_path, "d,unet,dense,0,0.7,5", head=head))
    assert (row.finished, row.seed, row.encoder, row.trial) == (True, 0, "", "")


def test_a_table_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    text = HEAD + "d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,a\n"
    (tmp_path / "results.csv").write_text(text, encoding="utf-8-sig")
    (row,) = read_results(tmp_path)
    assert (row.dataset, row.numbers["iou_corrosion"]) == ("d", 0.7)


def test_latencies_beside_the_table_replace_those_in_it(tmp_path: Path) -> None:
    rows = ("d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,9,a", "d,unet,e,agp,0.5,0,250,0.7,0,0.08,ok,3,b")
    table(tmp_path, *rows, head=HEAD.replace("status", "status,latency_ms"))
    assert [result.numbers["latency_ms"] for result in read_results(tmp_path)] == [9, 3]
    (tmp_path / "latency.csv").write_text("trial,latency_ms,how\na,40.5,on a phone\n")
    dense, pruned = read_results(tmp_path)
    assert dense.numbers["latency_ms"] == 40.5
    assert "latency_ms" not in pruned.numbers


def test_two_latencies_of_one_trial_are_refused(tmp_path: Path) -> None:
    table(tmp_path, "d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,a")
    (tmp_path / "latency.csv").write_text("trial,latency_ms,how\na,40,ONNX Runtime\na,400,PyTorch\n")
    with pytest.raises(StudyError, match="line 3: trial 'a' stands there already"):
        read_results(tmp_path)


def test_seeds_that_agree_by_chance_are_no_certainty(tmp_path: Path) -> None:
    rows = [f"d,unet,e,agp,0.5,{seed},1000,{iou},0,0.08,ok,a{seed}" for seed, iou in ((0, 0.7), (1, 0.7))]
    (alike,) = make_cells(read_results(table(tmp_path, *rows)))
    assert not alike.iou.known
    (apart,) = make_cells(read_results(table(tmp_path, rows[0], rows[1].replace("0.7", "0.8"))))
    assert apart.iou.known


def test_latencies_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    rows = ("d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,9,a", "d,unet,e,agp,0.5,0,250,0.7,0,0.08,ok,3,b")
    table(tmp_path, *rows, head=HEAD.replace("status", "status,latency_ms"))
    (tmp_path / "latency.csv").write_bytes(b"\xef\xbb\xbftrial,latency_ms,how\r\na,40.5,phone\r\nb\r\n")
    dense, pruned = read_results(tmp_path)
    assert dense.numbers["latency_ms"] == 40.5
    assert "latency_ms" not in pruned.numbers
    (tmp_path / "latency.csv").write_bytes(b"trial,latency_ms,how\na,40.5,Ger\xe4t\n")
    with pytest.raises(StudyError, match="Save it as CSV in UTF-8"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"has no results\.csv"),
        ("", "no column"),
        ("a,b\n1,2\n", "no column dataset"),
        (HEAD, "no row yet"),
        (HEAD + "d,unet,e,agp,half,0,1,0.5,0,0,ok,a\n", "line 2: sparsity 'half'"),
    ],
)
def test_unusable_table_is_a_clear_error(tmp_path: Path, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / "results.csv").write_text(content)
    with pytest.raises(StudyError, match=message):
        read_results(tmp_path)


def test_latency_file_without_its_columns_is_a_clear_error(tmp_path: Path) -> None:
    table(tmp_path, "d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,a")
    (tmp_path / "latency.csv").write_text("model,ms\na,1\n")
    with pytest.raises(StudyError, match=r"latency\.csv needs the columns"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,7.1 ms", r"line 2: latency_ms '7\.1 ms' is not a number"),
        ("a,-1", "line 2: latency_ms '-1'"),
        ("z,7.1", "has no trial of this study .its first is 'z', the study's 'a'"),
    ],
)
def test_a_latency_file_that_tells_nothing_is_a_clear_error(tmp_path: Path, line: str, message: str) -> None:
    table(tmp_path, "d,unet,e,dense,0,0,1000,0.7,0,0.08,ok,a")
    (tmp_path / "latency.csv").write_text(f"trial,latency_ms\n{line}\n")
    with pytest.raises(StudyError, match=message):
        read_results(tmp_path)


def test_score_that_is_not_defined_is_no_failure(tmp_path: Path) -> None:
    head = "dataset,architecture,strategy,sparsity,iou_corrosion,macs,status,trial\n"
    rows = "clean,unet,dense,0,,5,ok,a\nclean,unet,agp,0.5,,2,ok,b\n"
    (tmp_path / "results.csv").write_text(head + rows)
    reason = "the score is not defined: the test split shows no corrosion"
    with pytest.raises(StudyError, match=reason):
        write_report(tmp_path)
    with pytest.raises(StudyError, match=reason):
        pick_from_study(tmp_path, Limits({"macs": 9}))
    (tmp_path / "results.csv").write_text(head + rows + "d,unet,dense,0,0.7,5,ok,c\n")
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "1 trial finished, 2 without a score" in page
    for text in (page, (tmp_path / "report.md").read_text(), (tmp_path / "report.tex").read_text()):
        assert "2 of 3 trials have no score, as the test split of clean shows no corrosion." in text
    assert reason in page
    assert "have failed" not in page


def test_an_earlier_table_of_a_split_without_corrosion_tells_no_collapse_and_no_drop(tmp_path: Path) -> None:
    reason = "collapsed: corrosion IoU 0.000 is not above the trivial 0.000"
    head = HEAD.replace("status", "status,collapsed")
    rows = (f"clean,unet,e,dense,0,0,9,0,0,0,ok,{reason},a", "clean,unet,e,agp,0.5,0,2,0,0,0,ok,,b")
    rows += ("d,unet,e,dense,0,0,9,0.7,0,0.08,ok,,c",)
    first, second, good = read_results(table(tmp_path, *rows, head=head))
    assert (first.undefined, second.undefined, good.undefined) == (True, True, False)
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "2 of 3 trials have no score, as the test split of clean shows no corrosion." in page
    assert "not above the trivial" not in page
    assert "no worse than 1 point" not in page


def test_seeds_of_one_configuration_become_one_cell(tmp_path: Path) -> None:
    rows = read_results(
        table(
            tmp_path,
            "d,unet,e,agp,0.9,0,10,0.60,0.02,0.08,ok,a",
            "d,unet,e,agp,0.9,1,12,0.64,0.04,0.08,ok,b",
            "d,unet,e,agp,0.9,2,,,,,failed: disk full,c",
            "other,unet,e,agp,0.9,0,10,0.3,0.02,0.08,ok,d",
        )
    )
    cells = make_cells(rows)
    assert [cell.dataset for cell in cells] == ["d", "other"]
    assert list(by_dataset(cells)) == ["d", "other"]
    first = cells[0]
    assert first.seeds == (0, 1)
    assert first.mean("macs") == 11
    assert first.mean("params") is None
    assert first.iou.estimate == pytest.approx(0.62)
    # 1.96 times the standard error of two values 0.04 apart
    assert first.iou.high == pytest.approx(0.62 + 1.96 * 0.02)
    assert first.drop is not None
    assert first.drop.estimate == pytest.approx(0.03)


def test_interval_of_the_photos_is_kept_and_widened_by_the_seeds(tmp_path: Path) -> None:
    head = HEAD.replace("iou_drop", "iou_corrosion_low,iou_corrosion_high,iou_drop")
    alone, together = (
        "d,unet,e,agp,0.9,0,10,0.60,0.55,0.66,0.02,0.08,ok,a",
        "d,unet,e,agp,0.9,1,10,0.64,0.59,0.70,0.04,0.08,ok,b",
    )
    (one,) = make_cells(read_results(table(tmp_path, alone, head=head)))
    (two,) = make_cells(read_results(table(tmp_path, alone, together, head=head)))
    assert (one.iou.low, one.iou.high) == (pytest.approx(0.55), pytest.approx(0.66))
    assert two.iou.low is not None
    assert two.iou.estimate - two.iou.low > 0.05


def test_single_seed_without_interval_has_none(tmp_path: Path) -> None:
    (cell,) = make_cells(read_results(table(tmp_path, "d,unet,e,agp,0.9,0,10,0.60,0.02,0.08,ok,a")))
    assert not cell.iou.known


def test_a_cell_of_one_seed_has_the_interval_that_its_trial_stored(make: Callable[..., Path]) -> None:
    folder = make(architectures=("unet",), strategies=("agp",), sparsities=(0.5,), seeds=(0,), controls=())
    _, pruned = read_results(folder)
    names = ("iou_corrosion", "iou_corrosion_low", "iou_corrosion_high")
    iou = "{:.3f} ({:.3f} to {:.3f})".format(*(pruned.numbers[name] for name in names))
    drops = [100 * pruned.numbers[name] for name in ("iou_drop", "iou_drop_low", "iou_drop_high")]
    drop = "{:.1f} ({:.1f} to {:.1f})".format(*drops)
    write_report(folder)
    for name in ("report.html", "report.md"):
        text = (folder / name).read_text(encoding="utf-8")
        assert iou in text
        assert drop in text
    (answer,) = pick_from_study(folder, Limits({"macs": pruned.numbers["macs"]}))
    assert iou in answer.lines[1]
    assert drop in answer.lines[1]
