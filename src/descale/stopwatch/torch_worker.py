"""Measure a model folder in PyTorch eager; the counterpart of :mod:`descale.stopwatch.worker`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from descale.runtime.clock import Timed
from descale.stopwatch.measure import Contestant
from descale.stopwatch.worker import serve

WORKER = "descale.stopwatch.torch_worker"


def torch_contestant(folder: Path, *, size: tuple[int, int]) -> Contestant:
    """A model folder to be run in PyTorch eager.

    Raises:
        ModelError: the folder cannot be loaded.
    """
    from descale.deploy.export.record import bundle_name
    from descale.models import count_macs, load_model, weights_bytes

    model = load_model(folder)
    return Contestant(
        name=bundle_name(model),
        worker=WORKER,
        path=folder,
        engine="torch eager",
        precision="float32",
        bytes_on_disk=weights_bytes(folder),
        macs=count_macs(model.network, size),
        moved=0,
    )


def load_torch(job: dict[str, Any]) -> tuple[Timed, dict[str, Any]]:
    """The network as it was trained, contiguous layout, without gradients."""
    import torch

    from descale.models import Normalisation, load_model, predict_classes

    torch.set_num_threads(job["threads"])
    torch.set_flush_denormal(True)
    model = load_model(Path(job["path"]))
    normalise = Normalisation(model.spec)

    @torch.inference_mode()
    def timed(picture: NDArray[np.uint8]) -> tuple[float, float, float, float]:
        start = time.perf_counter()
        pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()
        pixels = normalise(pixels)
        ready = time.perf_counter()
        logits = model.network(pixels)
        ran = time.perf_counter()
        predict_classes(logits, model.spec.threshold).numpy()
        end = time.perf_counter()
        return ready - start, ran - ready, end - ran, end - start

    return timed, {"engine": "torch eager"}


if __name__ == "__main__":
    serve(load_torch)
