"""Settings of a training run; frozen, validated, and part of a trial's identity."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from descale.base.errors import ConfigError
from descale.base.picture_size import parse_size
from descale.base.spelling import suggestion
from descale.models.spec import STRIDE, check_size


def _as_written(value: object) -> object:
    """``256x320`` and ``256`` as (height, width), all else as it is."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return value
    try:
        return parse_size(str(value))
    except ConfigError as error:
        raise ValueError(str(error)) from None


Size = Annotated[tuple[int, int], BeforeValidator(_as_written), AfterValidator(check_size)]
"""(height, width) in pixels, multiples of the network's stride; also written ``256x320`` or ``256``."""

PRECISIONS = ("auto", "32-true", "16-mixed", "bf16-mixed")


class TrainingConfig(BaseModel):
    """How a network is trained.

    Attributes:
        epochs: passes over the training split.
        batch_size: pictures a step.
        size: (height, width) in pixels that the network sees.
        crop: (height, width) of training crops of pictures of ``size``, with an augmentation that crops
            (``zoom``, ``paper``); ``None`` means ``size``, cropped from a larger copy.
        loss: names of :data:`descale.training.losses.LOSSES` joined by ``+``.
        optimizer: ``adamw`` or ``sgd``.
        learning_rate: peak rate.
        encoder_rate: factor on the rate of the encoder, whose weights come from ImageNet.
        lowest_rate: the rate a cyclic schedule starts from.
        momentum: of ``sgd``.
        weight_decay: decoupled for ``adamw``.
        schedule: ``cosine`` (with a linear warm-up over the first tenth), ``triangular2`` (the
            study's, stepped per batch), or ``constant``.
        augmentation: name of :data:`descale.data.draws.AUGMENTATIONS`.
        ema: decay per step of an exponential moving average of the weights, smaller in the first steps,
            or ``None``.
        early_stopping: stop after so many epochs without a better validation IoU and keep the best
            epoch; ``None`` trains all epochs and keeps the last, which selects nothing on few photos.
        gradient_clip: norm to which the gradient of a step is scaled down where it is longer (Pascanu et al.
            2013, arXiv 1211.5063); ``None`` leaves it.
        validate_every: epochs between looks at the validation split, which also follow the last epoch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(40, ge=1)
    batch_size: int = Field(16, ge=1)
    size: Size = (160, 160)
    crop: Size | None = None
    loss: str = "dice+cross-entropy"
    optimizer: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, allow_inf_nan=False)
    encoder_rate: float = Field(0.3, gt=0, allow_inf_nan=False)
    lowest_rate: float = Field(1e-4, gt=0, allow_inf_nan=False)
    momentum: float = Field(0.9, ge=0, lt=1)
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False)
    schedule: Literal["cosine", "triangular2", "constant"] = "cosine"
    augmentation: str = "standard"
    ema: float | None = Field(0.99, gt=0, lt=1)
    early_stopping: int | None = Field(None, ge=1)
    gradient_clip: float | None = Field(None, gt=0, allow_inf_nan=False)
    validate_every: int = Field(5, ge=1)

    @property
    def crop_problem(self) -> str:
        """Why crops of this size cannot be taken; empty where they can.

        A study may give the size with each data set, so that settings alone may still lack it.
        """
        crop, size = self.crop or self.size, self.size
        if all(part <= whole for part, whole in zip(crop, size, strict=True)):
            return ""
        return (
            f"A crop of {crop[0]}x{crop[1]} is larger than the picture, {size[0]}x{size[1]}, and would "
            "enlarge it: give a smaller crop or a larger size"
        )

    @model_validator(mode="after")
    def _enough_for_batch_norm(self) -> TrainingConfig:
        height, width = self.crop or self.size
        if self.batch_size * (height // STRIDE) * (width // STRIDE) < 2:
            raise ValueError(
                f"one picture of {height}x{width} a step leaves one value to normalise by: set batch_size to "
                "2 or more, or a larger size"
            )
        return self

    @model_validator(mode="after")
    def _rate_that_rises(self) -> TrainingConfig:
        if self.schedule == "triangular2" and self.lowest_rate > self.learning_rate:
            raise ValueError(
                f"lowest_rate {self.lowest_rate:g} is above the learning_rate {self.learning_rate:g}: "
                "the cycle would fall where it should rise"
            )
        return self

    @model_validator(mode="after")
    def _crop_that_crops(self) -> TrainingConfig:
        from descale.data.draws import AUGMENTATIONS

        kind = AUGMENTATIONS.get(self.augmentation)
        if self.crop is not None and kind is not None and not kind.crops:
            raise ValueError(
                f"augmentation {self.augmentation} would shrink whole pictures to the crop, and things would "
                "look smaller in training than in use: write augmentation: zoom, or leave crop out"
            )
        return self

    @field_validator("loss")
    @classmethod
    def _known_loss(cls, value: str) -> str:
        from descale.training.losses import check_loss

        check_loss(value)
        return value

    @field_validator("augmentation")
    @classmethod
    def _known_augmentation(cls, value: str) -> str:
        from descale.data.draws import AUGMENTATIONS

        if value not in AUGMENTATIONS:
            raise ValueError(f"unknown augmentation '{value}'; {suggestion(value, AUGMENTATIONS)}")
        return value


class DeviceConfig(BaseModel):
    """Where a run happens; not part of a trial's identity.

    Attributes:
        accelerator: ``auto``, ``cpu``, ``cuda``, ``mps``.
        devices: 1 or ``auto``, which is the same: a training runs on one device, several trainings of a study
            on several.
        precision: ``auto`` means bfloat16 where the device computes with it (CUDA; CPUs with AVX512-BF16 or
            AMX), scaled 16 bits on older CUDA devices, 32 bits elsewhere; or ``32-true``, ``bf16-mixed``,
            ``16-mixed``.
        threads: torch threads on the CPU; ``None`` leaves torch's choice.
        workers: without effect, since pictures are augmented in batches; read for old study files.
        loggers: beside the CSV: ``tensorboard``, ``mlflow``, ``wandb``.
        progress: show a progress bar.
        stop_at: seconds since 1970 before which a training stops at an epoch's end, to be continued.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    accelerator: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    devices: int | Literal["auto"] = "auto"
    precision: str = "auto"
    threads: int | None = Field(None, ge=1)
    workers: int = Field(0, ge=0)
    loggers: tuple[Literal["tensorboard", "mlflow", "wandb"], ...] = ("tensorboard",)
    progress: bool = True
    stop_at: float | None = None

    @field_validator("devices")
    @classmethod
    def _one(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value != 1:
            raise ValueError(f"{value} devices cannot share a training; give 1, or run a study on several")
        return value

    @field_validator("precision")
    @classmethod
    def _known_precision(cls, value: str) -> str:
        if value not in PRECISIONS:
            raise ValueError(f"unknown precision '{value}'; {suggestion(value, PRECISIONS)}")
        return value
