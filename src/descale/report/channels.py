"""Where channels were removed: from the widths in the trials' model.json."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from descale.report.cells import Cell
from descale.report.evidence import StudyTrials
from descale.report.looks import architecture_title, strategy_title
from descale.report.words import joined

STAGE = re.compile(r"\b(?:layer|blocks|stages|features|denseblock|s|block|p|x_)[._]?(\d+)")


@dataclass(frozen=True)
class Profile:
    """Widths of one network before and after pruning.

    Attributes:
        title: the network and the strategies that ended with exactly these widths.
        layers: name, output channels before, after; in the order of the network.
        parts: name of each part of the network, channels before, after.
        borders: index of the first layer of each part, and its name.
    """

    title: str
    layers: tuple[tuple[str, int, int], ...]
    parts: tuple[tuple[str, int, int], ...]
    borders: tuple[tuple[int, str], ...]

    @property
    def summary(self) -> str:
        """Which parts kept the most and the least."""
        cut = [(after / before, name) for name, before, after in self.parts if name != "head"]
        if not cut:
            return ""
        least, most = min(cut), max(cut)
        return (
            f"least kept: {least[1]} ({100 * least[0]:.0f} %), most kept: {most[1]} ({100 * most[0]:.0f} %)"
        )


def channel_profiles(cells: Sequence[Cell], trials: StudyTrials, sparsity: float) -> list[Profile]:
    """Profiles of the first seed of every pruned configuration at one sparsity.

    Strategies that removed the same number of channels everywhere share one profile.
    """
    grouped: dict[tuple[tuple[str, str], tuple[tuple[str, int, int], ...]], list[Cell]] = {}
    for cell in cells:
        if cell.dense or cell.strategy == "slim-scratch" or cell.sparsity != sparsity:
            continue
        layers = _layers(trials.description(cell.results[0].trial))
        if layers:
            grouped.setdefault((cell.network, layers), []).append(cell)
    several = len({cell.encoder for cell in cells}) > 1
    profiles = []
    for (network, layers), members in grouped.items():
        name = architecture_title(network[0]) + (f" / {network[1]}" if several else "")
        names = joined([strategy_title(member.strategy) for member in members])
        title = f"{name}, {names}, {100 * sparsity:g} %"
        profiles.append(Profile(title, layers, *_parts(layers)))
    return profiles


def part_of(layer: str) -> str:
    """The part of the network that a layer belongs to.

    >>> part_of("encoder.model.blocks.3.1.conv_pw"), part_of("decoder.blocks.0.conv1.0")
    ('encoder 3', 'decoder 0')
    >>> part_of("encoder.conv1"), part_of("segmentation_head.0")
    ('stem', 'head')
    """
    top, _, rest = layer.partition(".")
    if "head" in top:
        return "head"
    stage = STAGE.search(rest)
    if top == "encoder":
        return f"encoder {stage.group(1)}" if stage else "stem"
    return f"{top} {stage.group(1)}" if stage else top


def _layers(description: Mapping[str, Any] | None) -> tuple[tuple[str, int, int], ...]:
    if description is None or "widths" not in description or "dense_widths" not in description:
        return ()
    before, after = description["dense_widths"], description["widths"]
    return tuple(
        (name, int(entry["out_channels"]), int(after[name]["out_channels"]))
        for name, entry in before.items()
        if "out_channels" in entry and name in after and "out_channels" in after[name]
    )


def _parts(
    layers: Sequence[tuple[str, int, int]],
) -> tuple[tuple[tuple[str, int, int], ...], tuple[tuple[int, str], ...]]:
    totals: dict[str, tuple[int, int]] = {}
    borders: list[tuple[int, str]] = []
    for index, (name, before, after) in enumerate(layers):
        part = part_of(name)
        was, left = totals.get(part, (0, 0))
        if part not in totals:
            borders.append((index, part))
        totals[part] = (was + before, left + after)
    return tuple((part, was, left) for part, (was, left) in totals.items()), tuple(borders)
