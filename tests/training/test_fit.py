"""Runs that are stopped, continued, cut short, spoiled."""

from __future__ import annotations

import csv
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.training.runs import (
    CPU,
    SIZE,
    SPEC,
    config,
    no_step,
    same,
    scripted_scores,
    stopped_at,
    weights_of,
)
from torch import Tensor

from descale.base.errors import ConfigError, TimeIsUp, TrainingError
from descale.data import Dataset
from descale.data.loading import PixelArrays, load_split
from descale.evaluation import summarise
from descale.evaluation.evaluate import image_confusions
from descale.models import build_network, make_spec
from descale.training import TrainingConfig, train_model
from descale.training.batches import TrainingPictures
from descale.training.fit import fit
from descale.training.step import TrainingStep


def trained(photos: Dataset, settings: TrainingConfig, folder: Path) -> dict[str, Tensor]:
    return weights_of(train_model(photos, SPEC, settings, folder, devices=CPU, seed=5).network)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"ema": None, "optimizer": "sgd", "schedule": "triangular2"},
        {"ema": None, "schedule": "constant", "validate_every": 2, "loss": "focal"},
    ],
    ids=str,
)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(
    photos: Dataset, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Stopped in the middle of epochs 1, 2 and 3 of 3: the same weights, bit for bit."""
    settings = config(epochs=3, **changes)
    whole = trained(photos, settings, tmp_path / "whole")
    for step in (2, 2, 4):  # counted from where each continuation starts: epochs 1, 1 and 2
        with stopped_at(step):
            trained(photos, settings, tmp_path / "stopped")
        assert not (tmp_path / "stopped" / "model").exists()
    assert (tmp_path / "stopped" / "last.ckpt").exists()
    assert same(whole, trained(photos, settings, tmp_path / "stopped"))


@pytest.mark.parametrize("ema", [None, 0.9])
def test_a_run_that_was_killed_before_its_model_was_saved_is_not_trained_longer(
    photos: Dataset, tmp_path: Path, ema: float | None
) -> None:
    whole = trained(photos, config(ema=ema), tmp_path)
    shutil.rmtree(tmp_path / "model")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", no_step)
        assert same(whole, trained(photos, config(ema=ema), tmp_path))


def test_a_run_that_ended_early_and_was_killed_before_its_model_was_saved_is_not_trained_longer(
    photos: Dataset, tmp_path: Path
) -> None:
    settings = config(epochs=4, early_stopping=1, ema=None)
    with scripted_scores([0.5, 0.1, 0.9]) as seen:
        whole = trained(photos, settings, tmp_path)
        assert len(seen) == 2
        shutil.rmtree(tmp_path / "model")
        assert same(whole, trained(photos, settings, tmp_path))


class Recorder:
    """Weights after every step."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []
        self.network = build_network(SPEC)

    def begin(self, total_steps: int, device: torch.device) -> None:
        self.total = total_steps

    def after_backward(self, step: int, scale: float) -> None:
        assert scale == 1.0

    def after_step(self, step: int) -> None:
        assert step == len(self.weights)
        self.weights.append(weights_of(self.network))

    def end(self) -> None:
        assert self.total == len(self.weights)

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing is kept."""


@pytest.fixture
def recorded(
    photos: Dataset, tmp_path: Path
) -> Callable[[TrainingConfig], tuple[dict[str, Tensor], Recorder]]:
    def run(settings: TrainingConfig) -> tuple[dict[str, Tensor], Recorder]:
        torch.manual_seed(0)
        recorder = Recorder()
        source = TrainingPictures(load_split(photos.split("train"), SIZE), "none", SIZE)
        valid = load_split(photos.split("valid"), SIZE)
        fit(
            recorder.network, SPEC, source, valid, settings, tmp_path,
            seed=0, label="run", devices=CPU, hook=recorder,
        )  # fmt: skip
        assert not recorder.network.training
        return weights_of(recorder.network), recorder

    return run


def test_ema_keeps_the_moving_average_of_the_weights(recorded: Any) -> None:
    result, recorder = recorded(config(ema=0.25))
    assert len(recorder.weights) == 4
    for key, value in result.items():
        if value.is_floating_point():
            average = recorder.weights[0][key]
            for kept, after in zip((2 / 11, 3 / 12, 0.25), recorder.weights[1:], strict=True):
                average = kept * average + (1 - kept) * after[key]
            assert torch.allclose(value, average, rtol=1e-4, atol=1e-6), key


def test_without_ema_the_last_weights_are_kept(recorded: Any) -> None:
    result, recorder = recorded(config(ema=None))
    assert same(result, recorder.weights[-1])
    assert not same(result, recorder.weights[-2])


@pytest.mark.parametrize("clip", [None, 1e-3])
def test_no_step_is_longer_than_the_clip_allows(photos: Dataset, tmp_path: Path, clip: float | None) -> None:
    """Plain SGD at a rate of 1: a step is as long as its gradient."""
    plain: dict[str, Any] = {
        "optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "encoder_rate": 1.0, "ema": None,
        "schedule": "constant",
    }  # fmt: skip
    settings = config(epochs=1, learning_rate=1.0, gradient_clip=clip, **plain)
    start = trained(photos, config(epochs=1, learning_rate=1e-20, **plain), tmp_path / "start")
    end = trained(photos, settings, tmp_path / "end")
    learnt = [name for name, _ in build_network(SPEC).named_parameters()]
    moved = float(sum((end[name] - start[name]).square().sum() for name in learnt)) ** 0.5
    allowed = 2 * 1e-3  # two steps
    assert moved > 10 * allowed if clip is None else 0.5 * allowed < moved <= 1.001 * allowed


@pytest.mark.parametrize("ema", [None, 0.9])
def test_early_stopping_ends_the_run_and_keeps_the_best_epoch(
    photos: Dataset, tmp_path: Path, ema: float | None
) -> None:
    settings = config(epochs=9, early_stopping=2, ema=ema)
    with scripted_scores([0.1, 0.4, 0.3, 0.2, 0.9]) as seen:
        result = trained(photos, settings, tmp_path)
    assert len(seen) == 4, "two epochs without a better score after the second"
    assert same(result, seen[1])


def test_without_early_stopping_nothing_is_selected(photos: Dataset, tmp_path: Path) -> None:
    with scripted_scores([0.9, 0.1, 0.2]) as seen:
        result = trained(photos, config(epochs=3), tmp_path)
    assert len(seen) == 3
    assert same(result, seen[2])


def test_the_best_epoch_before_an_interruption_is_kept(photos: Dataset, tmp_path: Path) -> None:
    settings = config(epochs=3, early_stopping=2, ema=None)
    with scripted_scores([0.9, 0.1, 0.2]) as seen, stopped_at(3):
        trained(photos, settings, tmp_path)
    best = seen[0]
    with scripted_scores([0.9, 0.1, 0.2]):
        assert same(trained(photos, settings, tmp_path), best)


def test_a_folder_that_was_moved_is_continued_with_its_best_epoch(photos: Dataset, tmp_path: Path) -> None:
    settings = config(epochs=4, early_stopping=3, ema=None)
    with scripted_scores([0.9, 0.1, 0.2, 0.3]) as seen, stopped_at(5):
        trained(photos, settings, tmp_path / "here")
    best = seen[0]
    shutil.move(tmp_path / "here", tmp_path / "there")
    with scripted_scores([0.9, 0.1, 0.2, 0.3]):
        assert same(trained(photos, settings, tmp_path / "there"), best)


def test_patience_is_counted_in_epochs(photos: Dataset, tmp_path: Path) -> None:
    settings = config(epochs=8, batch_size=14, early_stopping=2, validate_every=2)
    with scripted_scores([0.0, 0.9, 0.0, 0.1]) as seen:
        trained(photos, settings, tmp_path)
    assert len(seen) == 2, "epoch 2 was the best, epoch 4 is two epochs later"


def test_looks_at_the_validation_split_are_as_rare_as_asked_for(photos: Dataset, tmp_path: Path) -> None:
    with scripted_scores([0.5]) as seen:
        trained(photos, config(epochs=4, validate_every=2), tmp_path / "two")
    assert len(seen) == 2
    with scripted_scores([0.5]) as seen:
        trained(photos, config(epochs=2, validate_every=50), tmp_path / "fifty")
    assert len(seen) == 1, "the last epoch is always looked at"


def test_ctrl_c_reaches_the_caller(photos: Dataset, tmp_path: Path) -> None:
    with stopped_at(3):
        try:
            trained(photos, config(), tmp_path)
        except BaseException as error:
            caught = type(error)
            raise
    assert caught is KeyboardInterrupt


def test_a_loss_that_is_not_a_number_is_an_error_with_the_remedy(photos: Dataset, tmp_path: Path) -> None:
    settings = config(learning_rate=1e30, optimizer="sgd", schedule="constant")
    with pytest.raises(
        TrainingError, match=r"The loss is (nan|inf) in epoch 1\. Lower learning_rate \(now 1e\+30"
    ):
        train_model(photos, SPEC, settings, tmp_path, devices=CPU)
    assert not (tmp_path / "model").exists()


def test_weights_that_the_very_last_step_spoils_are_no_result(photos: Dataset, tmp_path: Path) -> None:
    count = len(photos.split("train"))
    settings = config(
        learning_rate=1e300, optimizer="sgd", schedule="constant", epochs=1, batch_size=count, ema=None
    )
    with pytest.raises(TrainingError, match="weights are not finite after 1 step"):
        train_model(photos, SPEC, settings, tmp_path, devices=CPU)
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def checkpoint(photos: Dataset, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("stopped")
    with stopped_at(3):
        trained(photos, config(), folder)
    return (folder / "last.ckpt").read_bytes()


@pytest.mark.parametrize("length", [0, 10, 5000, -1])
def test_a_corrupt_checkpoint_is_an_error_with_the_remedy(
    photos: Dataset, tmp_path: Path, checkpoint: bytes, length: int
) -> None:
    (tmp_path / "last.ckpt").write_bytes(checkpoint[:length])
    with pytest.raises(TrainingError, match=r"last\.ckpt is corrupt .*Delete it to train this run anew"):
        trained(photos, config(), tmp_path)
    (tmp_path / "last.ckpt").unlink()
    trained(photos, config(), tmp_path)


def test_a_file_that_is_no_checkpoint_is_an_error(photos: Dataset, tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(3)}, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match=r"last\.ckpt"):
        trained(photos, config(), tmp_path)


def test_a_checkpoint_of_another_architecture_is_an_error(photos: Dataset, tmp_path: Path) -> None:
    with stopped_at(3):
        train_model(photos, make_spec("fpn", SPEC.encoder, input_size=SIZE), config(), tmp_path, devices=CPU)
    with pytest.raises(TrainingError, match=r"last\.ckpt"):
        trained(photos, config(), tmp_path)


def logged(folder: Path) -> list[dict[str, str]]:
    with (folder / "log" / "metrics.csv").open() as stream:
        return list(csv.DictReader(stream))


def test_the_score_in_the_log_is_that_of_an_independent_evaluation(photos: Dataset, tmp_path: Path) -> None:
    spec = replace(SPEC, threshold=0.3)  # two epochs do not reach a half anywhere
    model = train_model(photos, spec, config(), tmp_path, devices=CPU)
    summary = summarise(image_confusions(model, photos.split("valid")), photos.classes)
    last = [row["valid_iou"] for row in logged(tmp_path) if row["valid_iou"]][-1]
    assert float(last) == pytest.approx(summary.scores.iou_corrosion, abs=1e-6)
    assert float(last) > 0


def test_curves_are_logged_as_csv_and_for_tensorboard(photos: Dataset, tmp_path: Path) -> None:
    devices = CPU.model_copy(update={"loggers": ("tensorboard",)})
    train_model(photos, SPEC, config(), tmp_path, devices=devices)
    rows = logged(tmp_path)
    assert [row["epoch"] for row in rows if row["loss"]] == ["0", "1"]
    assert [row["epoch"] for row in rows if row["valid_iou"]] == ["0", "1"]
    assert list((tmp_path / "log").glob("events.out.tfevents.*"))


def test_curves_of_a_run_that_was_stopped_are_whole(photos: Dataset, tmp_path: Path) -> None:
    with stopped_at(3):
        trained(photos, config(), tmp_path)
    trained(photos, config(), tmp_path)
    assert [row["epoch"] for row in logged(tmp_path) if row["loss"]] == ["0", "1"]


@pytest.mark.skipif(find_spec("mlflow") is not None, reason="MLflow is installed")
def test_a_logger_whose_package_is_not_installed_is_an_error(photos: Dataset, tmp_path: Path) -> None:
    devices = CPU.model_copy(update={"loggers": ("mlflow",)})
    with pytest.raises(ConfigError, match="pip install mlflow"):
        train_model(photos, SPEC, config(), tmp_path, devices=devices)


def test_a_terminated_run_says_so_and_can_be_continued(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = TrainingStep.__call__

    def terminated(self: TrainingStep, *args: Any) -> None:
        if self.steps == 2:
            signal.raise_signal(signal.SIGTERM)
        original(self, *args)

    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(TrainingStep, "__call__", terminated)
        with pytest.raises(SystemExit) as ended:
            trained(photos, config(), tmp_path / "stopped")
    assert signal.getsignal(signal.SIGTERM) == before
    assert ended.value.code == 143
    assert "terminated; run the same command again" in caplog.text
    again, whole = (
        trained(photos, config(), tmp_path / "stopped"),
        trained(photos, config(), tmp_path / "whole"),
    )
    assert same(again, whole)


def test_a_run_whose_time_is_up_stops_between_epochs_and_goes_on_elsewhere(
    photos: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock of the run jumps an hour once its first epoch is over; then its folder is moved."""
    there, begun = tmp_path / "stopped", time.time()
    stop = CPU.model_copy(update={"stop_at": begun + 1800})
    with monkeypatch.context() as patch:
        clock = iter((begun, begun + 3600))
        clocks = SimpleNamespace(time=lambda: next(clock), perf_counter=time.perf_counter)
        patch.setattr("descale.training.fit.time", clocks)
        with pytest.raises(TimeIsUp, match="stopped after epoch 1 of 3"):
            train_model(photos, SPEC, config(epochs=3), there, devices=stop, seed=5)
    there.rename(tmp_path / "moved")
    again = trained(photos, config(epochs=3), tmp_path / "moved")
    assert same(again, trained(photos, config(epochs=3), tmp_path / "whole"))


def test_a_validation_split_without_corrosion_has_no_score(photos: Dataset, tmp_path: Path) -> None:
    blank = PixelArrays(torch.zeros(4, 3, *SIZE, dtype=torch.uint8), torch.zeros(4, *SIZE, dtype=torch.uint8))
    source = TrainingPictures(blank, "standard", SIZE)
    settings = config(epochs=1, batch_size=4)
    fit(build_network(SPEC), SPEC, source, blank, settings, tmp_path, seed=0, label="blank", devices=CPU)
    assert logged(tmp_path)[0]["valid_iou"] == ""
    assert float(logged(tmp_path)[0]["loss"]) > 0


def test_stopping_early_by_a_score_that_does_not_exist_is_refused(photos: Dataset, tmp_path: Path) -> None:
    blank = PixelArrays(torch.zeros(4, 3, *SIZE, dtype=torch.uint8), torch.zeros(4, *SIZE, dtype=torch.uint8))
    source = TrainingPictures(blank, "standard", SIZE)
    settings = config(epochs=1, batch_size=4, early_stopping=3)
    with pytest.raises(TrainingError, match="validation split shows no corrosion"):
        fit(build_network(SPEC), SPEC, source, blank, settings, tmp_path, seed=0, label="x", devices=CPU)


def test_a_step_that_leaves_nothing_to_normalise_by_is_refused(tmp_path: Path) -> None:
    one = PixelArrays(torch.zeros(1, 3, *SIZE, dtype=torch.uint8), torch.zeros(1, *SIZE, dtype=torch.uint8))
    source = TrainingPictures(one, "standard", SIZE)
    with pytest.raises(TrainingError, match="1 picture of 32x32 a step"):
        fit(build_network(SPEC), SPEC, source, one, config(), tmp_path, seed=0, label="x", devices=CPU)
