"""Scores that ``evaluate`` keeps are those that a model card shows."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from descale.base.errors import ConfigError
from descale.data import load_dataset
from descale.deploy.export.card import false_alarm_line, score_lines
from descale.evaluation.false_alarms import in_words
from descale.evaluation.model_scores import evaluate, false_alarms, write_per_image
from descale.models import SavedModel, build_network, load_model, make_spec, read_widths, save_model


@pytest.fixture(scope="module")
def network() -> SavedModel:
    spec = make_spec("linknet", "resnet18", input_size=(32, 32))
    built = build_network(spec)
    return SavedModel(spec, built, read_widths(built))


def kept(network: SavedModel, provenance: dict[str, Any], data: Path, folder: Path) -> dict[str, Any]:
    save_model(folder, dataclasses.replace(network, provenance=provenance))
    evaluate(folder, data, split="valid", keep_scores=True)
    return dict(load_model(folder).metrics)


def test_scores_reach_the_card(network: SavedModel, steel: Path, tmp_path: Path) -> None:
    made_by = {"dataset_fingerprint": load_dataset(steel).fingerprint()}
    metrics = kept(network, made_by, steel, tmp_path / "model")
    line = score_lines(metrics)[0]
    assert (line.split, line.title) == ("valid", "IoU of corrosion, all photos together")
    assert line.interval
    assert line.floor


def test_scores_on_another_set_are_called_so(network: SavedModel, steel: Path, tmp_path: Path) -> None:
    metrics = kept(network, {"dataset_fingerprint": "of another set"}, steel, tmp_path / "model")
    assert list(metrics) == ["valid of synthetic-2"]


def test_names_that_are_not_utf8(network: SavedModel, steel: Path, tmp_path: Path) -> None:
    shutil.copytree(steel, tmp_path / "steel")
    for folder in ("images", "masks"):
        first = min((tmp_path / "steel" / "valid" / folder).iterdir())
        first.rename(first.with_stem(os.fsdecode(b"br\xfccke")))
    save_model(tmp_path / "model", network)
    evaluation = evaluate(tmp_path / "model", tmp_path / "steel", split="valid")
    write_per_image(tmp_path / "rows.csv", evaluation.summary)
    assert "br\\udcfccke" in (tmp_path / "rows.csv").read_text()


def test_a_model_is_left_alone_unless_asked(network: SavedModel, steel: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "model", network)
    evaluate(tmp_path / "model", steel, split="valid")
    assert load_model(tmp_path / "model").metrics == {}


def test_scores_stand_beside_the_floors_and_the_costs(
    network: SavedModel, steel: Path, tmp_path: Path
) -> None:
    save_model(tmp_path / "model", network)
    evaluation = evaluate(tmp_path / "model", steel)
    assert evaluation.split == "test"
    assert evaluation.fingerprint == load_dataset(steel).fingerprint()
    assert evaluation.costs["params"] == sum(p.numel() for p in network.network.parameters())
    assert evaluation.summary.colour is not None
    plain = evaluation.to_json()
    assert plain["scores"]["iou_corrosion"] == pytest.approx(evaluation.scores.iou_corrosion)
    assert plain["trivial"]["iou_corrosion"] > 0
    json.dumps(plain, allow_nan=False)


def test_data_of_other_classes_or_without_the_split_is_refused(
    network: SavedModel, steel: Path, severity: Path, tmp_path: Path
) -> None:
    four = make_spec("linknet", "resnet18", classes=load_dataset(severity).classes, input_size=(32, 32))
    built = build_network(four)
    save_model(tmp_path / "four", SavedModel(four, built, read_widths(built)))
    with pytest.raises(ConfigError, match=r"knows the classes .*severe; .* has background, corrosion"):
        evaluate(tmp_path / "four", steel)
    save_model(tmp_path / "model", network)
    shutil.copytree(steel, tmp_path / "steel")
    shutil.rmtree(tmp_path / "steel" / "test")
    with pytest.raises(ConfigError, match="no photo in the split 'test'"):
        evaluate(tmp_path / "model", tmp_path / "steel")


def test_false_alarms_reach_the_card(network: SavedModel, steel: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "model", network)
    found = false_alarms(tmp_path / "model", steel / "valid" / "images", keep_scores=True)
    line = false_alarm_line(load_model(tmp_path / "model").metrics)
    assert line == f"Of photos without any corrosion (images): {in_words(found.to_json())}."
    assert false_alarm_line({}) == ""
