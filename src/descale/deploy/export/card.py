"""The model card: what a person must know before relying on a bundle, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2

from descale.base.columns import COLUMNS
from descale.base.files import write_text
from descale.evaluation.false_alarms import KEPT, in_words
from descale.models import ARCHITECTURES, SavedModel
from descale.runtime.manifest import BundleManifest

SCORES = ("iou_corrosion", "f1_corrosion", "iou_mean", "iou_paper")


@dataclass(frozen=True)
class Score:
    """One line of the card's table; ``interval`` and ``floor`` are empty where not known."""

    split: str
    title: str
    value: str
    interval: str
    floor: str


def write_card(
    path: Path, model: SavedModel, manifest: BundleManifest, size_bytes: int, note: str = ""
) -> None:
    """Write the card of a bundle.

    Args:
        size_bytes: of the network files in the bundle.
        note: Markdown that it ends with.
    """
    template = jinja2.Environment(
        trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True
    ).from_string(files(__package__).joinpath("card.md.jinja").read_text(encoding="utf-8"))
    record = manifest.provenance
    text = template.render(
        manifest=manifest,
        spec=model.spec,
        title=find_title(model.spec.architecture),
        made=model.provenance,
        scores=score_lines(model.metrics),
        false_alarms=false_alarm_line(model.metrics),
        costs=record["costs"],
        record=record,
        size_bytes=size_bytes,
        note=note,
    )
    write_text(path, text)


def find_title(architecture: str) -> str:
    """How the architecture is written for people; its name if it is not in the registry."""
    known = ARCHITECTURES.get(architecture)
    return known.title if known else architecture


def score_lines(metrics: Mapping[str, Any]) -> list[Score]:
    """Scores by split, with interval and with the best constant answer beside them where known."""
    lines = []
    for split, summary in metrics.items():
        if not isinstance(summary, Mapping):
            continue
        scores = summary.get("scores", summary)
        for name in SCORES:
            value = scores.get(name)
            if not isinstance(value, int | float):
                continue
            interval = (summary.get("intervals") or {}).get(name) or {}
            floor = (summary.get("trivial") or {}).get(name)
            lines.append(
                Score(
                    split,
                    COLUMNS[name].title,
                    f"{value:.3f}",
                    f"{interval['low']:.3f} to {interval['high']:.3f}" if _bounded(interval) else "",
                    f"{floor:.3f}" if isinstance(floor, int | float) else "",
                )
            )
    return lines


def false_alarm_line(metrics: Mapping[str, Any]) -> str:
    """What was called corroded on photos without corrosion, as a sentence; empty where it was not counted."""
    found = metrics.get(KEPT)
    if not isinstance(found, Mapping) or "share" not in found:
        return ""
    return f"Of photos without any corrosion ({found['folder']}): {in_words(found)}."


def _bounded(interval: Mapping[str, Any]) -> bool:
    return all(isinstance(interval.get(side), int | float) for side in ("low", "high"))
