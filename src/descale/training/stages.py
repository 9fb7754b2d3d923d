"""The stages of a pruning run: schedule, cut, fine-tuning between cuts, recovery."""

from __future__ import annotations

import copy
import json
import logging
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from descale.base.files import write_json
from descale.data import Dataset
from descale.models import SavedModel, count_macs, count_parameters, load_model, save_model
from descale.pruning.allocation import SCORED, Counts
from descale.pruning.channels import ChannelGraph
from descale.pruning.config import PruningConfig
from descale.pruning.cut import cut_channels
from descale.pruning.exact import check_exact
from descale.pruning.gates import Gates
from descale.pruning.graph import build_channel_graph
from descale.pruning.importance import IMPORTANCES, Scores
from descale.pruning.strategies import find_strategy
from descale.pruning.target import Target, find_target
from descale.training.batches import TrainingPictures
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.fit import fit
from descale.training.pictures import RunPictures
from descale.training.recalibrate import recalibrate
from descale.training.recovery import between_training, followed_by_cut, recovery_side, recovery_training
from descale.training.schedule import MovementScores, PruningSchedule

logger = logging.getLogger(__name__)

TARGET = "target.json"


class PruningRun:
    """The stages of one pruning run; each leaves a folder and is not worked on again once that is whole."""

    def __init__(
        self,
        parent: SavedModel,
        dataset: Dataset,
        pruning: PruningConfig,
        training: TrainingConfig,
        folder: Path,
        seed: int,
        devices: DeviceConfig | None,
    ) -> None:
        self.parent, self.pruning, self.training = parent, pruning, training
        self.folder, self.seed, self.devices = folder, seed, devices
        self.strategy = find_strategy(pruning.strategy)
        self.target = self._target()
        self.pictures = RunPictures(dataset, training)
        self.label = f"{parent.spec.architecture} {pruning.strategy} {self.target.sparsity:.2f}"

    def _target(self) -> Target:
        """The target; a budget's widths are kept in the folder, since a latency would be measured otherwise
        at the next start and the stages of one run would aim at different widths."""
        record = self.folder / TARGET
        if self.pruning.budget is not None and record.is_file():
            kept = json.loads(record.read_text(encoding="utf-8"))
            counts = {int(group): int(count) for group, count in kept["counts"].items()}
            return Target(build_channel_graph(self.parent.network), self.pruning, kept["sparsity"], counts)
        target = find_target(self.parent.network, self.pruning, self.training.size)
        if target.budget is not None:
            counts_by_name = {str(group): count for group, count in target.budget.items()}
            write_json(record, {"sparsity": target.sparsity, "counts": counts_by_name})
        return target

    def schedule(self) -> nn.Module:
        """Run the schedule in one part, or in as many as there are updates when cutting as it goes."""
        parts = self.pruning.updates if self.pruning.cut_as_they_go else 1
        network, movement = copy.deepcopy(self.parent.network), None  # the parent is the caller's
        for part in range(parts):
            stage = self.folder / f"schedule-{part}"
            if (stage / "model" / "model.json").exists():
                network = load_model(stage / "model").network
                movement = self._load_movement(stage)
                continue
            if part > 0 and self.pruning.between_epochs and followed_by_cut(self.pruning, part - 1):
                self._recover(
                    network,
                    between_training(self.training, self.pruning, self.target.realised(network)),
                    self.folder / f"between-{part - 1}",
                    f"{self.label} between cuts {part}/{parts - 1}",
                )
            network, movement = self._schedule_part(network, movement, part, parts, stage)
        return network

    def _schedule_part(
        self, network: nn.Module, movement: dict[str, list[float]] | None, part: int, parts: int, stage: Path
    ) -> tuple[nn.Module, dict[str, list[float]]]:
        remainder = self.target.remainder(network)
        graph, origin = remainder.graph, remainder.origin
        if not graph.prunable:
            logger.info("%s: nothing is left to cut in part %d/%d", self.label, part + 1, parts)
            return self._keep(network, {}, stage), {}
        total = self.pruning.schedule_epochs  # at least one a part, see PruningConfig
        epochs = total * (part + 1) // parts - total * part // parts
        config = self.training.model_copy(
            update={
                "epochs": epochs,
                "learning_rate": self.training.learning_rate * self.pruning.schedule_rate,
                "ema": None,
                "early_stopping": None,
                "gradient_clip": self.pruning.gradient_clip,
                "schedule": "constant" if parts > 1 else self.training.schedule,
            }
        )
        torch.manual_seed(self.seed)
        scores = None
        if self.strategy.scored:
            scores = MovementScores({group.index: group.units for group in graph.prunable})
            for group in graph.prunable:
                if movement is not None:
                    scores.values[group.index] = torch.tensor(movement[group.producers[0]])
        kind = "random" if self.strategy.random else self.pruning.importance

        def counts_at(progress: float, values: Scores | None, open_units: Counts) -> Counts:
            dense_scores = None
            if values is not None and self.pruning.allocation in SCORED:
                dense_scores = self.target.dense_scores(remainder, values)
            # a group that is down to its last unit is no longer one of the cut network's
            dense_open = {group.index: 1 for group in self.target.graph.prunable}
            dense_open |= {origin[index]: count for index, count in open_units.items()}
            counts = self.target.counts_at(progress, dense_scores, dense_open)
            return {index: counts[dense] for index, dense in origin.items()}

        gates = Gates(network, graph, scored=True)
        callback = PruningSchedule(
            network,
            graph,
            gates,
            self.strategy,
            counts_at,
            start=part / parts,
            end=(part + 1) / parts,
            updates=self.pruning.updates,
            importance=None if self.strategy.scored else IMPORTANCES[kind](graph),
            movement=scores,
        )
        self._fit(
            network,
            config,
            self.pictures.full,
            stage,
            f"{self.label} schedule {part + 1}/{parts}",
            callback,
        )
        if part == parts - 1 and callback.progress < 1.0:
            callback.close(1.0)
        gates.remove()
        cut = self._cut(network, graph, callback)
        remaining = self._carry(callback, graph)
        return self._keep(cut, remaining, stage), remaining

    def _keep(self, network: nn.Module, movement: dict[str, list[float]], stage: Path) -> nn.Module:
        """Leave what a part of the schedule ended with, and go on with the network read from there.

        A run that was stopped here has no other. Tensors in memory may have other strides than those from a
        file, kernels then sum in another order, and the two runs would end with other weights.
        """
        write_json(stage / "movement.json", movement)
        save_model(stage / "model", replace(self.parent, network=network, provenance={}, metrics={}))
        return load_model(stage / "model").network

    def _cut(self, network: nn.Module, graph: ChannelGraph, schedule: PruningSchedule) -> nn.Module:
        cut = cut_channels(network, graph, schedule.keep)
        check_exact(network, graph, schedule.keep, cut)
        if self.pruning.recalibrate:
            batch_size = self.training.batch_size
            recalibrate(cut, self.parent.spec, self.pictures.full, batch_size=batch_size, seed=self.seed)
        logger.info(
            "%s: cut to sparsity %.3f, %d parameters, %.1f MMACs",
            self.label,
            self.target.realised(cut),
            count_parameters(cut),
            count_macs(cut, self.training.size) / 1e6,
        )
        return cut

    @staticmethod
    def _carry(schedule: PruningSchedule, graph: ChannelGraph) -> dict[str, list[float]]:
        """Movement scores of the units that stayed, by the name of the group's first layer."""
        if schedule.movement is None:
            return {}
        return {
            g.producers[0]: schedule.movement.values[g.index][
                torch.from_numpy(schedule.keep[g.index])
            ].tolist()
            for g in graph.prunable
        }

    @staticmethod
    def _load_movement(stage: Path) -> dict[str, list[float]]:
        return dict(json.loads((stage / "movement.json").read_text()))

    def recover(self, network: nn.Module) -> nn.Module:
        """Fine-tune what is left."""
        config = self.recovery_settings(network)
        if config is not None:
            self._recover(network, config, self.folder / "recovery", f"{self.label} recovery")
        return network

    def recovery_settings(self, network: nn.Module) -> TrainingConfig | None:
        """Settings of the recovery of a cut network, with the rate by what is left; ``None`` without one."""
        if not self.pruning.recovery_epochs:
            return None
        return recovery_training(self.training, self.pruning, self.target.realised(network))

    def _recover(self, network: nn.Module, config: TrainingConfig, folder: Path, label: str) -> None:
        logger.info(
            "%s: learning rate %.3g, that of training is %.3g",
            label,
            config.learning_rate,
            self.training.learning_rate,
        )
        source = self.pictures.at(recovery_side(self.training, self.pruning))
        self._fit(network, config, source, folder, label)

    def _fit(
        self,
        network: nn.Module,
        config: TrainingConfig,
        source: TrainingPictures,
        folder: Path,
        label: str,
        hook: PruningSchedule | None = None,
    ) -> None:
        fit(
            network, self.parent.spec, source, self.pictures.validation, config, folder,
            seed=self.seed, label=label, devices=self.devices, hook=hook,
        )  # fmt: skip
