"""A trial runner that trains nothing: fast, deterministic, continuable, and able to fail on demand.

Run as a script it works a study off, so that tests can kill it.
"""

from __future__ import annotations

import hashlib
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from descale.base.errors import DescaleError, TimeIsUp
from descale.base.files import write_json, write_text
from descale.study.config import StudyData
from descale.study.folder import Row
from descale.study.trial import DataDescription, Trial

# seconds a test waits for a process it started: many times what one takes, for machines that are busy
PATIENCE = 300

STUDY = """
name: fake
data:
  - source: .
architectures: [unet, fpn]
encoders: [resnet18]
encoder_weights: none
strategies: [linear, agp]
controls: [random, slim-scratch]
sparsities: [0.5, 0.9]
seeds: [0, 1]
"""


@dataclass(frozen=True)
class FakeRunner:
    """Takes ``epochs`` steps of ``seconds`` each and gives numbers made from the trial's id.

    Every finished run of a trial appends a line to ``runs/<trial>`` beside the study folder, so that a
    test can count how often it was done. Trials whose title contains ``fails`` fail while the file
    ``broken`` exists there. Those whose title contains ``stops`` stop after an epoch.
    """

    seconds: float = 0.0
    epochs: int = 2
    fails: str = "nothing"
    stops: str = "nothing"
    photos: tuple[str, ...] = ("a", "b", "c")

    def describe(self, data: StudyData, root: Path) -> DataDescription:
        return DataDescription(data.name or "set", "f" * 64, self.photos)

    def prepare(self, threads: int) -> None:
        pass

    def run(self, trial: Trial, trials: Path) -> Row:
        beside = trials.parent.parent
        if self.fails in trial.title and (beside / "broken").exists():
            raise DescaleError("the loss is not finite at epoch 3; lower the learning rate")
        for parent in trial.parents:
            assert (trials / parent / "result.json").exists(), "a child ran before its parent"
        work = trials / trial.id / "work"
        work.mkdir(exist_ok=True)
        done = len(list(work.glob("epoch*")))
        for epoch in range(done, self.epochs):
            time.sleep(self.seconds)
            write_text(work / f"epoch{epoch}", "x" * 1000)
            if self.stops in trial.title:
                raise TimeIsUp(f"stopped after epoch {epoch + 1}")
        write_json(trials / trial.id / "model" / "model.json", {"made": "up"})
        (beside / "runs").mkdir(exist_ok=True)
        with (beside / "runs" / trial.id).open("a") as stream:
            stream.write(f"{os.getpid()}\n")
        number = int(hashlib.sha256(trial.id.encode()).hexdigest()[:8], 16) / 0xFFFFFFFF
        return {"iou_corrosion": number, "params": int(number * 1e6), "seconds": 1.0}


def main() -> None:
    from descale.study.run import open_study, run_study

    file, out, seconds, parallel = sys.argv[1:]
    runner = FakeRunner(float(seconds))
    study = open_study(Path(file), Path(out), runner)
    run_study(study, runner, parallel=int(parallel))


if __name__ == "__main__":
    main()
