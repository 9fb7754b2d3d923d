"""Latency of a trial's network in ONNX Runtime on this machine: a first answer, not the device's.

One picture at the input size, the trial's number of threads, median of warmed-up runs. It is comparable
within a study that ran alone on one machine. `descale benchmark` measures on the device that counts;
its numbers go into latency.csv beside the results and then take precedence in the report.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch

from descale.models import SavedModel
from descale.runtime.engines.onnxruntime import open_session

WARM_UP = 2
LEAST_RUNS, MOST_RUNS = 5, 30
SECONDS = 2.0


def latency_ms(model: SavedModel, threads: int) -> float:
    """Median milliseconds of one forward pass of one picture at the model's input size."""
    height, width = model.spec.input_size
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "network.onnx"
        _export(model, path)
        session = open_session(path.read_bytes(), threads)
        picture = np.random.default_rng(0).standard_normal((1, 3, height, width), dtype=np.float32)
        for _ in range(WARM_UP):
            session.run(None, {"image": picture})
        return 1000 * median(_timings(lambda: session.run(None, {"image": picture})))


def _timings(run: Callable[[], object]) -> list[float]:
    timings: list[float] = []
    while len(timings) < LEAST_RUNS or (sum(timings) < SECONDS and len(timings) < MOST_RUNS):
        began = time.perf_counter()
        run()
        timings.append(time.perf_counter() - began)
    return timings


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
