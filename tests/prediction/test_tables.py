"""Tables tell what was found, in formats that others read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from tests.runtime.tiny_networks import FOUR

from descale.prediction.render import write_id_mask
from descale.prediction.summary import summarise
from descale.prediction.tables import TABLES, TableContent
from descale.prediction.tables.as_coco import mask_annotations
from descale.runtime import Segmentation


def _decode(segmentation: dict) -> np.ndarray:
    """COCO run lengths to a mask, the plain way."""
    height, width = segmentation["size"]
    flat = np.concatenate([np.full(n, i % 2, np.uint8) for i, n in enumerate(segmentation["counts"])])
    return flat.reshape(width, height).T


@pytest.fixture
def content(tmp_path: Path) -> TableContent:
    mask = np.random.default_rng(0).integers(0, 4, (40, 30)).astype(np.uint8)
    write_id_mask(tmp_path / "masks" / "one.png", mask)
    result = summarise(Segmentation(FOUR, mask, 0.8, (40, 30), "e"), "one", "photos/one.jpg")
    return TableContent(FOUR, (result,), (("bad.jpg", "truncated"),), {"descale": "0"}, tmp_path / "masks")


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9, 1.0])
def test_annotations_are_the_mask(share: float) -> None:
    mask = np.random.default_rng(1).random((23, 41)) < share
    annotations = mask_annotations(mask)
    total = np.zeros(mask.shape, int)
    for annotation in annotations:
        patch = _decode(annotation["segmentation"])
        ys, xs = np.nonzero(patch)
        assert annotation["area"] == len(ys)
        assert annotation["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
        total += patch
    np.testing.assert_array_equal(total, mask)


def test_coco_file(content: TableContent, tmp_path: Path) -> None:
    TABLES["coco"].write(tmp_path / "c.json", content)
    value = json.loads((tmp_path / "c.json").read_text())
    assert [c["name"] for c in value["categories"]] == ["steel", "rust", "pit"]
    assert value["images"] == [{"id": 1, "file_name": "photos/one.jpg", "width": 30, "height": 40}]
    ids = [annotation["id"] for annotation in value["annotations"]]
    assert ids == list(range(1, len(ids) + 1))
    assert {annotation["category_id"] for annotation in value["annotations"]} == {1, 2, 3}


def test_coco_is_read_by_pycocotools(content: TableContent, tmp_path: Path) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    TABLES["coco"].write(tmp_path / "c.json", content)
    read = coco.COCO(str(tmp_path / "c.json"))
    annotation = read.loadAnns([1])[0]
    np.testing.assert_array_equal(read.annToMask(annotation), _decode(annotation["segmentation"]))


def test_csv_file(content: TableContent, tmp_path: Path) -> None:
    TABLES["csv"].write(tmp_path / "c.csv", content)
    (row,) = csv.DictReader((tmp_path / "c.csv").read_text().splitlines())
    result = content.results[0]
    assert row["photo"] == "photos/one.jpg"
    assert float(row["corroded_percent"]) == pytest.approx(result.corroded_percent, abs=1e-5)
    assert float(row["percent_rust"]) == pytest.approx(result.class_percent["rust"], abs=1e-5)
    assert row["corroded_cm2"] == ""


def test_json_file(content: TableContent, tmp_path: Path) -> None:
    TABLES["json"].write(tmp_path / "c.json", content)
    value = json.loads((tmp_path / "c.json").read_text())
    assert value["photos"][0] == content.results[0].to_json()
    assert value["skipped"] == [{"photo": "bad.jpg", "reason": "truncated"}]
    assert "painted" in value["note"]
