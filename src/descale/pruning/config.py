"""Settings of a pruning run: a recipe gives the values, any of them may be set instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from descale.base.spelling import suggestion
from descale.pruning.allocation import ALLOCATIONS, SCORED, SparsityOver
from descale.pruning.recipes import RECIPES
from descale.pruning.strategies import STRATEGIES, find_strategy

BudgetKind = Literal["params", "macs", "latency"]


def check_sparsity(value: float) -> float:
    """A share of channels to remove.

    Raises:
        ValueError: it is not above 0 and below 1.
    """
    if not 0.0 < value < 1.0:
        effect = "cuts nothing" if value <= 0.0 else "leaves nothing"
        raise ValueError(f"a sparsity of {value:g} {effect}; give a value above 0 and below 1")
    return value


Sparsity = Annotated[float, AfterValidator(check_sparsity)]
"""Fraction of channels to remove, see ``sparsity_over``."""

REMOVED = {
    "distillation": "the dense parent's answers did not help",
    "views": "pictures are augmented anew in every epoch",
}
"""Settings of earlier versions that older files still hold, and why they are gone; 0 did without them."""


def without_removed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as an older file holds them, without those that are gone.

    Raises:
        ValueError: one of them was in use.

    >>> without_removed({"updates": 3, "distillation": 0.0, "temperature": 2.0, "views": 0})
    {'updates': 3}
    """
    for key, reason in REMOVED.items():
        if values.get(key):
            raise ValueError(f"{key} is no longer there, {reason}; leave it out (got {values[key]!r})")
    gone = {*REMOVED, "temperature"}  # which distillation alone looked at
    return {key: value for key, value in values.items() if key not in gone}


