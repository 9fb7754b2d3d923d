"""Widths that lose the least for a budget in milliseconds, in the engine that will run them.

:mod:`~descale.latency.layers` times networks layer by layer, :mod:`~descale.latency.table` keeps what was
measured, :mod:`~descale.latency.model` predicts other widths from it, :mod:`~descale.latency.widths` chooses,
and :mod:`~descale.latency.budget` puts them together.
"""

from descale.latency.budget import widths_for_latency

__all__ = ["widths_for_latency"]
