"""What gating and scoring add to a training step, and how long a plan takes.

    pytest benchmarks/pruning/test_speed.py --benchmark-group-by=group --benchmark-columns=min,median,rounds \
        --benchmark-json=speed.json

The table of pytest-benchmark gives every time as a multiple of the fastest of its group, so a gated step
stands as a ratio beside the plain one. The rounds of a group follow each other, so run it on a machine that
does nothing else, and compare the minima.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch.nn import functional

from descale.models import ARCHITECTURES, build_network, make_spec, memory_format
from descale.pruning import IMPORTANCES, STRATEGIES, Gates, allocate, build_channel_graph
from descale.pruning.plan import make_plan
from descale.training.schedule import PruningSchedule

ENCODER = "tu-tf_efficientnet_lite0"
BATCH, SIDE, STEPS = 8, 160, 1000


def step_of(architecture: str, strategy: str | None) -> Callable[[], None]:
    """One step of fine-tuning at a sparsity of about a half, with the schedule or without."""
    torch.manual_seed(0)
    network = build_network(make_spec(architecture, ENCODER))
    network.to(memory_format=memory_format(network)).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)
    picture = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=memory_format(network))
    label = torch.randint(0, 2, (BATCH, SIDE, SIDE))
    number = count(STEPS // 2)
    schedule = None
    if strategy is not None:
        graph = build_channel_graph(network)
        chosen = STRATEGIES[strategy]
        schedule = PruningSchedule(
            network,
            graph,
            Gates(network, graph, scored=True),
            chosen,
            lambda progress, scores, _open: allocate(
                graph, progress * 0.9, allocation="balanced", scores=scores
            ),
            start=0.0,
            end=1.0,
            updates=5,
            importance=IMPORTANCES[chosen.importance or "taylor-gate"](graph),
        )
        schedule.begin(STEPS, torch.device("cpu"))

    def step() -> None:
        taken = next(number)
        optimizer.zero_grad()
        functional.cross_entropy(network(picture), label).backward()
        if schedule is not None:
            schedule.after_backward(taken, 1.0)
        optimizer.step()
        if schedule is not None:
            schedule.after_step(taken)

    return step


@pytest.mark.parametrize("strategy", [None, "agp", "movement"], ids=["plain", "agp", "movement"])
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_step(benchmark: BenchmarkFixture, architecture: str, strategy: str | None) -> None:
    benchmark.group = f"step {architecture}"
    benchmark.pedantic(step_of(architecture, strategy), rounds=20, warmup_rounds=3)


@pytest.mark.parametrize("encoder", [ENCODER, "resnet101"])
def test_plan(benchmark: BenchmarkFixture, encoder: str) -> None:
    benchmark.group = "plan of U-Net++"
    network = build_network(make_spec("unetplusplus", encoder))
    benchmark.pedantic(lambda: make_plan(network, size=(512, 512), sparsity=0.9), rounds=3, warmup_rounds=0)
