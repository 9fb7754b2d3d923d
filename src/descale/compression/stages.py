"""The trainings of a compression: dense parents, candidates for some epochs, the winner for many.

Each has a folder of its own under the work folder, goes on where it was stopped, and is not worked on again
once it is whole.
"""

from __future__ import annotations

import copy
import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from descale.base.files import replacing_folder, write_text
from descale.compression.candidates import Candidate
from descale.compression.costs import share_of, times_file
from descale.compression.journal import Journal
from descale.compression.pace import step_seconds
from descale.compression.request import Request
from descale.compression.training_settings import BATCH, crop_of, training_at
from descale.compression.untrained import STRATEGY, Untrained
from descale.data import Dataset
from descale.evaluation.evaluate import image_confusions
from descale.evaluation.metrics import METRICS
from descale.models import ModelSpec, SavedModel, half_of, load_model, make_spec, read_widths, save_model
from descale.models.half import end_at_half
from descale.pruning.config import PruningConfig
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.devices import find_device
from descale.training.prune import prune_model
from descale.training.recovery import pruning_epochs, recovery_side, recovery_training
from descale.training.stages import TARGET
from descale.training.train import provenance, train_model, train_network

PARENT_EPOCHS, SIDE = "parent epochs", "side"
"""Names of these decisions."""
HALF_SHARE = 0.1
"""Epochs for a network that ends at half resolution, as a share of those of the whole one it is made of."""
BETWEEN = 2
"""Epochs between the cuts of a candidate; the winner is cut anew, with those of the recipe, where there is
time."""
TUNING_RATE = 0.3
"""Learning rate at which a dense network is fitted to a smaller picture, as a factor of its training's."""


def halved(model: SavedModel, seed: int) -> SavedModel:
    """What is left of a dense model whose decoder ends at half resolution: as trained, but for a new head.

    Args:
        model: of an architecture that has such a kind; it stays as it is.
        seed: of the head's weights.
    """
    name = half_of(model.spec.architecture)
    assert name is not None
    network = copy.deepcopy(model.network)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        end_at_half(network)
    spec = replace(model.spec, architecture=name)
    return SavedModel(spec, network, read_widths(network), dict(model.provenance))


