from __future__ import annotations

import pytest

from descale.pruning import PruningConfig
from descale.training import TrainingConfig
from descale.training.control import control_training
from descale.training.recovery import between_training, pruning_epochs, recovery_side, recovery_training

TRAINING = TrainingConfig(size=(160, 160), epochs=20, learning_rate=1e-3, encoder_rate=0.3)


def pruning(**changes: object) -> PruningConfig:
    return PruningConfig.model_validate({"strategy": "agp", "sparsity": 0.9, **changes})


def test_recovery_has_its_own_rate_and_batch() -> None:
    config = recovery_training(TRAINING, pruning(recovery_rate=4.0, recovery_batch=8, recovery_epochs=7), 0.9)
    assert (config.epochs, config.batch_size, config.learning_rate) == (7, 8, pytest.approx(4e-3))
    assert config.encoder_rate == 1.0
    assert recovery_training(TRAINING, pruning(recovery_batch=None), 0.9).batch_size == TRAINING.batch_size


def test_recovery_and_what_lies_between_cuts_clip_gradients_as_the_recipe_says() -> None:
    assert TRAINING.gradient_clip is None
    for settings, clip in (
        (pruning(), 1.0),
        (pruning(recipe="paper"), None),
        (pruning(gradient_clip=2), 2.0),
    ):
        assert recovery_training(TRAINING, settings, 0.9).gradient_clip == clip
        assert between_training(TRAINING, settings, 0.9).gradient_clip == clip
        assert control_training(TRAINING, settings, 0.9).gradient_clip == clip


@pytest.mark.parametrize(("sparsity", "rate"), [(0.0, 1.265e-3), (0.6, 2e-3), (0.9, 4e-3), (0.98, 4e-3)])
def test_the_wider_the_network_still_is_the_gentler_the_rate(sparsity: float, rate: float) -> None:
    settings = pruning(recipe="descale")
    assert recovery_training(TRAINING, settings, sparsity).learning_rate == pytest.approx(rate, rel=1e-3)
    assert between_training(TRAINING, settings, sparsity).learning_rate == pytest.approx(rate, rel=1e-3)
    fixed = pruning(recipe="paper")
    assert recovery_training(TRAINING, fixed, sparsity).learning_rate == TRAINING.learning_rate


@pytest.mark.parametrize(
    ("scale", "size", "side"),
    [(1.0, (160, 96), (160, 96)), (0.8, (160, 160), (128, 128)), (0.5, (32, 64), (32, 32))],
)
def test_pictures_of_the_recovery_are_smaller_by_whole_strides(
    scale: float, size: tuple[int, int], side: tuple[int, int]
) -> None:
    training = TRAINING.model_copy(update={"size": size})
    assert recovery_side(training, pruning(recovery_scale=scale)) == side


def test_the_crop_of_the_training_is_what_is_scaled() -> None:
    training = TRAINING.model_copy(update={"crop": (320, 320)})
    assert recovery_side(training, pruning(recovery_scale=0.5)) == (160, 160)


def test_between_cuts_the_recoverys_rate_does_not_fall() -> None:
    settings = pruning(between_epochs=4, recovery_epochs=30)
    between = between_training(TRAINING, settings, 0.6)
    expected = recovery_training(TRAINING, settings, 0.6).model_copy(
        update={"epochs": 4, "schedule": "constant"}
    )
    assert between == expected


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({"updates": 3}, 5 + 2 * 6 + 30),
        ({"updates": 1}, 5 + 30),
        ({"updates": 3, "strategy": "one-shot"}, 5 + 30),  # the first cut is the last
        ({"updates": 3, "cut_as_they_go": False}, 5 + 30),
    ],
)
def test_fine_tuning_between_cuts_counts_where_there_is_any(changes: dict[str, object], epochs: int) -> None:
    settings = {"schedule_epochs": 5, "between_epochs": 6, "recovery_epochs": 30}
    assert pruning_epochs(pruning(**settings, **changes)) == epochs


def test_the_control_trains_as_recovery_does_for_all_epochs_together() -> None:
    settings = pruning(recovery_epochs=30, schedule_epochs=5, updates=2, between_epochs=6)
    control = control_training(TRAINING, settings, 0.9)
    recovery = recovery_training(TRAINING, settings, 0.9)
    assert control.epochs == 20 + 5 + 6 + 30
    assert control == recovery.model_copy(update={"epochs": control.epochs})
