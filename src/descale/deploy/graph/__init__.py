"""The network as an ONNX graph: tracing, and rewrites that keep its result and lower its cost."""

from descale.deploy.graph.editing import Graph
from descale.deploy.graph.half_weights import store_in_half
from descale.deploy.graph.optimise import optimise
from descale.deploy.graph.trace import INPUT, OUTPUT, trace_network

__all__ = ["INPUT", "OUTPUT", "Graph", "optimise", "store_in_half", "trace_network"]
