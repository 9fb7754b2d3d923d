"""What ranks the channels, against its formula."""

from __future__ import annotations

import pytest
import torch
from tests.pruning.toy import Tied, Toy, loss_of, pictures
from torch import Tensor, nn

from descale.pruning import IMPORTANCES, ChannelGraph, Gates, build_channel_graph
from descale.pruning.importance import Importance, Scores, by_group


def group_of(graph: ChannelGraph, layer: str) -> int:
    return next(group.index for group in graph.prunable if layer in group.producers)


def scores_of(importance: Importance, network: nn.Module, graph: ChannelGraph) -> Scores:
    """Scores of every group."""
    return by_group(graph, importance.scores(network))


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
        importance.update(network, gates.gradient() if gates else torch.zeros(0))
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
        scores = scores_of(importance, network, graph)[group_of(graph, layer)]
        assert torch.allclose(scores, squares[f"{layer}.weight"].sum(dim=(1, 2, 3)), rtol=1e-5)
        assert bool((scores > 0).all())


def test_taylor_takes_the_mean_over_tied_layers() -> None:
    network = Tied()
    graph = build_channel_graph(network)
    importance = IMPORTANCES["taylor"](graph)
    squares = steps(network, importance, None, count=1)
    expected = (squares["left.weight"].sum((1, 2, 3)) + squares["right.weight"].sum((1, 2, 3))) / 2
    assert torch.allclose(scores_of(importance, network, graph)[group_of(graph, "left")], expected, rtol=1e-5)


def test_taylor_is_the_same_with_gates_attached() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    plain, gated = IMPORTANCES["taylor"](graph), IMPORTANCES["taylor"](graph)
    steps(network, plain, None)
    expected = scores_of(plain, network, graph)
    gates = Gates(network, graph, scored=True)
    steps(network, gated, gates)
    found = scores_of(gated, network, graph)
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
    importance.update(network, gates.gradient())
    for unit in range(5):
        keep = graph.keep_all()
        keep[group][unit] = False
        gates.set(keep)
        with torch.no_grad():
            change = network(pictures()).mean() - whole
        assert float(scores_of(importance, network, graph)[group][unit]) == pytest.approx(
            float(change**2), rel=1e-3
        )


def test_the_gates_importance_adds_up_over_steps() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    once, twice = IMPORTANCES["taylor-gate"](graph), IMPORTANCES["taylor-gate"](graph)
    steps(network, once, gates, count=1)
    steps(network, twice, gates, count=2)  # the second step's gradient is twice as large
    assert torch.allclose(twice.scores(network), 5 * once.scores(network), rtol=1e-3)


def test_magnitude_is_the_norm_of_the_filter_and_needs_no_gradient() -> None:
    network = Toy()
    graph = build_channel_graph(network)
    scores = scores_of(IMPORTANCES["magnitude"](graph), network, graph)[group_of(graph, "first")]
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
    scores = scores_of(IMPORTANCES["magnitude"](graph), network, graph)[group_of(graph, "up")]
    by_channel = network.up.weight.detach().square().sum(dim=(0, 2, 3)).sqrt()
    assert scores.shape == (2,)
    assert torch.allclose(scores, by_channel.view(2, 3).sum(1), rtol=1e-5)


def test_random_is_drawn_once_from_the_seed_and_ignores_gradients() -> None:
    network = Toy()
    graph = build_channel_graph(network)

    def drawn(seed: int) -> tuple[Tensor, Tensor]:
        torch.manual_seed(seed)
        importance = IMPORTANCES["random"](graph)
        before = importance.scores(network)
        steps(network, importance, None)
        importance.reset()
        return before, importance.scores(network)

    before, after = drawn(1)
    assert torch.equal(before, after)
    assert torch.equal(before, drawn(1)[0])
    assert not torch.equal(before, drawn(2)[0])


@pytest.mark.parametrize("name", IMPORTANCES)
def test_what_was_gathered_survives_a_checkpoint(name: str) -> None:
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    importance, restored = IMPORTANCES[name](graph), IMPORTANCES[name](graph)
    steps(network, importance, gates)
    restored.restore(importance.state())
    assert torch.equal(importance.scores(network), restored.scores(network))
    expected = scores_of(importance, network, graph)
    assert set(expected) == {group.index for group in graph.prunable}
    assert all(len(scores.unique()) > 1 for scores in expected.values())
    assert name == "movement" or all(bool((scores >= 0).all()) for scores in expected.values())


@pytest.mark.parametrize("name", ["taylor", "taylor-gate"])
def test_a_reset_forgets_everything(name: str) -> None:
    network = Toy()
    graph = build_channel_graph(network)
    importance = IMPORTANCES[name](graph)
    steps(network, importance, Gates(network, graph, scored=True))
    importance.reset()
    assert not importance.scores(network).any()


def test_movement_by_hand() -> None:
    """Two weights read one channel each: S <- S - dL/dW * W, accumulated over two steps."""
    network = Toy()
    importance = IMPORTANCES["movement"](build_channel_graph(network))
    weight, gradient = torch.tensor([2.0, -1.0]), torch.tensor([0.5, 0.5])
    for _ in range(2):
        importance.update(network, gradient * weight)
    # the first moves towards zero (gradient and weight of one sign), the second away from it
    assert importance.scores(network).tolist() == [-2.0, 1.0]


@pytest.mark.parametrize("name", ["taylor", "taylor-gate", "movement"])
def test_what_is_gathered_stays_where_the_network_is(name: str) -> None:
    """The meta device has no values: whoever waits for one fails."""
    network = Toy()
    graph = build_channel_graph(network)
    gates = Gates(network, graph, scored=True)
    network.to("meta")
    gates.to("meta")
    importance = IMPORTANCES[name](graph)
    for _ in range(2):
        network(pictures().to("meta")).sum().backward()
        importance.update(network, gates.gradient())
    assert importance.scores(network).device.type == "meta"
