"""Recipes: named sets of values for :class:`descale.pruning.config.PruningConfig`."""

from __future__ import annotations

from typing import Any

RECIPES: dict[str, dict[str, Any]] = {
    # What experiment found to work; docs/recipe.md logs what was tried, with numbers.
    "descale": {
        "importance": "taylor-gate",
        "allocation": "bypass",
        "updates": 3,
        "cut_as_they_go": True,
        "schedule_epochs": 3,
        "schedule_rate": 0.5,
        "between_epochs": 6,
        "recovery_epochs": 100,
        "recovery_rate": None,
        "recovery_batch": 8,
        "recovery_scale": 0.8,
        "gradient_clip": 1.0,
        "recalibrate": True,
    },
    # The study's protocol: five updates in the first third of 150 epochs, uniform, Taylor. Of movement the
    # study's warm-up (20 epochs of 150) and frozen end (from epoch 50 on) are ours: 15 and 20 % of the third.
    "paper": {
        "importance": "taylor",
        "allocation": "uniform",
        "updates": 5,
        "cut_as_they_go": False,
        "schedule_epochs": 50,
        "schedule_rate": 1.0,
        "between_epochs": 0,
        "recovery_epochs": 100,
        "recovery_rate": 1.0,
        "recovery_batch": None,
        "recovery_scale": 1.0,
        "gradient_clip": None,
        "recalibrate": False,
    },
}
