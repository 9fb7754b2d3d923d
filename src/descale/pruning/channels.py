"""Coupled channels of a network as plain data: which positions of which layers live and die together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Side = Literal["in", "out"]
Indices = NDArray[np.int64]
Keep = Mapping[int, NDArray[np.bool_]]
"""Group number -> which of its units stay, bool ``(units,)``. A group that is not listed stays as it is."""

NO_GROUP = -1

LONGEST_BRANCH = 2
"""Most groups inside a residual branch: no block has more than three layers, and the last ends in the sum."""


@dataclass(frozen=True)
class Slot:
    """One side of one layer.

    Attributes:
        layer: name of the module.
        side: input or output channels.
        groups: int ``(channels,)``, the group each channel belongs to, or ``NO_GROUP``.
        units: int ``(channels,)``, the unit of that group; a unit is the smallest thing that can be cut, and
            keeps its number when others are.
    """

    layer: str
    side: Side
    groups: Indices
    units: Indices

    def kept(self, keep: Keep) -> NDArray[np.bool_]:
        """Which channels of this side stay, bool ``(channels,)``."""
        mask = np.ones(len(self.groups), dtype=bool)
        for group in np.unique(self.groups):
            if group in keep:
                chosen = self.groups == group
                mask[chosen] = keep[int(group)][self.units[chosen]]
        return mask


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that are tied by additions, norms, depthwise convolutions or concatenations.

    Attributes:
        index: number of the group.
        units: how many the dense network has. A unit is one channel in every tied layer, or several where a
            group norm or a grouped convolution forbids finer cuts.
        producers: layers whose filters (output channels) belong to it.
        consumers: layers that read its channels.
        refusal: why it is left dense, or ``None`` if it may be cut.
    """

    index: int
    units: int
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    refusal: str | None = None


@dataclass(frozen=True)
class ChannelGraph:
    """All groups of a network and where their channels lie.

    Attributes:
        groups: in order of ``index``.
        slots: (layer, side) -> its channels.
        layers: prunable layers: convolutions whose filters belong to a group that may be cut; the mean
            over these is what "sparsity" means.
    """

    groups: tuple[ChannelGroup, ...]
    slots: Mapping[tuple[str, Side], Slot]

    @cached_property
    def prunable(self) -> tuple[ChannelGroup, ...]:
        """Groups that may be cut."""
        return tuple(group for group in self.groups if group.refusal is None)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        return tuple(name for group in self.prunable for name in group.producers)

    @cached_property
    def total(self) -> int:
        """Units of all groups, those that may not be cut or are cut already included."""
        return sum(group.units for group in self.groups)

    @cached_property
    def spans(self) -> dict[int, slice]:
        """Where the units of each group lie in a vector of all units, the same before and after a cut."""
        found, start = {}, 0
        for group in self.groups:
            found[group.index] = slice(start, start + group.units)
            start += group.units
        return found

    @cached_property
    def bypassed(self) -> frozenset[int]:
        """Groups inside a residual branch: a chain of a few layers leads through them from a group back to
        the same group, which an addition ties, so that what the branch reads also passes by it unchanged.

        A longer way around is no such branch: in LinkNet, whose skips are additions, all that lies below the
        first skip would be inside one.
        """
        sources, targets = self._neighbours()
        inside: set[int] = set()
        found = True
        while found:  # a squeeze-and-excitation is a branch of the branch it is in
            found = False
            for group in self.prunable:
                chain, begin, end = _chain(group.index, sources, targets)
                closed = begin == end and begin not in (None, NO_GROUP)
                if closed and len(chain) <= LONGEST_BRANCH and not inside.issuperset(chain):
                    inside.update(chain)
                    found = True
                    for neighbours in (*sources.values(), *targets.values()):
                        neighbours.difference_update(chain)
        return frozenset(inside & {group.index for group in self.prunable})

    def _neighbours(self) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """For every group those that its layers read, and those that are computed from it."""
        sources: dict[int, set[int]] = {}
        targets: dict[int, set[int]] = {}
        for (layer, side), slot in self.slots.items():
            if side == "in" and (layer, "out") in self.slots:
                for before in np.unique(slot.groups).tolist():
                    for after in np.unique(self.slots[(layer, "out")].groups).tolist():
                        if before != after:
                            sources.setdefault(after, set()).add(before)
                            targets.setdefault(before, set()).add(after)
        return sources, targets

    def keep_all(self) -> dict[int, NDArray[np.bool_]]:
        """A decision that cuts nothing: of every group that may be cut the units that are there."""
        found = {group.index: np.zeros(group.units, dtype=bool) for group in self.prunable}
        for slot in self.slots.values():
            for group in found.keys() & set(slot.groups.tolist()):
                found[group][slot.units[slot.groups == group]] = True
        return found

    def cut(self, keep: Keep) -> ChannelGraph:
        """The graph of the network that ``keep`` leaves: groups and units have the numbers they had.

        A group of which one unit is left is not cut further.
        """
        left = {**self.keep_all(), **keep}
        slots = {}
        for key, slot in self.slots.items():
            kept = slot.kept(left)
            slots[key] = replace(slot, groups=slot.groups[kept], units=slot.units[kept])
        groups = (
            replace(group, refusal="its last unit is left")
            if group.refusal is None and left[group.index].sum() <= 1
            else group
            for group in self.groups
        )
        return ChannelGraph(tuple(groups), slots)

    def layer_shares(self) -> dict[int, float]:
        """Weight of each group in the sparsity: its number of prunable layers over all of them."""
        total = len(self.layers)
        return {group.index: len(group.producers) / total for group in self.prunable}

    def sparsity(self, keep: Keep) -> float:
        """Mean over prunable layers of the fraction of filters removed, 0..1 (the paper's definition)."""
        removed = []
        for name in self.layers:
            kept = self.slots[(name, "out")].kept(keep)
            removed.append(1.0 - float(kept.mean()))
        return float(np.mean(removed)) if removed else 0.0

    def channels_removed(self, keep: Keep) -> float:
        """Fraction of the filters of all prunable layers together that are removed, 0..1."""
        kept = [self.slots[(name, "out")].kept(keep) for name in self.layers]
        total = sum(len(layer) for layer in kept)
        return 1.0 - sum(int(layer.sum()) for layer in kept) / total if total else 0.0


def _chain(
    group: int, sources: Mapping[int, set[int]], targets: Mapping[int, set[int]]
) -> tuple[list[int], int | None, int | None]:
    """The longest chain of groups with one neighbour on each side through ``group``, and where it hangs."""

    def links(number: int) -> tuple[int, int] | None:
        before, after = sources.get(number, set()), targets.get(number, set())
        return (next(iter(before)), next(iter(after))) if len(before) == len(after) == 1 else None

    here = links(group)
    if here is None:
        return [group], None, None
    chain, (begin, end) = [group], here
    while (further := links(begin)) is not None and begin not in chain:
        chain.append(begin)
        begin = further[0]
    while (further := links(end)) is not None and end not in chain:
        chain.append(end)
        end = further[1]
    return chain, begin, end
