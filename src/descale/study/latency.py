"""Latency of a trial's network in ONNX Runtime on this machine: a first answer, not the device's.

One picture at the input size, the trial's number of threads, median of warmed-up runs. It is comparable
within a study that ran alone on one machine. `descale benchmark` measures on the device that counts;
its numbers go into latency.csv beside the results and then take precedence in the report.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch

from descale.models import SavedModel
from descale.runtime.clock import Pace, seconds_of, take_turns
from descale.runtime.engines.onnxruntime import open_session

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

        return 1000 * float(np.median(take_turns([run], PACE)))


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
