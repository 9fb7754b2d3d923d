"""Compress: check, train parents, search, recover, export; what the command and the library call alike."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from descale.base.classes import BINARY, ClassTable
from descale.base.errors import ConfigError
from descale.base.files import replacing_file, write_text
from descale.base.home import expanded
from descale.base.machine import usable_cores
from descale.base.settings import by_name, require_seed, require_whole, validated
from descale.compression.candidates import RESERVE, find_candidates
from descale.compression.checks import checked_output, largest_side, require_corrosion, require_space
from descale.compression.costs import KnownCosts
from descale.compression.device_times import DeviceTimes, read_times, write_networks
from descale.compression.finish import finish
from descale.compression.journal import Journal
from descale.compression.page import render
from descale.compression.request import Limits, Request, checked_side, working_sizes
from descale.compression.result import Final, Tried, nearest
from descale.compression.search import Search
from descale.compression.stages import Stages
from descale.compression.untrained import Untrained
from descale.data.check.refuse import checked_dataset
from descale.models import DEFAULT_ENCODER, half_of, make_spec
from descale.runtime.engines import ENGINES, installed_engine
from descale.training.config import DeviceConfig
from descale.training.devices import check_devices
from descale.training.run_folder import claimed_folder, content_of_weights

logger = logging.getLogger(__name__)

ARCHITECTURES = ("unet", "fpn")
HALVES_FROM = 10.0
"""Minutes from which on networks that end at half resolution are timed too, which takes two."""


@dataclass(frozen=True)
class Compressed:
    """What came of it.

    Attributes:
        bundle: that was written, or ``None`` where the limits cannot be met.
        report: a page that tells what was tried and why this was chosen; ``None`` where nothing was trained.
        final: the network that was recovered fully, within the limits or not.
        tried: everything that was trained.
        offers: where the limits cannot be met, the nearest there is, a sentence each.
        missed: which limits, in words; empty if all are kept.
    """

    bundle: Path | None
    report: Path | None
    final: Final | None
    tried: tuple[Tried, ...] = ()
    offers: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()


def compress(
    data: str | Path,
    out: str | Path,
    *,
    max_ms: float | None = None,
    max_drop: float | None = None,
    max_mb: float | None = None,
    max_macs: float | None = None,
    minutes: float | None = None,
    engine: str = "auto",
    int8: bool | None = None,
    device_times: str | Path | Sequence[str | Path] = (),
    architectures: str | Sequence[str] = ARCHITECTURES,
    encoder: str = DEFAULT_ENCODER,
    encoder_weights: str = "imagenet",
    size: int | tuple[int, int] | None = None,
    threads: int | None = None,
    binary: bool = False,
    work: str | Path | None = None,
    devices: Mapping[str, Any] | None = None,
    seed: int = 0,
    accept_problems: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Compressed:
    """Train, prune and export the best network within limits of time, size and loss.

    Dense parents are trained first, and made to end at half resolution where they can. For every network and
    working size the widest that keeps the limits is a candidate, its cost known before it is trained.
    Candidates are recovered briefly, the better ones longer (successive halving), the winner fully; it is
    exported, quantized where that pays, and measured. Choices are made on the validation split alone.
    Interrupt it as you like: the same call goes on.

    Args:
        data: a data set as for :func:`descale.load_dataset`, with a training and a validation split.
        out: bundle to write, a ``.zip``; the report goes beside it.
        max_ms: milliseconds of inference of one picture at the network's working size.
        max_drop: points of corrosion IoU (0..100) below the best dense network.
        max_mb: megabytes of the bundle, whose weights are then stored in 16 bits.
        max_macs: multiply-accumulates of one picture at the working size.
        minutes: time for everything; ``None`` takes what a good result takes, hours on a CPU.
        engine: that will run it: ``auto``, ``openvino`` or ``onnxruntime``.
        int8: quantize, and let the limit of time be that of INT8; where that loses too much, it counts as a
            limit that is missed. ``None`` does so too where INT8 is measured to be faster on this machine,
            and elsewhere quantizes in the end where it loses little and is faster.
        device_times: files of ``descale benchmark --csv`` of the networks that :func:`networks_to_time`
            wrote, measured on the device that will run it.
        architectures: dense networks to begin with; those after the first only where there is time.
        encoder: any encoder of segmentation_models_pytorch.
        encoder_weights: what it starts from: ``imagenet``, ``none``, or a file.
        size: side, or (height, width), of the largest working size; by default of the photos, 512 at most.
        threads: that the engine may use; by default all cores.
        binary: merge all classes of corrosion into one.
        work: folder for trainings; by default beside ``out``.
        devices: settings of :class:`descale.training.DeviceConfig` by name.
        seed: of everything random.
        accept_problems: go on although the check of the data failed.
        tell: called with a line for people at every step.

    Raises:
        ConfigError: a limit or setting makes no sense, or the work folder holds another job.
        DataError: the photos cannot be used: no labels, no corrosion, no validation split.
        ExportError: the network cannot be exported.

    A result within limits is ``descale.compress("photos", "small.zip", max_ms=20, minutes=60).bundle``. What
    cannot be reached is said before anything is trained:

    >>> import descale                                                              # doctest: +SKIP
    >>> result = descale.compress("photos", "tiny.zip", max_mb=0.001, architectures=["linknet"])
    ...                                                                             # doctest: +SKIP
    >>> result.missed[0][:30], result.bundle                                        # doctest: +SKIP
    ('no network reaches the limits:', None)
    """
    tell = tell or logger.info
    architectures = (architectures,) if isinstance(architectures, str) else tuple(architectures)
    files = [device_times] if isinstance(device_times, str | Path) else device_times
    limits = Limits(max_ms, max_drop, max_mb, max_macs)
    side = None if size is None else checked_side(size)
    began = time.time()
    out = checked_output(expanded(out))
    engine = installed_engine(engine, elsewhere=bool(files))
    where = validated(DeviceConfig, {"loggers": (), **by_name(devices, "devices")}, section="devices")
    check_devices(where)
    require_seed(seed)
    if threads is not None:
        require_whole("threads", threads)
    if files and size is not None:
        raise ConfigError("The sizes are those that the device was timed at; leave --size out.")
    times = read_times([expanded(path) for path in files], engine, int8=int8 is True) if files else None
    dataset = checked_dataset(data, binary=binary, accept_problems=accept_problems)
    require_corrosion(dataset, data)
    sides = times.sides if times is not None else working_sizes(largest_side(side, dataset))
    if times is not None and threads not in (None, times.threads):
        raise ConfigError(
            f"--threads {threads}: the device was timed with {times.threads}; leave it out, or time it anew."
        )
    used = threads if threads is not None else (usable_cores() if times is None else times.threads)
    if times is None and used > usable_cores():
        raise ConfigError(
            f"--threads {used}: this process may use {usable_cores()} cores, and times with more mean "
            "nothing. For another device see --networks-to."
        )
    request = Request(
        limits, minutes, architectures, encoder, encoder_weights, engine, used, int8, seed, sides,
    )  # fmt: skip
    folder = expanded(work) if work is not None else out.with_name(f"{out.stem}-work")
    settings = {"command": "compress", "data": dataset.fingerprint(), **request.to_json()}
    settings["device_times"] = None if times is None else times.to_json()
    settings |= content_of_weights(encoder_weights)
    with claimed_folder(folder, settings):
        require_space(folder)
        journal = Journal(folder, began=began)
        stages = Stages(request, dataset, folder, journal, where)
        costs = KnownCosts(request, dataset.classes, journal, folder, times, tell)
        if times is not None:
            tell(f"Times are those of {times.device}, {times.threads} threads.")
        with journal.kept_up():
            halves = _halves(request, times)
            return _compress(stages, costs, data, out, tell, halves=halves, elsewhere=times is not None)


def networks_to_time(
    folder: str | Path,
    *,
    architectures: Sequence[str] = ARCHITECTURES,
    encoder: str = DEFAULT_ENCODER,
    engine: str = "onnxruntime",
    classes: ClassTable = BINARY,
    int8: bool = False,
) -> list[Path]:
    """Write untrained networks to be timed on another device; returns the bundles.

    Copy them there, time them at every working size with ``descale benchmark FOLDER/*.zip --size 512x512
    --csv times-512.csv``, and give the files to :func:`compress` as ``device_times``.

    Args:
        folder: to write to.
        architectures: that will be compressed.
        encoder: of all of them.
        engine: that the device has.
        classes: of the labels.
        int8: quantize them, for a compression with ``int8=True``.

    Raises:
        ConfigError: a name is unknown.
        ExportError: a network cannot be exported.
    """
    if engine not in ENGINES:
        raise ConfigError(f"Engine '{engine}' is unknown. Choose of: {', '.join(ENGINES)}.")
    ends = (half_of(name) for name in architectures)
    names = dict.fromkeys((*architectures, *(name for name in ends if name is not None)))
    networks = [Untrained(make_spec(name, encoder, classes=classes)) for name in names]
    return write_networks(networks, expanded(folder), ENGINES[engine].reads[0], int8=int8)


def _compress(
    stages: Stages,
    costs: KnownCosts,
    source: str | Path,
    out: Path,
    tell: Callable[[str], None],
    *,
    halves: tuple[str, ...],
    elsewhere: bool,
) -> Compressed:
    request = stages.request
    count = {name: len(stages.dataset.split(name)) for name in ("train", "valid", "test")}
    tell(
        f"{stages.dataset.name}: {count['train']} photos to train on, {count['valid']} to choose by, "
        f"{count['test']} to score on. Networks for {request.engine} with {request.threads} threads, at "
        f"{', '.join(f'{height}x{width}' for height, width in request.sides)}."
    )
    kinds = (*request.architectures, *halves)
    found = find_candidates(
        kinds, request.sides, request.limits, costs, int8=costs.int8, reserve=0.0 if elsewhere else RESERVE
    )
    if not found.fitting:
        least = found.cheapest
        megabytes = least.costs.megabytes(request.limits, int8=costs.int8)
        line = (
            f"The least that can be built: {least.title}, {least.costs.ms:.2f} ms, "
            f"{least.costs.macs:.3g} MACs, {megabytes:.2g} MB."
        )
        asked = ", ".join(least.costs.missed(request.limits, int8=costs.int8))
        return Compressed(None, None, None, (), (line,), (f"no network reaches the limits: {asked}",))
    search = Search(stages, costs, found.fitting, tell)
    search.plan()
    search.train_parents()
    ranked = search.rank()
    finished = []
    for candidate in ranked:
        made = search.recover(candidate)
        tell(f"{search.where('4/4 export')}: scoring, exporting and timing {candidate.title}")
        finished.append(
            finish(
                candidate, made, search.dense, stages.dataset, source, request, stages.folder / "bundles",
                stages.devices, journal=stages.journal, elsewhere=elsewhere,
            )
        )  # fmt: skip
        missed = finished[-1].final.violations_by_validation(request.limits)
        if not missed or not search.time_for_another():
            break
        tell(f"{candidate.title}, on validation photos: {', '.join(missed)}; trying the next")
    taken = finished[nearest([one.final for one in finished], request.limits)]
    final = taken.final
    missed = final.violations(request.limits)
    offered = tuple(search.offers(final)) if missed else ()
    page = render(request, stages.dataset, search, final, missed, offered)
    if missed:
        report = stages.folder / "report.html"
        write_text(report, page)
        return Compressed(None, report, final, tuple(search.tried), offered, missed)
    report = out.with_name(f"{out.stem}-report.html")
    with replacing_file(out) as temporary:
        shutil.copyfile(taken.bundle, temporary)
    write_text(report, page)
    return Compressed(out, report, final, tuple(search.tried))


def _halves(request: Request, times: DeviceTimes | None) -> tuple[str, ...]:
    """What ends at half resolution and is tried too: all of it where there is time to measure it."""
    if request.minutes is not None and request.minutes < HALVES_FROM:
        return ()
    if times is None:
        return request.halves
    return tuple(name for name in request.halves if times.knows(name, request.encoder))
