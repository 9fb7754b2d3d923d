"""From a study file to its trials, parents before children."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from descale.base.errors import StudyError
from descale.base.files import sha256_of
from descale.study.config import StudyConfig, StudyData, trial_pruning, trial_training
from descale.study.trial import DENSE, POOLED, SLIM, DataDescription, Kind, Trial


def expand(config: StudyConfig, describe: Callable[[StudyData], DataDescription]) -> tuple[Trial, ...]:
    """All trials of a study, parents before children, each once.

    The order is by seed, data set and network, so that an interrupted study has whole networks to
    compare rather than one strategy of everything.

    Args:
        describe: tells name, fingerprint and photos of a data set.

    Raises:
        StudyError: two data sets have the same name or the same trials, or a file of encoder weights is
            missing.
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
                    for trial in network.trials():
                        _refuse_equal_trials(trials.setdefault(trial.id, trial), trial)
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
            # with torch, which no reader of trials needs
            from descale.training.control import control_training

            assert like.pruning is not None
            pruning = like.pruning
            training = control_training(training, pruning, sparsity)
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
            clean=self.description.clean,
            classes=self.description.classes,
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
            classes=first.classes,
        )


def _refuse_equal_names(names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise StudyError(f"Two data sets are called '{name}'. Give one of them another 'name:'.")


def _refuse_equal_trials(first: Trial, second: Trial) -> None:
    """Names are no part of a trial's id: one of two equal data sets would have no rows in the results."""
    if first.dataset != second.dataset:
        raise StudyError(
            f"Data sets '{first.dataset}' and '{second.dataset}' hold the same photos with the same "
            "settings, so their trials are the same. Remove one of them from the study."
        )


def _weights_hash(weights: str) -> str | None:
    if weights in ("none", "imagenet"):
        return None
    path = Path(weights)
    if not path.is_file():
        raise StudyError(f"Encoder weights {path} not found. Use imagenet, none, or the path of a file.")
    return sha256_of(path)
