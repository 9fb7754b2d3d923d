"""Seconds of an epoch of training, on whatever this machine has; no data and no weights are needed.

    python benchmarks/training/epochs.py --out epochs.csv
    python benchmarks/training/epochs.py --out epochs.csv --against ../descale-earlier

Pictures are random: time does not depend on what they show. `--against` names a checkout of an earlier commit
(any that still has ``training/module.py``, such as b9a123d); its trainer takes the same epochs in turn with
this one, in processes of their own, and the ratio is printed. On CUDA each step is also taken apart: all of
it as one recorded graph, the same without the graph, and the network's own forward and backward pass alone.
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
COLUMNS = (
    "case", "code", "device", "torch", "threads", "precision", "seconds_epoch", "ms_step",
    "ms_step_without_graph", "ms_network", "share_beside_network",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A training whose epochs are timed.

    Attributes:
        photos: in the training split.
        source: (height, width) they are kept at.
        side: of the square pictures that the network sees.
        batch: photos a step.
        sparsity: share of the channels that are gone.
        augmentation: name.
        target: seconds an epoch on an H100, to be reached.
    """

    photos: int
    source: tuple[int, int]
    side: int
    batch: int
    sparsity: float
    augmentation: str
    target: float


CASES = {
    "dense-160": Case(736, (240, 240), 160, 16, 0.0, "standard", 0.5),
    "recovery-128": Case(736, (240, 240), 128, 8, 0.9, "standard", 0.6),
    "crops-256": Case(736, (512, 512), 256, 16, 0.0, "zoom", 1.0),
}
ENCODER = "tu-tf_efficientnet_lite0"


def network_of(case: Case) -> Any:
    """A U-Net with random weights, cut at random if it is to be sparse."""
    import torch

    from descale.models import build_network, make_spec

    torch.manual_seed(0)
    spec = make_spec("unet", ENCODER, input_size=(case.side, case.side))
    network = build_network(spec)
    if case.sparsity:
        from descale.pruning import allocate, build_channel_graph, cut_channels
        from descale.pruning.budget import first_units

        graph = build_channel_graph(network)
        network = cut_channels(network, graph, first_units(graph, allocate(graph, case.sparsity)))
    return network, spec


def arrays_of(case: Case, photos: int) -> Any:
    """Random pictures, half of whose pixels are corroded."""
    import torch

    from descale.data.loading import PixelArrays

    random = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (photos, 3, *case.source), generator=random, dtype=torch.uint8)
    return PixelArrays(images, (images[:, 0] > 127).to(torch.uint8))


def settings_of(case: Case, epochs: int) -> Any:
    """Settings of a recovery where the network is cut, of a dense training elsewhere."""
    from descale.training import TrainingConfig

    return TrainingConfig(
        epochs=epochs, batch_size=case.batch, size=(case.side, case.side), augmentation=case.augmentation,
        gradient_clip=0.3 if case.sparsity else None, validate_every=10_000,
    )  # fmt: skip


def time_epochs(case: Case, photos: int, rounds: int, precision: str) -> dict[str, Any]:
    """Median seconds of an epoch of this code, drawing its augmentation included; then of its parts."""
    import torch

    from descale.training import DeviceConfig
    from descale.training.batches import TrainingPictures
    from descale.training.devices import find_device, find_precision
    from descale.training.step import TrainingStep

    devices = DeviceConfig(precision=precision)
    device = find_device(devices)
    number = find_precision(devices, device)
    torch.set_flush_denormal(True)
    network, spec = network_of(case)
    from descale.models import memory_format

    network.to(device).to(memory_format=memory_format(network)).train()
    side = (case.side, case.side)
    pictures = TrainingPictures(arrays_of(case, photos), case.augmentation, side).to(device)
    config = settings_of(case, 100)

    def step_of() -> TrainingStep:
        return TrainingStep(
            network, spec, config, pictures,
            total_steps=pictures.steps(case.batch) * 100, device=device, precision=number,
        )  # fmt: skip

    def seconds(step: TrainingStep, record: bool) -> float:
        found = []
        for epoch in range(rounds + 1):
            start = time.perf_counter()
            shown = pictures.epoch(batch_size=case.batch, seed=0, epoch=epoch, device=device)
            if record:
                step.record(shown)
            for index in range(len(shown)):
                step(shown, index)
            step.mean_loss(len(shown))  # waits for the device
            found.append(time.perf_counter() - start)
        return median(found[1:])

    steps = pictures.steps(case.batch)
    row: dict[str, Any] = {
        "code": "this", "device": _name(device), "torch": torch.__version__,
        "threads": torch.get_num_threads(), "precision": str(number).removeprefix("torch."),
        "seconds_epoch": seconds(step_of(), record=True) * 736 / photos,
    }  # fmt: skip
    row["ms_step"] = 1000 * row["seconds_epoch"] / steps * photos / 736
    if device.type == "cuda":
        row["ms_step_without_graph"] = 1000 * seconds(step_of(), record=False) / steps
        row["ms_network"] = _network_alone(network, case, device, number)
        row["share_beside_network"] = 1 - row["ms_network"] / row["ms_step"]
    return row


