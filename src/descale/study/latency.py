"""Latency of a trial's network in ONNX Runtime on this machine: a first answer, not the device's.

One picture at the input size, the trial's number of threads, median of warmed-up runs. It is comparable
within a study that ran alone on one machine. `descale benchmark` measures on the device that counts;
its numbers go into latency.csv beside the results and then take precedence in the report.
"""

from __future__ import annotations

import logging
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from descale.models import SavedModel
from descale.runtime.clock import Pace, seconds_of, take_turns
from descale.runtime.engines.onnxruntime import open_session

logger = logging.getLogger(__name__)

RESTLESS = 1.5
"""Turns of one network that differ by this factor are told."""
PACE = Pace(seconds=2.0, rounds=5, warm_up=2, most=30)


def latency_ms(model: SavedModel, threads: int) -> float:
    """Median milliseconds of one forward pass of one picture at the model's input size."""
    height, width = model.spec.input_size
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "network.onnx"
        _export(model, path)
        session = open_session(path.read_bytes(), threads)
        picture = np.random.default_rng(0).standard_normal((1, 3, height, width), dtype=np.float32)

        def run() -> float:
            return seconds_of(lambda: session.run(None, {"image": picture}))

        turns = take_turns([run], PACE)
        if (apart := float(turns.max() / turns.min())) > RESTLESS:
            logger.warning(
                "latency of a trial: its turns differ by %.1f times, something else is running; report and "
                "pick take it as it is unless descale benchmark measures it again (docs/study.md)", apart,
            )  # fmt: skip
        return 1000 * float(np.median(turns))


def _export(model: SavedModel, path: Path) -> None:
    height, width = model.spec.input_size
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # the tracer warns of shape checks, which are constant here
        torch.onnx.export(
            model.network.eval(),
            (torch.zeros(1, 3, height, width),),
            str(path),
            input_names=["image"],
            output_names=["logits"],
            opset_version=17,
            dynamo=False,
        )
