"""The stages of a pruning run: schedule, cut, fine-tuning between cuts, recovery."""

from __future__ import annotations

import copy
import json
import logging
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from descale.base.files import write_json
from descale.data import Dataset
from descale.models import SavedModel, build_network, count_macs, count_parameters, load_model, save_model
from descale.pruning.channels import ChannelGraph, Keep
from descale.pruning.config import PruningConfig
from descale.pruning.cut import cut_channels
from descale.pruning.exact import check_exact
from descale.pruning.gates import Gates
from descale.pruning.graph import build_channel_graph
from descale.pruning.importance import IMPORTANCES
from descale.pruning.strategies import find_strategy
from descale.pruning.target import Target, find_target
from descale.training.batches import TrainingPictures
from descale.training.config import DeviceConfig, TrainingConfig
from descale.training.fit import fit
from descale.training.pictures import RunPictures
from descale.training.recalibrate import recalibrate
from descale.training.recovery import between_training, followed_by_cut, recovery_side, recovery_training
from descale.training.schedule import PruningSchedule

logger = logging.getLogger(__name__)

TARGET = "target.json"
LATENCY = "latency.csv"
UNITS = "units.json"


@dataclass(frozen=True)
class Left:
    """What a part of the schedule leaves of the dense network.

    Attributes:
        network: without what was cut.
        keep: group of the dense network -> its units that are left.
        scores: state of a running importance, over the units of the dense network; empty for others.
    """

    network: nn.Module
    keep: dict[int, NDArray[np.bool_]]
    scores: dict[str, Tensor]