def _network_alone(network: Any, case: Case, device: Any, precision: Any) -> float:
    """Milliseconds of forward and backward pass of one batch, as a graph of its own."""
    import torch

    from descale.models import memory_format

    image = torch.randn(case.batch, 3, case.side, case.side, device=device)
    image = image.contiguous(memory_format=memory_format(network))

    def both() -> None:
        network.zero_grad(set_to_none=True)
        with torch.autocast("cuda", precision, enabled=precision != torch.float32, cache_enabled=False):
            answer = network(image)
        answer.backward(torch.ones_like(answer))

    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for _ in range(3):
            both()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        both()
    for _ in range(5):
        graph.replay()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(50):
        graph.replay()
    torch.cuda.synchronize()
    return 1000 * (time.perf_counter() - start) / 50


def _name(device: Any) -> str:
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {len(os.sched_getaffinity(0))} cores"


def earlier_epochs(case: Case, photos: int, rounds: int, precision: str) -> dict[str, Any]:
    """The same with the trainer of an earlier checkout, which is the one that gets imported here."""
    import torch

    from descale.training import DeviceConfig

    def of_then(module: str, name: str) -> Any:
        return getattr(importlib.import_module(f"descale.{module}"), name)

    SegmentationModule = of_then("training.module", "SegmentationModule")
    AugmentedPhotos = of_then("training.batches", "AugmentedPhotos")
    make_augmentation = of_then("data.augment", "make_augmentation")
    fit = of_then("training.fit", "fit")

    network, spec = network_of(case)
    source = AugmentedPhotos(
        arrays_of(case, photos), make_augmentation(case.augmentation, (case.side, case.side))
    )
    config = settings_of(case, rounds + 1)
    steps = source.steps(case.batch)
    module = SegmentationModule(network, spec, config, total_steps=steps * (rounds + 1))
    begins: list[float] = []
    original = SegmentationModule.on_train_epoch_start

    def begin(self: Any) -> None:
        begins.append(time.perf_counter())
        original(self)

    SegmentationModule.on_train_epoch_start = begin
    devices = DeviceConfig(precision=precision, loggers=(), progress=False, devices=1)
    with tempfile.TemporaryDirectory() as folder:
        fit(
            module, source, arrays_of(case, 2), config, Path(folder),
            seed=0, label="earlier", devices=devices,
        )  # fmt: skip
    spans = [after - before for before, after in pairwise(begins)]
    return {
        "code": "earlier", "device": _name(torch.device("cuda" if torch.cuda.is_available() else "cpu")),
        "torch": torch.__version__, "threads": torch.get_num_threads(), "precision": precision,
        "seconds_epoch": median(spans[1:] or spans) * 736 / photos,
        "ms_step": 1000 * median(spans[1:] or spans) / steps,
    }  # fmt: skip


def in_process(
    code: Path | None, name: str, photos: int, rounds: int, threads: int, precision: str
) -> dict[str, Any]:
    """One timing in a process of its own, with this code or an earlier one."""
    source = HERE.parents[1] if code is None else code
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join([str(source / "src"), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads),
    }  # fmt: skip
    given = [name, str(photos), str(rounds), precision, "this" if code is None else "earlier"]
    command = [sys.executable, str(Path(__file__).resolve()), "--one", *given]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return {"case": name} | json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, help="CSV file; a row is added as soon as it is measured")
    parser.add_argument("--against", type=Path, help="checkout of an earlier commit")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--photos", type=int, default=736, help="fewer give a shorter run; epochs are scaled")
    parser.add_argument("--rounds", type=int, default=3, help="epochs that are timed, after one that is not")
    parser.add_argument("--turns", type=int, default=1, help="how often both codes take their turn")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, photos, rounds, precision, code = given.one
        time_one = time_epochs if code == "this" else earlier_epochs
        print(json.dumps(time_one(CASES[name], int(photos), int(rounds), precision)), flush=True)
        return
    rows: list[dict[str, Any]] = []
    for _ in range(given.turns):
        for name in given.cases.split(","):
            for code in (None, given.against) if given.against and name != "crops-256" else (None,):
                row = in_process(code, name, given.photos, given.rounds, given.threads, given.precision)
                rows.append(row)
                print(
                    f"{name:14s} {row['code']:8s} {row['seconds_epoch']:8.2f} s an epoch of 736 "
                    f"(H100: at most {CASES[name].target:g})  " + _parts(row),
                    flush=True,
                )
                if given.out:
                    with given.out.open("w", newline="", encoding="utf-8") as stream:
                        writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
                        writer.writeheader()
                        writer.writerows(_rounded(one) for one in rows)
    for name in given.cases.split(","):
        spans = {
            code: [row["seconds_epoch"] for row in rows if (row["case"], row["code"]) == (name, code)]
            for code in ("this", "earlier")
        }
        if spans["earlier"]:
            print(f"{name}: {median(spans['earlier']) / median(spans['this']):.2f} times faster than earlier")


def _parts(row: dict[str, Any]) -> str:
    return ", ".join(
        f"{key} {row[key]:.2f}"
        for key in ("ms_step", "ms_step_without_graph", "ms_network", "share_beside_network")
        if key in row
    )


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: f"{value:.4g}" if isinstance(value, float) else value for key, value in row.items()}


if __name__ == "__main__":
    main()
