"""From a study file to its trials: what each one is, what it needs first, and the name of its folder.

A trial's folder is named by a hash of all that determines its result: the content of the data set, the
fold, the network, every setting of training and pruning, the seed, the trials it starts from, and
:data:`RESULT_VERSION`. Where the data lie, how the study is called, how many processes work on it and
where curves are logged do not count. Neither do the versions of torch and of the machine: they change
the last bits of a result, not what was asked for, and a study that is continued after an upgrade shall
not start from nothing. Every result records them, and a mixture is reported.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

from descale.errors import StudyError
from descale.files import sha256_of
from descale.pruning.config import PruningConfig
from descale.study.config import StudyConfig, StudyData, trial_pruning, trial_training
from descale.training.config import TrainingConfig
from descale.training.control import control_training

RESULT_VERSION = 1
"""Raised by hand whenever a change of the code changes what a trial with the same settings gives."""

DENSE: Final = "dense"
SLIM: Final = "slim-scratch"
POOLED: Final = "pooled"
Kind = Literal["dense", "pruned", "slim-scratch", "pooled"]


@dataclass(frozen=True)
class DataDescription:
    """What a plan needs to know of a data set.

    Attributes:
        name: as shown in tables.
        fingerprint: hash of the content; two sets with the same one give the same results.
        photos: ids of all photos, in order; the folds of a leave-one-out study.
    """

    name: str
    fingerprint: str
    photos: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trial:
    """One row of the results: a network to train, prune or pool, with all that determines it.

    Attributes:
        kind: dense training, pruning of a dense parent, a slim network trained from scratch with the
            widths of a pruned one, or the pooled scores of all folds.
        strategy: ``dense``, a pruning strategy, or a control.
        weights_hash: hash of the file of encoder weights, if they come from a file.
        fold: photo held out, in leave-one-out studies.
        dense: id of the dense trial whose score this one is compared with (its own parent if pruned).
        pruning: how it is pruned; of a slim network, how the one was pruned whose recovery it imitates.
        like: id of the pruned trial whose widths a slim network copies.
        folds: ids of the trials that a pooled one sums up.
    """

    kind: Kind
    data: StudyData
    dataset: str
    fingerprint: str
    architecture: str
    encoder: str
    encoder_weights: str
    strategy: str
    sparsity: float
    seed: int
    training: TrainingConfig
    pruning: PruningConfig | None = None
    weights_hash: str | None = None
    fold: str | None = None
    dense: str | None = None
    like: str | None = None
    folds: tuple[str, ...] = ()

    @cached_property
    def determinants(self) -> dict[str, Any]:
        """All that determines the result, as JSON values."""
        return {
            "result_version": RESULT_VERSION,
            "kind": self.kind,
            "data": self.fingerprint,
            "binary": self.data.binary,
            "fold": self.fold,
            "architecture": self.architecture,
            "encoder": self.encoder,
            "encoder_weights": self.weights_hash or self.encoder_weights,
            "strategy": self.strategy,
            "sparsity": self.sparsity,
            "seed": self.seed,
            "training": self.training.model_dump(mode="json"),
            "pruning": self.pruning.model_dump(mode="json") if self.pruning else None,
            "parents": list(self.parents),
        }

    @cached_property
    def id(self) -> str:
        """Name of the trial's folder: 16 hexadecimal digits."""
        canonical = json.dumps(self.determinants, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def parents(self) -> tuple[str, ...]:
        """Ids of the trials that must have their result before this one can start."""
        return tuple(parent for parent in (self.like, self.dense, *self.folds) if parent)

    @property
    def title(self) -> str:
        """One line for people."""
        sparsity = "" if self.strategy == DENSE else f" {self.sparsity:g}"
        fold = f", without {self.fold}" if self.fold else ""
        network = f"{self.architecture}/{self.encoder}"
        return f"{self.dataset} {network} {self.strategy}{sparsity} seed {self.seed}{fold}"

    def to_json(self) -> dict[str, Any]:
        """Content of ``trial.json``: the determinants and what is good to know beside them."""
        return {
            "id": self.id,
            "dataset": self.dataset,
            "source": self.data.model_dump(mode="json", exclude_defaults=True),
            **self.determinants,
        }


def expand(config: StudyConfig, describe: Callable[[StudyData], DataDescription]) -> tuple[Trial, ...]:
    """All trials of a study, parents before children, each once.

    The order is by seed, data set and network, so that an interrupted study has whole networks to
    compare rather than one strategy of everything.

    Args:
        describe: tells name, fingerprint and photos of a data set.

    Raises:
        StudyError: two data sets have the same name, or a file of encoder weights is missing.
    """
    described = [(data, describe(data)) for data in config.data]
    _refuse_equal_names([description.name for _, description in described])
    weights_hash = _weights_hash(config.encoder_weights)
    trials: dict[str, Trial] = {}
    for seed in config.seeds:
        for data, description in described:
            for encoder in config.encoders:
                for architecture in config.architectures:
                    network = _Network(config, data, description, architecture, encoder, weights_hash, seed)
                    trials.update((trial.id, trial) for trial in network.trials())
    return tuple(trials.values())


@dataclass(frozen=True)
class _Network:
    """One cell of the matrix: a network on a data set with a seed, dense and in all its slim forms."""

    config: StudyConfig
    data: StudyData
    description: DataDescription
    architecture: str
    encoder: str
    weights_hash: str | None
    seed: int

    def trials(self) -> Iterator[Trial]:
        if not self.data.leave_one_out:
            yield from self._forms(None)
            return
        if len(self.description.photos) < 3:
            raise StudyError(
                f"Data set {self.description.name}: leaving one out needs at least 3 photos, "
                f"there are {len(self.description.photos)}. Remove 'leave_one_out'."
            )
        by_fold = [tuple(self._forms(photo)) for photo in self.description.photos]
        for forms in by_fold:
            yield from forms
        pooled_dense: Trial | None = None
        for same_form in zip(*by_fold, strict=True):
            pooled = self._pool(same_form, pooled_dense)
            pooled_dense = pooled_dense or pooled
            yield pooled

    def _forms(self, fold: str | None) -> Iterator[Trial]:
        dense = self._trial("dense", DENSE, 0.0, fold)
        yield dense
        strategies = [*self.config.strategies, *(["random"] if "random" in self.config.controls else [])]
        for sparsity in self.config.sparsities:
            pruned = [self._trial("pruned", name, sparsity, fold, dense=dense.id) for name in strategies]
            yield from pruned
            if SLIM in self.config.controls:
                # Strategies share their widths where channels are allocated before pruning starts; where
                # they do not, the first strategy of the list stands for all.
                yield self._trial(SLIM, SLIM, sparsity, fold, dense=dense.id, like=pruned[0])

    def _trial(
        self,
        kind: Kind,
        strategy: str,
        sparsity: float,
        fold: str | None,
        *,
        dense: str | None = None,
        like: Trial | None = None,
    ) -> Trial:
        pruning = trial_pruning(self.config, strategy, sparsity) if kind == "pruned" else None
        training = trial_training(self.config, self.data)
        if like is not None:
            assert like.pruning is not None
            pruning = like.pruning
            training = control_training(training, pruning)
        return Trial(
            kind=kind,
            data=self.data,
            dataset=self.description.name,
            fingerprint=self.description.fingerprint,
            architecture=self.architecture,
            encoder=self.encoder,
            encoder_weights=self.config.encoder_weights,
            weights_hash=self.weights_hash,
            strategy=strategy,
            sparsity=sparsity,
            seed=self.seed,
            training=training,
            pruning=pruning,
            fold=fold,
            dense=dense,
            like=like.id if like else None,
        )

    def _pool(self, folds: tuple[Trial, ...], dense: Trial | None) -> Trial:
        first = folds[0]
        return Trial(
            kind=POOLED,
            data=self.data,
            dataset=first.dataset,
            fingerprint=first.fingerprint,
            architecture=first.architecture,
            encoder=first.encoder,
            encoder_weights=first.encoder_weights,
            weights_hash=first.weights_hash,
            strategy=first.strategy,
            sparsity=first.sparsity,
            seed=first.seed,
            training=first.training,
            pruning=first.pruning,
            dense=dense.id if dense else None,
            folds=tuple(fold.id for fold in folds),
        )


def _refuse_equal_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"Two data sets are called '{name}'. Give one of them another 'name:'.")


def _weights_hash(weights: str) -> str | None:
    if weights in ("none", "imagenet"):
        return None
    path = Path(weights)
    if not path.is_file():
        raise StudyError(f"Encoder weights {path} not found. Use imagenet, none, or the path of a file.")
    return sha256_of(path)
