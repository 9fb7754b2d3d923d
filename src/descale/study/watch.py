"""What a person sees while a study runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from descale.study.folder import Row, StudyFolder
from descale.study.trial import Trial

CONSOLE = Console(emoji=False, stderr=True, highlight=False, soft_wrap=True)


class LineWatcher:
    """One line when a trial starts and one when it ends; training shows its own progress bar in between."""

    def __init__(self, trials: Sequence[Trial], folder: StudyFolder) -> None:
        self._position = {trial.id: index for index, trial in enumerate(trials, start=1)}
        self._began = time.monotonic()
        done = sum(folder.result(trial.id) is not None for trial in trials)
        if done:
            CONSOLE.print(f"{done} of {len(trials)} trials are done already")

    def started(self, trial: Trial) -> None:
        self._began = time.monotonic()
        CONSOLE.print(f"[bold]{self._position[trial.id]}/{len(self._position)}[/] {escape(trial.title)}")

    def finished(self, trial: Trial, row: Row) -> None:
        CONSOLE.print(f"  {summary(row)}, {time.monotonic() - self._began:.0f} s")

    def failed(self, trial: Trial, reason: str) -> None:
        CONSOLE.print(f"  [red]failed:[/] {escape(reason)}")


class SilentWatcher:
    """For worker processes, whose parent shows the progress of all."""

    def started(self, trial: Trial) -> None: ...

    def finished(self, trial: Trial, row: Row) -> None: ...

    def failed(self, trial: Trial, reason: str) -> None: ...


def summary(row: Row) -> str:
    """The headline of a finished trial.

    >>> summary({"iou_corrosion": 0.5, "iou_drop": 0.125, "macs": 11_000_000})
    'corrosion IoU 0.500, drop 0.125, 11 M MACs'
    """
    parts = []
    iou, drop, macs = row.get("iou_corrosion"), row.get("iou_drop"), row.get("macs")
    if isinstance(iou, (int, float)):
        parts.append(f"corrosion IoU {iou:.3f}")
    if isinstance(drop, (int, float)):
        parts.append(f"drop {drop:.3f}")
    if isinstance(macs, (int, float)):
        parts.append(f"{macs / 1e6:.3g} M MACs")
    return ", ".join(parts) or "done"
