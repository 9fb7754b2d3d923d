from pydantic import BaseModel, ConfigDict


class TrainingConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    epochs: int = 10
    batch_size: int = 8
    size: tuple[int, int] = (160, 160)
    loss: str = "tversky"


class PruningConfig(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    strategy: str = "agp"
    sparsity: float = 0.5
    recipe: str = "descale"


def strategy_names() -> tuple[str, ...]:
    return ("linear", "agp", "movement", "random", "one-shot")
