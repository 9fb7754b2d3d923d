"""The study file: what to train, prune and compare. Read once, validated before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from descale.base.errors import DataError, StudyError
from descale.base.files import NotText, read_text
from descale.base.home import expanded
from descale.base.located_yaml import LocatedError, line_of, parse
from descale.base.spelling import suggestion
from descale.pruning.config import PruningConfig, Sparsity
from descale.training.config import DeviceConfig, Size, TrainingConfig

Seed = Annotated[int, Field(ge=0, lt=2**31)]
Control = Literal["random", "slim-scratch"]

FROM_THE_MATRIX = {"strategy": "strategies", "sparsity": "sparsities", "budget": "sparsities"}
"""Settings of pruning that the study varies itself, and the key that lists their values."""
PLACEHOLDERS = {"strategy": "agp", "sparsity": 0.5}
"""Stand for them while the ``pruning`` section is checked on its own."""


class Synthesis(BaseModel):
    """An embedded data set, generated inside the study's folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int = Field(240, ge=20, description="number of pictures")
    classes: Literal[2, 4] = 2
    seed: Seed = 0
    size: tuple[int, int] = Field((128, 128), description="height and width of the pictures")


class StudyData(BaseModel):
    """One data set of a study: ``source`` (yours) or ``synthesize`` (generated)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(
        None, description="folder, YAML description or preset (nea:FOLDER); relative to the study file"
    )
    synthesize: Synthesis | None = None
    name: str | None = Field(None, min_length=1, description="how tables call it; default: its own name")
    binary: bool = Field(False, description="merge all corrosion classes into one")
    accept: tuple[str, ...] = Field((), description="problems found by `data check` to go on with")
    size: Size | None = Field(None, description="input (height, width) of this set, if not training.size")
    leave_one_out: bool = Field(False, description="hold every photo out in turn; scores are pooled")
    clean: str | None = Field(
        None,
        description="folder of photos without corrosion, on which false alarms are counted; relative to the "
        "study file",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.source is None) == (self.synthesize is None):
            raise ValueError("give either 'source: FOLDER' or 'synthesize: {count: ...}'")
        if self.clean is not None and self.leave_one_out:
            raise ValueError("'clean' needs one model, 'leave_one_out' makes one per photo; remove either")
        return self


class StudyConfig(BaseModel):
    """A matrix of trials: data x architectures x encoders x (dense + strategies x sparsities) x seeds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9._-]+$")
    data: tuple[StudyData, ...] = Field(min_length=1)
    architectures: tuple[str, ...] = Field(min_length=1)
    encoders: tuple[str, ...] = Field(("tu-tf_efficientnet_lite0",), min_length=1)
    encoder_weights: str = Field(
        "imagenet", description="imagenet, none, or a file relative to the study file"
    )
    strategies: tuple[str, ...] = ()
    controls: tuple[Control, ...] = ()
    sparsities: tuple[Sparsity, ...] = ()
    seeds: tuple[Seed, ...] = Field((0,), min_length=1)
    training: TrainingConfig = Field(default_factory=lambda: TrainingConfig.model_validate({}))
    pruning: PruningConfig = Field(
        default_factory=lambda: PruningConfig.model_validate(PLACEHOLDERS),
        description="settings of all pruned trials; strategy and sparsity come from the lists above",
    )
    devices: DeviceConfig = Field(
        default_factory=lambda: DeviceConfig.model_validate({}),
        description="where it runs and logs; changes no trial's identity",
    )

    @field_validator("pruning", mode="before")
    @classmethod
    def _matrix_sets_these(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for key, plural in FROM_THE_MATRIX.items():
            if key in value:
                raise LocatedError((key,), f"the study varies this; list the values under '{plural}:'")
        return {**value, **PLACEHOLDERS}

    @field_validator(
        "architectures", "encoders", "strategies", "controls", "sparsities", "seeds", mode="after"
    )
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        alike = [round(entry, 6) if isinstance(entry, float) else entry for entry in value]
        for index, entry in enumerate(value):
            if alike[index] in alike[:index]:
                raise LocatedError((index,), f"{entry} is listed twice; remove one")
        return value

    @model_validator(mode="after")
    def _matrix_is_whole(self) -> Self:
        if self.strategies and not self.sparsities:
            raise LocatedError(("strategies",), "no sparsity to reach; add 'sparsities: [0.5, 0.9]'")
        if (self.sparsities or self.controls) and not self.strategies:
            raise LocatedError(("sparsities",), "no strategy is listed; add 'strategies: [agp]'")
        for reserved in ("dense", "random", "slim-scratch"):
            if reserved in self.strategies:
                index = self.strategies.index(reserved)
                remedy = "every study has it" if reserved == "dense" else f"write 'controls: [{reserved}]'"
                raise LocatedError(("strategies", index), f"'{reserved}' is not a strategy here; {remedy}")
        return self


def load_study(path: Path) -> StudyConfig:
    """Read a study file and check every name in it, and the pruning of every strategy and sparsity.

    Paths in the file (data sources, photos without corrosion, a file of encoder weights) are relative to the
    file's folder; they are absolute in the result.

    Raises:
        StudyError: the file is missing or wrong; one line per error with file, line, key and remedy.
    """
    path = Path(path)
    try:
        text = read_text(path)
    except FileNotFoundError:
        raise StudyError(f"Study file {path} not found. Examples lie in the folder experiments/.") from None
    except NotText as error:
        raise StudyError(f"Study file {path}: {error}") from error
    except OSError as error:
        raise StudyError(f"Study file {path} cannot be read: {error.strerror}. Check the path.") from error
    return parse_study(text, path)


def parse_study(text: str, path: Path) -> StudyConfig:
    """Like :func:`load_study`, from the text of a file that stands (or stood) at ``path``."""
    config = parse(text, StudyConfig, path)
    _check_names(config, text, path)
    _check_pruning(config, text, path)
    _check_training(config, text, path)
    base = path.resolve().parent

    def made_absolute(written: str, *place: str | int) -> str:
        of_data = place[-1] == "source"
        try:
            return absolute_source(written, base) if of_data else _absolute(written, base)
        except DataError as error:
            named = ".".join(map(str, place))
            raise StudyError(f"{path}:{line_of(text, place)}: {named}: {error}") from error

    data = tuple(
        entry.model_copy(
            update={
                key: made_absolute(written, "data", number, key)
                for key, written in (("source", entry.source), ("clean", entry.clean))
                if written is not None
            }
        )
        for number, entry in enumerate(config.data)
    )
    weights = config.encoder_weights
    if weights not in ("none", "imagenet"):
        weights = made_absolute(weights, "encoder_weights")
    return config.model_copy(update={"data": data, "encoder_weights": weights})


def absolute_source(source: str, base: Path) -> str:
    """A data source with its path made absolute; ``preset:path`` keeps its preset.

    >>> absolute_source("nea:sets/nea", Path("/home/me"))
    'nea:/home/me/sets/nea'
    """
    preset, colon, folder = source.partition(":")
    if colon and len(preset) > 1 and "/" not in preset:
        return f"{preset}:{_absolute(folder, base)}"
    return _absolute(source, base)


def _absolute(path: str, base: Path) -> str:
    return str((base / expanded(path)).resolve())


def trial_pruning(config: StudyConfig, strategy: str, sparsity: float) -> PruningConfig:
    """The pruning settings of one trial: the study's own with strategy and sparsity filled in."""
    given = config.pruning.model_dump(exclude_unset=True)
    return PruningConfig.model_validate({**given, "strategy": strategy, "sparsity": sparsity})


def trial_training(config: StudyConfig, data: StudyData) -> TrainingConfig:
    """The training settings of one data set: the study's own, at that set's input size."""
    if data.size is None:
        return config.training
    given = config.training.model_dump(exclude_unset=True)
    return TrainingConfig.model_validate({**given, "size": data.size})


def _check_names(config: StudyConfig, text: str, path: Path) -> None:
    """Look every name up in its registry, so that a typo costs a second and not a night."""
    from descale.models.architectures import ARCHITECTURES
    from descale.models.encoders import check_encoder
    from descale.pruning.strategies import STRATEGIES

    def fail(key: str, index: int, message: str) -> StudyError:
        return StudyError(f"{path}:{line_of(text, (key, index))}: {key}: {message}")

    for key, names, known in (
        ("architectures", config.architectures, tuple(ARCHITECTURES)),
        ("strategies", config.strategies, tuple(STRATEGIES)),
    ):
        for index, name in enumerate(names):
            if name not in known:
                raise fail(key, index, f"unknown name '{name}'; {suggestion(name, known)}")
    for index, name in enumerate(config.encoders):
        try:
            check_encoder(name)
        except Exception as error:
            raise fail("encoders", index, str(error)) from error


def _check_training(config: StudyConfig, text: str, path: Path) -> None:
    """Build the training settings of every data set: a size of its own may not go with the rest."""
    for number, data in enumerate(config.data):
        try:
            reasons = [trial_training(config, data).crop_problem]
        except ValidationError as error:
            reasons = _reasons(error)
        if any(reasons):
            place = ("data", number, "size") if data.size is not None else ("training",)
            where = f"{path}:{line_of(text, place)}: {'.'.join(map(str, place))}"
            raise StudyError("\n".join(f"{where}: {reason}" for reason in reasons))


def _check_pruning(config: StudyConfig, text: str, path: Path) -> None:
    """Build the settings of every pruned trial: some rules hold for one strategy and not for another."""
    random = ["random"] if "random" in config.controls else []
    reasons: dict[str, None] = {}
    for strategy in (*config.strategies, *random):
        for sparsity in config.sparsities:
            try:
                trial_pruning(config, strategy, sparsity)
            except ValidationError as error:
                reasons.update(dict.fromkeys(_reasons(error)))
    if reasons:
        where = f"{path}:{line_of(text, ('pruning',))}"
        raise StudyError("\n".join(f"{where}: pruning: {reason}" for reason in reasons))


def _reasons(error: ValidationError) -> list[str]:
    return [str(item.get("ctx", {}).get("error", item["msg"])) for item in error.errors()]