class PruningConfig(BaseModel):
    """How a dense network is pruned. Values that are not given come from ``recipe``.

    Attributes:
        strategy: name of :data:`descale.pruning.strategies.STRATEGIES`.
        sparsity: fraction of channels to remove, 0 < s < 1.
        sparsity_over: what it is a fraction of: ``layers``, its mean over the prunable layers, as in the
            paper, or ``channels``, all channels of these together. Where every layer gives the same share
            both are the same; where wide layers give more, 0.9 over layers takes 96 to 98 % of all channels.
        budget: instead of ``sparsity``, one target such as ``{"macs": 0.1}``: the share of the dense
            network's ``params``, ``macs`` or ``latency`` that may stay.
        engine: that a budget in latency is for: ``onnxruntime``, ``openvino``, or ``auto`` for the first that
            is installed.
        latency_table: made by ``descale benchmark --table``, for a budget in latency; without it this machine
            is timed.
        recipe: name of :data:`descale.pruning.recipes.RECIPES`.
        importance: how channels are ranked, name of :data:`descale.pruning.importance.IMPORTANCES`; not used
            by strategies that have their own, ``movement`` and ``random``.
        allocation: how the channels that stay are spread over the layers, name of
            :data:`descale.pruning.allocation.ALLOCATIONS`.
        updates: mask updates during the schedule (``movement`` updates at every step).
        cut_as_they_go: remove channels at every update, so that fine-tuning gets cheaper.
        schedule_epochs: epochs of the schedule.
        schedule_rate: learning rate during it, as a factor of the training's.
        between_epochs: epochs of fine-tuning after every cut that another follows, with the settings of the
            recovery and a constant rate, so that the next cut is decided on a network that works. Without
            ``cut_as_they_go`` there is one cut and nothing between.
        recovery_epochs: epochs of fine-tuning after the last cut.
        recovery_rate: learning rate of recovery, as a factor of the training's; ``None`` takes one by the
            share of the channels that stay, see :func:`descale.training.recovery.recovery_rate`.
        recovery_batch: pictures a step during recovery; ``None`` keeps the training's batch size. A narrow
            network's step costs by the pixel, so smaller batches give more steps for the same time.
        recovery_scale: side of the pictures during recovery as a share of the training's. Random crops show
            things larger than the validation does; smaller pictures undo that and cost less (Touvron et al.
            2019, arXiv 1906.06423).
        gradient_clip: norm to which the gradient of a step is scaled down where it is longer, in every stage;
            ``None`` leaves it. A few steps of a cut network have gradients a hundred times as long as others.
        recalibrate: re-estimate batch norm statistics after every cut.
        round_to: widths become multiples of this where they are at least twice as wide; 1 leaves them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str
    sparsity: Sparsity | None = None
    sparsity_over: SparsityOver = "layers"
    budget: dict[BudgetKind, float] | None = None
    engine: str = "auto"
    latency_table: str | None = None
    recipe: str = "descale"
    importance: str
    allocation: str
    updates: int = Field(ge=1)
    cut_as_they_go: bool
    schedule_epochs: int = Field(ge=1)
    schedule_rate: float = Field(gt=0)
    between_epochs: int = Field(ge=0)
    recovery_epochs: int = Field(ge=0)
    recovery_rate: float | None = Field(gt=0)
    recovery_batch: int | None = Field(ge=1)
    recovery_scale: float = Field(gt=0, le=1)
    gradient_clip: float | None = Field(gt=0, allow_inf_nan=False)
    recalibrate: bool
    round_to: int = Field(1, ge=1)

    @property
    def ranked_by(self) -> str:
        """Name of the importance that ranks the channels: the strategy's own, or the one of the settings."""
        return find_strategy(self.strategy).importance or self.importance

    @model_validator(mode="before")
    @classmethod
    def _fill_from_recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        values = without_removed(values)
        recipe = values.get("recipe", "descale")
        if not isinstance(recipe, str) or recipe not in RECIPES:
            raise ValueError(f"unknown recipe '{recipe}'; {suggestion(str(recipe), RECIPES)}")
        return {**RECIPES[recipe], **values}

    @model_validator(mode="after")
    def _consistent(self) -> PruningConfig:
        if (self.sparsity is None) == (self.budget is None):
            raise ValueError(
                "give either sparsity (above 0, below 1) or budget, for example budget: {macs: 0.1}"
            )
        if self.sparsity_over == "channels" and self.sparsity is None:
            raise ValueError("sparsity_over tells what a sparsity is a share of: give one, or leave it out")
        if self.sparsity_over == "channels" and self.allocation in SCORED:
            raise ValueError(
                f"allocation {self.allocation} follows scores, so the channels it leaves cannot be counted "
                "before the run: leave sparsity_over out, or take an allocation that needs no scores"
            )
        if self.latency_table is not None and "latency" not in (self.budget or {}):
            raise ValueError("latency_table is for a budget such as {latency: 0.1}; leave it out")
        if self.engine != "auto" and "latency" not in (self.budget or {}):
            raise ValueError("engine is for a budget such as {latency: 0.1}; leave it out")
        if "latency" in (self.budget or {}) and self.round_to > 1:
            raise ValueError(
                "a budget in latency chooses whole vectors of the engine by itself: leave round_to out "
                f"(got {self.round_to})"
            )
        if self.cut_as_they_go and self.schedule_epochs < self.updates:
            raise ValueError(
                f"cut_as_they_go trains at least one epoch an update: set schedule_epochs to {self.updates} "
                f"or more, or updates to {self.schedule_epochs} or fewer"
            )
        if self.allocation in SCORED and self.budget is not None:
            raise ValueError(
                f"allocation {self.allocation} follows scores, and a budget's widths are found without: "
                "give sparsity instead, or an allocation that needs no scores"
            )
        if self.allocation in SCORED and self._scores_run_on():
            raise ValueError(
                f"allocation {self.allocation} compares importances across layers, and the scores of "
                f"{self.ranked_by} have no common scale: use another importance and strategy, for example "
                "taylor-gate with linear or agp, or another allocation"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, values_of: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without ``sparsity_over`` where it is the default: files and names of runs stay what they were."""
        values: dict[str, Any] = values_of(self)
        if self.sparsity_over == "layers":
            values.pop("sparsity_over", None)
        return values

    def _scores_run_on(self) -> bool:
        from descale.pruning.importance import IMPORTANCES

        return IMPORTANCES[self.ranked_by].running

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, value: str) -> str:
        if value not in STRATEGIES:
            raise ValueError(f"unknown strategy '{value}'; {suggestion(value, STRATEGIES)}")
        return value

    @field_validator("importance")
    @classmethod
    def _known_importance(cls, value: str) -> str:
        # with torch, which whoever reads a result can do without
        from descale.pruning.importance import IMPORTANCES

        if value not in IMPORTANCES:
            raise ValueError(f"unknown importance '{value}'; {suggestion(value, IMPORTANCES)}")
        return value

    @field_validator("allocation")
    @classmethod
    def _known_allocation(cls, value: str) -> str:
        if value not in ALLOCATIONS:
            raise ValueError(f"unknown allocation '{value}'; {suggestion(value, ALLOCATIONS)}")
        return value

    @field_validator("budget")
    @classmethod
    def _one_budget(cls, value: dict[BudgetKind, float] | None) -> dict[BudgetKind, float] | None:
        if value is not None and (len(value) != 1 or not all(0 < share < 1 for share in value.values())):
            raise ValueError(f"give one of {', '.join(get_args(BudgetKind))} with a share between 0 and 1")
        return value
