"""Where losses and scores of a run are written: always a CSV, beside it what people look at them with."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from descale.base.errors import ConfigError

COLUMNS = ("epoch", "step", "loss", "valid_iou", "learning_rate")
Curves = Callable[[dict[str, float]], None]
"""Takes a row: :data:`COLUMNS`, with nan where there is no score."""


@contextmanager
def open_curves(folder: Path, epochs_done: int, loggers: Sequence[str]) -> Iterator[Curves]:
    """Write ``folder/metrics.csv``, one row an epoch, and tell every logger.

    Args:
        folder: of the logs.
        epochs_done: epochs of an earlier start whose rows are kept; later rows will be written again.
        loggers: of ``tensorboard``, ``mlflow``, ``wandb``.

    Raises:
        ConfigError: a logger's package is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "metrics.csv"
    rows: list[dict[str, str]] = []
    if epochs_done and path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["epoch"] or 0) < epochs_done]
    others, closings = [], []
    for name in loggers:
        try:
            tell, close = _OPENERS[name](folder)
        except ModuleNotFoundError as error:
            raise ConfigError(f"Logger '{name}' needs its package: pip install {name} ({error}).") from error
        others.append(tell)
        closings.append(close)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=COLUMNS, extrasaction="ignore", restval="")
        table.writeheader()
        table.writerows(rows)

        def write(row: dict[str, float]) -> None:
            known = {key: value for key, value in row.items() if not math.isnan(value)}
            table.writerow(known)
            file.flush()
            for tell in others:
                tell(known)

        try:
            yield write
        finally:
            for close in closings:
                close()


_Opened = tuple[Callable[[dict[str, float]], None], Callable[[], None]]


def _tensorboard(folder: Path) -> _Opened:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder))

    def tell(row: dict[str, float]) -> None:
        for key, value in row.items():
            if key not in ("epoch", "step"):
                writer.add_scalar(key, value, int(row["step"]))

    return tell, writer.close


def _mlflow(folder: Path) -> _Opened:
    import mlflow

    # MLflow's own default is a folder, which its newer versions refuse
    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db"))
    mlflow.set_experiment("descale")
    mlflow.start_run(run_name=folder.parent.name)

    def tell(row: dict[str, float]) -> None:
        mlflow.log_metrics(row, step=int(row["step"]))

    return tell, mlflow.end_run


def _wandb(folder: Path) -> _Opened:
    import wandb

    run = wandb.init(project="descale", name=folder.parent.name, dir=str(folder))

    def tell(row: dict[str, float]) -> None:
        run.log(row, step=int(row["step"]))

    return tell, run.finish  # or it would take in whatever this process trains next


_OPENERS: dict[str, Callable[[Path], _Opened]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}
