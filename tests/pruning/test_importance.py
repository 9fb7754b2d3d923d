"""What ranks the channels, against its formula."""

from __future__ import annotations

import pytest
import torch
from tests.pruning.toy import Tied, Toy, loss_of, pictures
from torch import Tensor, nn

from descale.pruning import IMPORTANCES, ChannelGraph, Gates, build_channel_graph
from descale.pruning.importance import Importance, Scores


def group_of(graph: ChannelGraph, layer: str) -> int:
    return next(group.index for group in graph.prunable if layer in group.producers)


def steps(
    network: nn.Module, importance: Importance, gates: Gates | None, count: int = 2
) -> dict[str, Tensor]:
    """Backward passes of growing size, the weights as they are.

    Returns (weight x gradient)^2 of every weight, summed over the steps.
    """
    squares: dict[str, Tensor] = {}
    for step in range(1, count + 1):
        network.zero_grad()
        (step * loss_of(network, pictures())).backward()
        importance.update(network, gates.gradients() if gates else {})
        for name, weight in network.named_parameters():
            assert weight.grad is not None
            squares[name] = squares.get(name, torch.zeros(())) + (weight.detach() * weight.grad).square()
    return squares


def test_taylor_sums_squares_of_weight_times_gradient_over_the_filter() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    importance = IMPORTANCES["taylor"](graph)
    squares = steps(network, importance, None)
    for layer in ("first", "second"):
        scores = importance.scores(network)[group_of(graph, layer)]
        assert torch.allclose(scores, squares[f"{layer}.weight"].sum(dim=(1, 2, 3)), rtol=1e-5)
        assert bool((scores > 0).all())


def test_taylor_takes_the_mean_over_tied_layers() -> None:
    network = Tied()
    graph = build_channel_graph(network)
    importance = IMPORTANCES["taylor"](graph)
    squares = steps(network, importance, None, count=1)
    expected = (squares["left.weight"].sum((1, 2, 3)) + squares["right.weight"].sum((1, 2, 3))) / 2
    assert torch.allclose(importance.scores(network)[group_of(graph, "left")], expected, rtol=1e-5)


def test_taylor_is_the_same_with_gates_attached() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    plain, gated = IMPORTANCES["taylor"](graph), IMPORTANCES["taylor"](graph)
    steps(network, plain, None)
    expected = plain.scores(network)
    gates = Gates(network, graph, scored=True)
    steps(network, gated, gates)
    found = gated.scores(network)
    assert all(torch.allclose(found[group], expected[group], rtol=1e-4) for group in expected)


class Linear(nn.Module):
    """Two convolutions and nothing between them: the answer is linear in every gate."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Conv2d(3, 5, 3, padding=1)
        self.segmentation_head = nn.Conv2d(5, 2, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.segmentation_head(self.body(x))


def test_the_gates_importance_is_the_square_of_the_change_of_the_loss() -> None:
    """Exact where the loss is linear in the gate: closing a unit changes the loss by its gradient."""
    network = Linear()
    graph = build_channel_graph(network)
    group = group_of(graph, "body")
    gates = Gates(network, graph, scored=True)
    importance = IMPORTANCES["taylor-gate"](graph)
    whole = network(pictures()).mean()
    whole.backward()
    importance.update(network, gates.gradients())
    for unit in range(5):
        keep = graph.keep_all()
        keep[group][unit] = False
        gates.set(keep)
        with torch.no_grad():
            change = network(pictures()).mean() - whole
        assert float(importance.scores(network)[group][unit]) == pytest.approx(float(change**2), rel=1e-3)


def test_the_gates_importance_adds_up_over_steps() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    once, twice = IMPORTANCES["taylor-gate"](graph), IMPORTANCES["taylor-gate"](graph)
    steps(network, once, gates, count=1)
    steps(network, twice, gates, count=2)  # the second step's gradient is twice as large
    for group, scores in once.scores(network).items():
        assert torch.allclose(twice.scores(network)[group], 5 * scores, rtol=1e-3)


def test_magnitude_is_the_norm_of_the_filter_and_needs_no_gradient() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    scores = IMPORTANCES["magnitude"](graph).scores(network)[group_of(graph, "first")]
    assert torch.allclose(scores, network.first.weight.detach().flatten(1).norm(dim=1), rtol=1e-5)


class Up(nn.Module):
    """A transposed convolution, whose filters lie in the second dimension, and a norm of two groups."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.up = nn.ConvTranspose2d(3, 6, 2, stride=2)
        self.norm = nn.GroupNorm(2, 6)
        self.segmentation_head = nn.Conv2d(6, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.segmentation_head(self.norm(self.up(x)))


def test_a_unit_of_several_channels_has_their_sum() -> None:
    network = Up()
    graph = build_channel_graph(network)
    scores = IMPORTANCES["magnitude"](graph).scores(network)[group_of(graph, "up")]
    by_channel = network.up.weight.detach().square().sum(dim=(0, 2, 3)).sqrt()
    assert scores.shape == (2,)
    assert torch.allclose(scores, by_channel.view(2, 3).sum(1), rtol=1e-5)


def test_random_is_drawn_once_from_the_seed_and_ignores_gradients() -> None:
    network = Toy()
    graph = build_channel_graph(network)

    def drawn(seed: int) -> tuple[Scores, Scores]:
        torch.manual_seed(seed)
        importance = IMPORTANCES["random"](graph)
        before = importance.scores(network)
        steps(network, importance, None)
        importance.reset()
        return before, importance.scores(network)

    before, after = drawn(1)
    assert all(torch.equal(before[group], after[group]) for group in before)
    assert all(torch.equal(before[group], drawn(1)[0][group]) for group in before)
    assert not all(torch.equal(before[group], drawn(2)[0][group]) for group in before)


@pytest.mark.parametrize("name", IMPORTANCES)
def test_what_was_gathered_survives_a_checkpoint(name: str) -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    importance, restored = IMPORTANCES[name](graph), IMPORTANCES[name](graph)
    steps(network, importance, gates)
    restored.restore(importance.state())
    expected, found = importance.scores(network), restored.scores(network)
    assert set(expected) == {group.index for group in graph.prunable}
    assert all(torch.equal(expected[group], found[group]) for group in expected)
    assert all(bool((scores >= 0).all()) and len(scores.unique()) > 1 for scores in expected.values())


@pytest.mark.parametrize("name", ["taylor", "taylor-gate"])
def test_a_reset_forgets_everything(name: str) -> None:
    network = Toy()
    graph = build_channel_graph(network)
    importance = IMPORTANCES[name](graph)
    steps(network, importance, Gates(network, graph, scored=True))
    importance.reset()
    assert all(not scores.any() for scores in importance.scores(network).values())