def stage_seed(seed: int, stage: str) -> int:
    """Seed of a stage's order, augmentation and dropout: each stage shows the pictures in ways of its own,
    and its cut is not decided on the batches that decided the one before.

    >>> stage_seed(0, "schedule-0") == stage_seed(0, "schedule-1")
    False
    """
    return zlib.crc32(f"{seed} {stage}".encode()) >> 1


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
        if pruning.recovery_epochs or pruning.between_epochs:  # said now, and not after the first cut
            recovered = self.pictures.at(recovery_side(training, pruning))
            recovered.require_enough(pruning.recovery_batch or training.batch_size)
        asked = self.target.sparsity if pruning.sparsity is None else pruning.sparsity
        self.label = f"{parent.spec.architecture} {pruning.strategy} {asked:.2f}"

    def _target(self) -> Target:
        """The target; a budget's widths are kept in the folder, since a latency would be measured otherwise
        at the next start and the stages of one run would aim at different widths."""
        record = self.folder / TARGET
        if self.pruning.budget is not None and record.is_file():
            kept = json.loads(record.read_text(encoding="utf-8"))
            counts = {int(group): int(count) for group, count in kept["counts"].items()}
            return Target(build_channel_graph(self.parent.network), self.pruning, kept["sparsity"], counts)
        network, graph, widths = self.parent.network, build_channel_graph(self.parent.network), None
        if (share := (self.pruning.budget or {}).get("latency")) is not None:
            from descale.latency import widths_for_latency  # with ONNX, which nothing else here needs

            widths = widths_for_latency(
                network, self.parent.spec, graph, share, size=self.training.size,
                allocation=self.pruning.allocation, engine=self.pruning.engine,
                table=Path(self.pruning.latency_table) if self.pruning.latency_table else None,
                keep=self.folder / LATENCY,
            )  # fmt: skip
        target = find_target(network, self.pruning, self.training.size, graph=graph, widths=widths)
        if target.budget is not None:
            counts_by_name = {str(group): count for group, count in target.budget.items()}
            write_json(record, {"sparsity": target.sparsity, "counts": counts_by_name})
        return target

    def schedule(self) -> Left:
        """Run the schedule in one part, or in as many as there are updates when cutting as it goes."""
        parts = self.pruning.updates if self.pruning.cut_as_they_go else 1
        dense = copy.deepcopy(self.parent.network)  # the parent is the caller's
        self._thaw(dense)
        left = Left(dense, self.target.graph.keep_all(), {})
        for part in range(parts):
            stage = self.folder / f"schedule-{part}"
            if (stage / UNITS).exists() and (stage / "model" / "model.json").exists():
                left = self._read(stage)
                continue
            if part > 0 and self.pruning.between_epochs and followed_by_cut(self.pruning, part - 1):
                self._recover(
                    left.network,
                    between_training(self.training, self.pruning, self.realised(left)),
                    self.folder / f"between-{part - 1}",
                    f"{self.label} between cuts {part}/{parts - 1}",
                )
            left = self._schedule_part(left, part, parts, stage)
        return left

    def _thaw(self, dense: nn.Module) -> None:
        """Let all weights learn that do in a network of this kind: what is cut has to recover everywhere."""
        frozen = {key: weight for key, weight in dense.named_parameters() if not weight.requires_grad}
        if not frozen:
            return
        learnt = {
            key for key, weight in build_network(self.parent.spec).named_parameters() if weight.requires_grad
        }
        thawed = frozen.keys() & learnt
        for key in thawed:
            frozen[key].requires_grad_(True)
        if thawed:
            logger.warning(
                "%s: %d of the parent's weights were frozen (%s, ...); pruning trains them all",
                self.label, len(thawed), min(thawed),
            )  # fmt: skip

    def realised(self, left: Left) -> float:
        """Mean over the dense network's prunable layers of the fraction of filters that are gone."""
        return self.target.graph.sparsity(left.keep)

    def channels_removed(self, left: Left) -> float:
        """Fraction of the filters of all these layers together that are gone."""
        return self.target.graph.channels_removed(left.keep)

    def _schedule_part(self, left: Left, part: int, parts: int, stage: Path) -> Left:
        network, graph = left.network, self.target.graph.cut(left.keep)
        if not graph.prunable:
            logger.info("%s: nothing is left to cut in part %d/%d", self.label, part + 1, parts)
            return self._keep(left, stage)
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
        importance = IMPORTANCES[self.pruning.ranked_by](graph)
        if importance.running and left.scores:
            importance.restore(left.scores)
        gates = Gates(network, graph, scored=True)
        schedule = PruningSchedule(
            network,
            graph,
            gates,
            self.strategy,
            self.target.counts_at,
            start=part / parts,
            end=(part + 1) / parts,
            updates=self.pruning.updates,
            importance=importance,
        )
        self._fit(
            network,
            config,
            self.pictures.full,
            stage,
            f"{self.label} schedule {part + 1}/{parts}",
            hook=schedule,
        )
        if part == parts - 1 and schedule.progress < 1.0:
            schedule.close(1.0)
        gates.remove()
        cut = self._cut(network, graph, schedule.keep)
        keep = left.keep | schedule.keep
        logger.info(
            "%s: cut to sparsity %.3f, %.1f %% of all channels gone, %d parameters, %.1f MMACs",
            self.label,
            self.target.graph.sparsity(keep),
            100 * self.target.graph.channels_removed(keep),
            count_parameters(cut),
            count_macs(cut, self.training.size) / 1e6,
        )
        return self._keep(Left(cut, keep, importance.state() if importance.running else {}), stage)

    def _keep(self, left: Left, stage: Path) -> Left:
        """Leave what a part of the schedule ended with, and go on with what is read from there.

        A run that was stopped here has no other. Tensors in memory may have other strides than those from a
        file, kernels then sum in another order, and the two runs would end with other weights.
        """
        units = {
            group.producers[0]: np.flatnonzero(left.keep[group.index]).tolist()
            for group in self.target.graph.prunable
        }
        scores = {key: values.tolist() for key, values in left.scores.items()}
        write_json(stage / UNITS, {"kept": units, "scores": scores})
        save_model(stage / "model", replace(self.parent, network=left.network, provenance={}, metrics={}))
        return self._read(stage)

    def _read(self, stage: Path) -> Left:
        """What a finished part left; units have the numbers of the dense network."""
        units = json.loads((stage / UNITS).read_text(encoding="utf-8"))
        keep = {
            group.index: np.isin(np.arange(group.units), units["kept"][group.producers[0]])
            for group in self.target.graph.prunable
        }
        scores = {key: torch.tensor(values) for key, values in units["scores"].items()}
        return Left(load_model(stage / "model").network, keep, scores)

    def _cut(self, network: nn.Module, graph: ChannelGraph, keep: Keep) -> nn.Module:
        cut = cut_channels(network, graph, keep)
        check_exact(network, graph, keep, cut)
        if self.pruning.recalibrate:
            batch_size = self.training.batch_size
            recalibrate(cut, self.parent.spec, self.pictures.full, batch_size=batch_size, seed=self.seed)
        return cut

    def recover(self, left: Left) -> TrainingConfig | None:
        """Fine-tune what is left, in place; returns the settings, ``None`` where there is no recovery."""
        if not self.pruning.recovery_epochs:
            return None
        config = recovery_training(self.training, self.pruning, self.realised(left))
        self._recover(
            left.network, config, self.folder / "recovery", f"{self.label} recovery", score_last=True
        )
        return config

    def _recover(
        self,
        network: nn.Module,
        config: TrainingConfig,
        folder: Path,
        label: str,
        *,
        score_last: bool = False,
    ) -> None:
        logger.info(
            "%s: learning rate %.3g, that of training is %.3g",
            label,
            config.learning_rate,
            self.training.learning_rate,
        )
        source = self.pictures.at(recovery_side(self.training, self.pruning))
        self._fit(network, config, source, folder, label, score_last=score_last)

    def _fit(
        self,
        network: nn.Module,
        config: TrainingConfig,
        source: TrainingPictures,
        folder: Path,
        label: str,
        *,
        hook: PruningSchedule | None = None,
        score_last: bool = False,
    ) -> None:
        """What another stage follows is scored only as often as the settings ask: its end decides nothing."""
        fit(
            network, self.parent.spec, source, self.pictures.validation, config, folder,
            seed=stage_seed(self.seed, folder.name), label=label, devices=self.devices, hook=hook,
            score_last=score_last,
        )  # fmt: skip
