from pydantic import BaseModel, ConfigDict

from descale.training.config import DeviceConfig, TrainingConfig

__all__ = ["DeviceConfig", "PruningConfig", "TrainingConfig"]


class PruningConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    strategy: str = "agp"
    sparsity: float = 0.5
    recipe: str = "descale"


def strategy_names() -> tuple[str, ...]:
    return ("linear", "agp", "movement", "random", "one-shot")
