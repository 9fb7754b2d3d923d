"""Export a model's folder: what the command and the library call alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from descale.base.errors import ConfigError
from descale.base.files import NotText, read_text
from descale.base.settings import require_number
from descale.deploy.export.bundle import Exported, export_model
from descale.deploy.export.checks import check_output, choose_targets, find_photos, require_int8
from descale.deploy.quantize.gate import GateSettings
from descale.deploy.quantize.pictures import load_quantization_data
from descale.models import load_model
from descale.runtime.clock import Pace

PACE = Pace(seconds=1.0, rounds=5)
"""How long each network is timed on this machine, in each engine."""


def export(
    model: str | Path,
    out: str | Path,
    *,
    to: str | Sequence[str] = ("onnx",),
    photos: str | Path | Sequence[str | Path] = (),
    half_weights: bool = False,
    int8: bool = False,
    calibrate: str | Path | None = None,
    tolerance: float = 0.01,
    card_note: str | Path | None = None,
) -> Exported:
    """Export a model to a bundle for devices without torch.

    The export is compared with the model before it is kept: at least 99.9 % of the pixels must get the same
    class. INT8 is judged on the validation split. Then the network (for INT8 also the one in float32) is
    timed on this machine for about a second in each installed engine: ``timing`` of the result tells which
    is fastest here. What cannot be timed is logged and does not fail the export.

    Args:
        model: its folder, as :func:`descale.train` and :func:`descale.prune` return it.
        out: bundle to write: a folder, or a file if the name ends in ``.zip``.
        to: ``onnx``, ``openvino`` or ``ncnn``, one or several; the first is opened first.
        photos: photos or folders of photos on which export and model are compared; made-up pictures where
            there are none.
        half_weights: store the weights in 16 bits, for a file of half the size; the network computes in
            float32 as before. Not with ``int8``.
        int8: quantize to INT8; needs ``calibrate``.
        calibrate: data set for INT8, as for :func:`descale.load_dataset`: its training split gives ranges,
            its validation split judges.
        card_note: Markdown file that the bundle's card ends with: where the photos come from, under which
            licence, what the model is not for.
        tolerance: INT8 fails if the corrosion IoU falls by more than this, 0..1.

    Raises:
        ConfigError: a setting is wrong, or a target has no INT8.
        DataError: a photo or the data set cannot be read.
        ExportError: the network cannot be exported, the export decides differently than the model, INT8
            loses too much, or ``out`` holds something else.
        ModelError: the model's folder is missing or damaged.

    >>> import descale                                                          # doctest: +SKIP
    >>> bundle = descale.export("runs/small/model", "small.zip")                # doctest: +SKIP
    >>> bundle.parity["onnx"].same >= 0.999                                     # doctest: +SKIP
    True
    >>> bundle.timing.best.precision                                            # doctest: +SKIP
    'float32'
    """
    if int8 and calibrate is None:
        raise ConfigError("--int8 needs photos with labels: give a data set, --calibrate (calibrate=...).")
    if calibrate is not None and not int8:
        raise ConfigError(
            "--calibrate is only used with --int8. Add --int8 (int8=True), or leave calibrate out."
        )
    require_number("tolerance", tolerance)
    if not int8 and tolerance != GateSettings.tolerance:
        raise ConfigError("--tolerance is what INT8 may lose. Add --int8 (int8=True), or leave it out.")
    gate = GateSettings(tolerance)
    names = [to] if isinstance(to, str) else list(to)
    targets = choose_targets(names)
    if int8:
        require_int8(targets, half_weights=half_weights)
    check_output(Path(out))
    note = _note(card_note)
    several = [photos] if isinstance(photos, str | Path) else photos
    found = find_photos([Path(photo) for photo in several])
    saved = load_model(Path(model))
    data = load_quantization_data(calibrate, saved.spec) if calibrate is not None else None
    return export_model(
        saved, Path(out), targets=names, photos=found, half_weights=half_weights, int8=data, gate=gate,
        note=note, pace=PACE,
    )  # fmt: skip


def _note(path: str | Path | None) -> str:
    if path is None:
        return ""
    try:
        return read_text(Path(path)).strip()
    except NotText as error:
        raise ConfigError(f"--card-note {path}: {error}") from error
    except OSError as error:
        raise ConfigError(f"--card-note {path} cannot be read: {error}. Give a text file.") from error
