"""The CSV of a run's losses and scores, whole however often the run is stopped."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger

FOLDER = "log"


def csv_logger(folder: Path, epochs_done: int) -> CSVLogger:
    """Lightning's logger of ``folder/log/metrics.csv``, which by itself would begin anew.

    Args:
        folder: of the run.
        epochs_done: epochs of an earlier start whose rows are kept; later rows will be written again.
    """
    path = folder / FOLDER / "metrics.csv"
    rows: list[dict[str, str]] = []
    if epochs_done and path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if int(row["epoch"] or 0) < epochs_done]
    logger = CSVLogger(folder, name="", version=FOLDER)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Experiment logs directory")
        writer = logger.experiment  # removes what stands there
    if rows and hasattr(writer, "metrics_keys"):  # the processes of other devices have a dummy
        writer.metrics_keys = list(rows[0])
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=writer.metrics_keys)
            table.writeheader()
            table.writerows(rows)
    return logger
