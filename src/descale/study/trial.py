"""What a trial is, what it needs first, and the name of its folder.

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
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

from descale.base.classes import ClassTable
from descale.pruning.config import PruningConfig
from descale.study.config import StudyData
from descale.training.config import TrainingConfig

RESULT_VERSION = 7
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
        clean: hash of the photos without corrosion, where the study names some.
        classes: of the labels; the fingerprint covers them.
    """

    name: str
    fingerprint: str
    photos: tuple[str, ...] = ()
    clean: str | None = None
    classes: ClassTable | None = None


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
        clean: hash of the photos without corrosion on which false alarms are counted, if any are named.
        classes: of the labels, so that scores can be read without a model.
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
    clean: str | None = None
    classes: ClassTable | None = None

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
            **({} if self.clean is None else {"clean": self.clean}),
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
            **({} if self.classes is None else {"classes": self.classes.to_json()}),
            **self.determinants,
        }
