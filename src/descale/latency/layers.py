"""A network's milliseconds, layer by layer, in the engine that will run it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import onnx
from torch import nn

from descale.deploy.export.targets import find_target
from descale.deploy.graph import optimise, trace_network
from descale.deploy.graph.editing import ACTIVATIONS, Graph
from descale.models import ModelSpec
from descale.runtime.clock import drawn_picture
from descale.runtime.engines import ENGINES
from descale.stopwatch.node_clock import NodeTimes, open_clock

WARM_UP = 2
LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Timed:
    """What a network takes.

    Attributes:
        layers: milliseconds by convolution, with what is computed on the way to it (resizing,
            concatenating) and the activation after it.
        rest: milliseconds of nodes that belong to no convolution, such as changes of layout.
    """

    layers: Mapping[str, float]
    rest: float

    @property
    def total(self) -> float:
        """Milliseconds of all nodes."""
        return sum(self.layers.values()) + self.rest


def layer_of(convolution: str) -> str:
    """The layer that a convolution of an exported graph belongs to, also where it runs more than once.

    >>> layer_of("decoder.conv, run 2")
    'decoder.conv'
    """
    return convolution.partition(", run ")[0]


def exported_graph(network: nn.Module, spec: ModelSpec, engine: str) -> onnx.ModelProto:
    """The network as an engine gets it, its convolutions called after their layers.

    Args:
        network: with any weights, in evaluation mode.
        spec: its normalisation.
        engine: name in :data:`descale.runtime.engines.ENGINES`.

    Raises:
        ExportError: the network cannot be exported.
    """
    target = find_target(ENGINES[engine].reads[0])
    return optimise(trace_network(network, spec, quick=True), target.avoid)


def time_layers(
    graphs: Sequence[onnx.ModelProto], size: tuple[int, int], *, engine: str, threads: int, seconds: float
) -> list[Timed]:
    """Time networks by layers, one run of each in turn, so that drift of the machine meets all alike.

    Args:
        graphs: as :func:`exported_graph` makes them.
        size: (height, width) of the picture in pixels.
        engine: that runs them.
        threads: that it may use.
        seconds: for how long, at least :data:`LEAST_ROUNDS` runs of each.

    Returns:
        Medians, for each network.
    """
    picture = np.ascontiguousarray(drawn_picture(*size)[None])
    clocks = [open_clock(graph.SerializeToString(), engine, threads) for graph in graphs]
    order, rounds, until = np.random.default_rng(0), 0, time.perf_counter() + seconds
    while rounds < WARM_UP + LEAST_ROUNDS or time.perf_counter() < until:
        for index in order.permutation(len(clocks)):
            clocks[index].run(picture)
        rounds += 1
    return [_by_layer(graph, clock.nodes()) for graph, clock in zip(graphs, clocks, strict=True)]


def _by_layer(model: onnx.ModelProto, nodes: NodeTimes) -> Timed:
    owners = _owners(Graph(model))
    found: dict[str, float] = defaultdict(float)
    rest = 0.0
    for names, runs in nodes.items():
        ms = median(runs[WARM_UP:])
        owner = next((owners[name] for name in names if name in owners), None)
        if owner is None:
            rest += ms
        else:
            found[owner] += ms
    return Timed(dict(found), rest)


def _owners(graph: Graph) -> dict[str, str]:
    """For nodes and values the convolution that they belong to: an activation to the one before, all else to
    the next one that reads it."""
    layer = {id(node): node.name for node in graph.nodes if node.op_type in ("Conv", "ConvTranspose")}
    producers, consumers = graph.producers(), graph.consumers()
    owners: dict[str, str] = {}
    for node in graph.nodes:
        owner = layer.get(id(node))
        before = producers.get(node.input[0]) if node.input else None
        if owner is None and node.op_type in ACTIVATIONS and before is not None:
            owner = layer.get(id(before))
        waiting, seen = [node], {id(node)}
        while owner is None and waiting:
            for reader in consumers.get(waiting.pop(0).output[0], []):
                owner = owner or layer.get(id(reader))
                if id(reader) not in seen:
                    seen.add(id(reader))
                    waiting.append(reader)
        if owner is not None:
            owners.update(dict.fromkeys((node.name, *node.output), owner))
    return owners