@dataclass(frozen=True)
class Stages:
    """What is trained, and where.

    Attributes:
        request: what was asked for.
        dataset: photos and labels.
        folder: of the work.
        journal: decisions and scores.
        devices: where trainings run.
    """

    request: Request
    dataset: Dataset
    folder: Path
    journal: Journal
    devices: DeviceConfig

    # ---- what it will take ---------------------------------------------------------------------------

    def spec(self, architecture: str, side: tuple[int, int]) -> ModelSpec:
        """Of a network at a working size."""
        return make_spec(architecture, self.request.encoder, classes=self.dataset.classes, input_size=side)

    def parent_epoch_seconds(self, untrained: Untrained, side: tuple[int, int]) -> float:
        """Seconds of an epoch of a dense parent that works at that size."""
        crop = crop_of(side)
        config = training_at(side, crop, 1)
        name = f"pace {untrained.spec.architecture} dense {side[0]}x{side[1]}"
        seconds: float = self.journal.once(
            name, lambda: step_seconds(untrained.dense, untrained.spec, config, crop, self.devices)
        )
        return seconds * self._steps(config.batch_size)

    def candidate_epoch_seconds(self, candidate: Candidate, untrained: Untrained) -> float:
        """Seconds of an epoch of a candidate's recovery."""
        training = self._training(candidate)
        if candidate.sparsity == 0:
            config, side = training, training.crop or training.size
        else:
            pruning = self._pruning(candidate, 1, short=True)
            config = recovery_training(training, pruning, candidate.sparsity)
            side = recovery_side(training, pruning)
        seconds: float = self.journal.once(
            f"pace {candidate.name}",
            lambda: step_seconds(
                untrained.at(candidate.sparsity), untrained.spec, config, side, self.devices
            ),
        )
        return seconds * self._steps(config.batch_size)

    def cutting_seconds(self, candidate: Candidate, untrained: Untrained, *, short: bool) -> float:
        """Seconds of cutting a candidate: epochs of the whole network, which narrows, and epochs between the
        cuts at about the mean of both."""
        if candidate.sparsity == 0:
            return 0.0
        training, pruning = self._training(candidate), self._pruning(candidate, 0, short=short)
        name = f"pace {candidate.architecture} whole at {candidate.side[0]}x{candidate.side[1]}"
        whole: float = self.journal.once(
            name, lambda: step_seconds(
                untrained.dense, untrained.spec, training, training.crop or training.size, self.devices
            )
        )  # fmt: skip
        between = pruning_epochs(pruning) - pruning.schedule_epochs
        dense, narrow = whole * self._steps(BATCH), self.candidate_epoch_seconds(candidate, untrained)
        return pruning.schedule_epochs * dense + between * (dense + narrow) / 2

    def is_cut(self, candidate: Candidate) -> bool:
        """Whether an earlier run of it left its cuts."""
        return candidate.sparsity == 0 or self._earlier(candidate) is not None

    def _steps(self, batch_size: int) -> int:
        return max(1, len(self.dataset.split("train")) // batch_size)

    def _training(self, candidate: Candidate) -> TrainingConfig:
        """The parent's settings at the candidate's size."""
        return training_at(candidate.side, crop_of(self.side), self.parent_epochs)

    @property
    def side(self) -> tuple[int, int]:
        """(height, width) at which the parents work, the largest of all, as it was decided."""
        height, width = self.journal[SIDE]
        return height, width

    @property
    def parent_epochs(self) -> int:
        """Epochs of every dense parent, as they were decided."""
        epochs: int = self.journal[PARENT_EPOCHS]
        return epochs

    @property
    def half_epochs(self) -> int:
        """Epochs of what ends at half resolution, after those of the whole network."""
        return math.ceil(HALF_SHARE * self.parent_epochs)

    def _pruning(self, candidate: Candidate, epochs: int, *, short: bool) -> PruningConfig:
        """How a candidate is pruned: briefly while there are many, by the recipe in the end."""
        values: dict[str, object] = {"strategy": STRATEGY, "recovery_epochs": epochs}
        name = share_of(candidate.architecture, candidate.sparsity)
        if self.journal.has(name):
            values["budget"] = {"latency": self.journal[name]}
            values["engine"] = self.request.engine
            values["latency_table"] = str(times_file(self.folder, candidate.architecture))
        else:
            values["sparsity"] = candidate.sparsity
        if short:
            values["between_epochs"] = BETWEEN
        return PruningConfig.model_validate(values)

    # ---- doing it ------------------------------------------------------------------------------------

    def parent(self, architecture: str) -> SavedModel:
        """Train the dense parent for the epochs that were decided, or take the one that is there.

        One that ends at half resolution is what is left of the whole one, trained on for a tenth as long.
        """
        whole = self.request.trained_as(architecture)
        if whole != architecture:
            folder = self.folder / "parents" / architecture
            training = training_at(self.side, crop_of(self.side), self.parent_epochs)
            if not (folder / "model" / "model.json").is_file():
                left = halved(self.parent(whole), self.request.seed)
                self._fitted(left, training, folder, self.half_epochs)
            return load_model(folder / "model")
        config = training_at(self.side, crop_of(self.side), self.parent_epochs)
        return train_model(
            self.dataset, self.spec(architecture, self.side), config,
            self.folder / "parents" / architecture, encoder_weights=self.request.encoder_weights,
            seed=self.request.seed, devices=self.devices,
        )  # fmt: skip

    def candidate(self, candidate: Candidate, epochs: int, *, short: bool) -> tuple[Path, float]:
        """Make a candidate with so many epochs of recovery; returns the model's folder and its score.

        The score is the corrosion IoU on the validation split, 0..1.
        """
        folder = self.folder / "candidates" / f"{candidate.name}-{epochs}{'' if short else '-full'}"
        made = folder / "model"
        score = f"score {folder.name}"
        if not self.journal.has(score) or not (made / "model.json").is_file():
            parent = self.parent(candidate.architecture)
            at_size = replace(parent, spec=replace(parent.spec, input_size=candidate.side))
            training = self._training(candidate)
            if candidate.sparsity == 0:
                self._fitted(at_size, training, folder, epochs)
            else:
                pruning = self._pruning(candidate, epochs, short=short)
                if short:
                    self._take_cuts(candidate, folder)
                prune_model(
                    at_size, self.dataset, pruning, training, folder, seed=self.request.seed,
                    devices=self.devices,
                )  # fmt: skip
            self.journal.keep(score, self.score(load_model(made)))
        return made, float(self.journal[score])

    def _earlier(self, candidate: Candidate) -> Path | None:
        """A finished short run of a candidate."""
        found = (self.folder / "candidates").glob(f"{candidate.name}-*/model/model.json")
        runs = sorted(path.parent.parent for path in found)
        return next((run for run in runs if not run.name.endswith("-full")), None)

    def _take_cuts(self, candidate: Candidate, folder: Path) -> None:
        """Begin with what an earlier run of the candidate was cut to: they differ in their recovery alone."""
        earlier = self._earlier(candidate)
        if earlier is None or earlier == folder:
            return
        if (earlier / TARGET).is_file():
            write_text(folder / TARGET, (earlier / TARGET).read_text(encoding="utf-8"))
        for part in earlier.glob("schedule-*"):
            if not (folder / part.name).exists():
                with replacing_folder(folder / part.name) as target:
                    shutil.copytree(part, target, dirs_exist_ok=True)

    def score(self, model: SavedModel) -> float:
        """Corrosion IoU on the validation split, 0..1."""
        confusions = image_confusions(model, self.dataset.split("valid"), device=find_device(self.devices))
        return float(METRICS["iou_corrosion"].of(confusions, self.dataset.classes))

    def _fitted(self, parent: SavedModel, training: TrainingConfig, folder: Path, epochs: int) -> None:
        """A dense network trained on a little: on smaller pictures, where it is the cheapest rival of a
        pruned one, or with a new end."""
        if (folder / "model" / "model.json").is_file():
            return
        config = training.model_copy(
            update={"epochs": epochs, "learning_rate": training.learning_rate * TUNING_RATE}
        )
        network = copy.deepcopy(parent.network)
        train_network(
            network, self.dataset, parent.spec, config, folder, seed=self.request.seed,
            label=f"{parent.spec.architecture} at {training.size[0]}x{training.size[1]}",
            devices=self.devices,
        )  # fmt: skip
        made_by = provenance(self.dataset, config, self.request.seed, self.devices) | {
            "strategy": "dense", "parent": dict(parent.provenance),
        }  # fmt: skip
        save_model(folder / "model", SavedModel(parent.spec, network, parent.dense_widths, made_by))
