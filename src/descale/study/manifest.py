"""study.json: what made a study, enough to rerun it: file, data hashes, versions, machine, starts."""

from __future__ import annotations

import json
import platform
import shlex
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from descale import __version__
from descale.base.files import write_json
from descale.base.machine import processor, usable_cores
from descale.study.folder import StudyFolder
from descale.study.trial import RESULT_VERSION, Trial

MANIFEST = "study.json"
PACKAGES = (
    "torch",
    "torchvision",
    "segmentation-models-pytorch",
    "timm",
    "torch-pruning",
    "numpy",
    "pillow",
)


def record_start(
    folder: StudyFolder,
    name: str,
    file: Path,
    text: str,
    trials: Sequence[Trial],
    *,
    parallel: int,
    threads: int,
) -> None:
    """Write the manifest, or add this start to it; earlier starts are kept."""
    with folder.exclusive("manifest"):
        path = folder.root / MANIFEST
        try:
            starts = list(json.loads(path.read_text(encoding="utf-8"))["starts"])
        except (FileNotFoundError, ValueError, KeyError):
            starts = []
        data = {trial.dataset: trial for trial in trials}
        write_json(
            path,
            {
                "format": 1,
                "study": name,
                "study_file": str(file),
                "study_text": text,
                "result_version": RESULT_VERSION,
                # folds of a leave-one-out trial are pooled into its one row of the table
                "trials": sum(trial.fold is None for trial in trials),
                "data": [
                    {
                        "name": dataset,
                        "fingerprint": trial.fingerprint,
                        **({} if trial.clean is None else {"clean_fingerprint": trial.clean}),
                        **trial.data.model_dump(mode="json", exclude_defaults=True, exclude={"name"}),
                    }
                    for dataset, trial in data.items()
                ],
                "starts": [*starts, {**environment(), "parallel": parallel, "threads": threads}],
            },
        )


def environment() -> dict[str, Any]:
    """Time, command, commit, versions and machine, as JSON values."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(sys.argv),
        "descale": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "versions": {package: _version(package) for package in PACKAGES},
        "machine": {
            "system": platform.platform(),
            "processor": processor(),
            "cores": usable_cores(),
            "gpus": _gpus(),
        },
    }


def commit() -> str | None:
    """Commit of the checkout that this package runs from, ``+changes`` if files differ; None if installed."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no", "--", ".")
    except (OSError, subprocess.SubprocessError):
        return None
    return head + ("+changes" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")  # a study whose trials run elsewhere need not import it
    if torch is None or not torch.cuda.is_available():
        return []
    return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
