"""Each rewrite keeps the result; the networks here are small so that every path is walked quickly."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from descale.base.classes import BINARY
from descale.base.errors import ExportError
from descale.deploy.graph import Graph, optimise, trace_network
from descale.deploy.graph.enlarging import MOST_CLASSES, enlarge_by_convolution, enlarge_by_products
from descale.deploy.graph.lanes import pad_channels
from descale.deploy.graph.merging import head_before_sum
from descale.deploy.graph.phases import fold_last_upsampling
from descale.models import ModelSpec

SPEC = ModelSpec("unet", "resnet18", BINARY, (0.4, 0.45, 0.5), (0.2, 0.25, 0.3), (32, 32))


class Decoder(nn.Module):
    """Skip connection, concatenation, sum, depthwise, attention; then an upsampling to full size."""

    def __init__(self, width: int, last: int, *, transposed: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, width, 3, 2, 1)
        self.wide = nn.Sequential(nn.Conv2d(width, 19, 3, 2, 1), nn.ReLU6())
        self.depthwise = nn.Sequential(nn.Conv2d(19, 19, 5, padding=2, groups=19), nn.ReLU6())
        self.same = nn.Conv2d(19, 19, 1)
        self.attention = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(19, 5, 1), nn.ReLU(), nn.Conv2d(5, 19, 1), nn.Sigmoid()
        )
        self.up = nn.Upsample(scale_factor=2)
        self.merge = nn.Sequential(nn.Conv2d(19 + width, 11, 3, padding=1), nn.ReLU())
        self.last_up: nn.Module = nn.Upsample(scale_factor=2)
        if transposed:
            self.last_up = nn.Sequential(nn.ConvTranspose2d(11, 11, 4, 2, 1), nn.ReLU())
        self.block = nn.Sequential(
            nn.Conv2d(11, last, 3, padding=1), nn.ReLU(), nn.Conv2d(last, last, 5, padding=2), nn.ReLU6()
        )
        self.head = nn.Conv2d(last, 2, 1 if transposed else 3, padding=0 if transposed else 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        skip = self.stem(x)
        deep = self.wide(skip)
        deep = self.same(self.depthwise(deep)) + deep
        deep = deep * self.attention(deep)
        merged = self.merge(torch.cat([self.up(deep), skip], dim=1))
        return self.head(self.block(self.last_up(merged)))


class Widening(nn.Module):
    """Upsampling, a layer of 4 channels, then wide layers."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 6, 3, 2, 1)
        self.up = nn.Upsample(scale_factor=2)
        self.block = nn.Sequential(
            nn.Conv2d(6, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 40, 3, padding=1), nn.ReLU6(),
            nn.Conv2d(40, 5, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(self.up(self.stem(x)))


def run(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": images})[0]


def count(model: onnx.ModelProto, kind: str) -> int:
    return sum(node.op_type == kind for node in model.graph.node)


@pytest.fixture(scope="module", params=[(6, 2, False), (5, 3, False), (9, 2, True), (8, 16, False)], ids=str)
def case(request: pytest.FixtureRequest) -> tuple[Decoder, onnx.ModelProto]:
    width, last, transposed = request.param
    network = Decoder(width, last, transposed=transposed).eval()
    return network, trace_network(network, SPEC)


def test_optimised_graph_equals_torch_borders_included(case: tuple[Decoder, onnx.ModelProto]) -> None:
    network, traced = case
    images = np.random.default_rng(0).integers(0, 256, (2, 24, 40, 3), np.uint8)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (SPEC.mean, SPEC.std))
    with torch.no_grad():
        expected = network((pixels - mean) / std)
    np.testing.assert_allclose(run(optimise(traced), images), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "rewrite", [pad_channels, fold_last_upsampling], ids=lambda rewrite: rewrite.__name__
)
def test_each_rewrite_alone_keeps_the_result(case: tuple[Decoder, onnx.ModelProto], rewrite) -> None:
    _, traced = case
    graph = Graph(traced)
    rewrite(graph)
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 16, 3), np.uint8)
    np.testing.assert_allclose(run(graph.to_model(), images), run(traced, images), atol=1e-5)


def test_narrow_last_block_runs_at_half_resolution_and_a_wide_one_does_not() -> None:
    narrow = optimise(trace_network(Decoder(6, 2).eval(), SPEC, quick=True))
    wide = optimise(trace_network(Decoder(6, 32).eval(), SPEC, quick=True))
    assert (count(narrow, "DepthToSpace"), count(narrow, "Resize")) == (1, 1)
    assert count(wide, "Resize") == 2


def test_pixels_are_put_back_as_soon_as_that_is_cheaper() -> None:
    """One narrow layer after the upsampling, then wide ones: only the first runs at half the resolution."""
    graph = Graph(trace_network(Widening().eval(), SPEC, quick=True))
    assert fold_last_upsampling(graph) == 1
    graph.drop_dead()
    order = [node.op_type for node in graph.in_order()]
    assert order.index("DepthToSpace") < len(order) - 1
    assert "Resize" not in order
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 16, 3), np.uint8)
    traced = trace_network(Widening().eval(), SPEC, quick=True)
    np.testing.assert_allclose(run(graph.to_model(), images), run(traced, images), atol=1e-5)


def test_widths_above_a_vector_become_whole_vectors() -> None:
    model = optimise(trace_network(Decoder(6, 2).eval(), SPEC, quick=True))
    weights = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    outs = [weights[n.input[1]][0] for n in model.graph.node if n.op_type == "Conv"]
    assert 19 not in outs
    assert 11 not in outs
    assert outs.count(24) == 4


class Enlarging(nn.Module):
    """Logits at half resolution that are enlarged by 2."""

    def __init__(self, classes: int, **how: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Conv2d(3, classes, 3, 2, 1)
        self.how = {"scale_factor": 2, "mode": "bilinear", "align_corners": False, **how}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(self.head(x), **self.how)


@pytest.mark.parametrize("classes", [2, MOST_CLASSES])
def test_logits_are_enlarged_by_a_convolution_borders_included(classes: int) -> None:
    traced = trace_network(Enlarging(classes).eval(), SPEC, quick=True)
    graph = Graph(traced)
    assert enlarge_by_convolution(graph) == 1
    model = graph.to_model()
    assert count(model, "Resize") == 0
    images = np.random.default_rng(1).integers(0, 256, (2, 8, 14, 3), np.uint8)
    np.testing.assert_allclose(run(model, images), run(traced, images), atol=1e-5)


@pytest.mark.parametrize(
    ("classes", "how"),
    [
        (MOST_CLASSES + 1, {}),
        (2, {"align_corners": True}),
        (2, {"scale_factor": 4}),
        (2, {"mode": "nearest", "align_corners": None}),
    ],
)
def test_what_is_enlarged_otherwise_is_left_alone(classes: int, how: dict[str, object]) -> None:
    graph = Graph(trace_network(Enlarging(classes, **how).eval(), SPEC, quick=True))
    assert enlarge_by_convolution(graph) == 0
    assert count(graph.to_model(), "Resize") == 1


@pytest.mark.parametrize("factor", [2, 4, (2, 3)])
def test_logits_with_aligned_corners_are_enlarged_by_products(factor: int | tuple[int, int]) -> None:
    traced = trace_network(Enlarging(3, scale_factor=factor, align_corners=True).eval(), SPEC, quick=True)
    graph = Graph(traced)
    assert enlarge_by_products(graph) == 1
    model = graph.to_model()
    assert count(model, "Resize") == 0
    for shape in ((2, 8, 14, 3), (1, 2, 2, 3), (1, 34, 128, 3)):
        images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        np.testing.assert_allclose(run(model, images), run(traced, images), atol=5e-5)


@pytest.mark.parametrize("how", [{}, {"mode": "nearest", "align_corners": None}])
def test_what_has_no_aligned_corners_is_left_alone(how: dict[str, object]) -> None:
    graph = Graph(trace_network(Enlarging(2, **how).eval(), SPEC, quick=True))
    assert enlarge_by_products(graph) == 0


class Pyramid(nn.Module):
    """Maps of several sizes, enlarged and summed as a stack, then a head of 1x1; as in FPN."""

    def __init__(self, *, kernel: int = 1, shared: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.levels = nn.ModuleList(nn.Conv2d(3, 7, 3, stride, 1) for stride in (4, 2, 1))
        self.head = nn.Conv2d(7, 3, kernel, padding=kernel // 2)
        self.shared = shared

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [functional.relu(level(x)) for level in self.levels]
        for index, (factor, corners) in enumerate(((4, True), (2, False))):
            how = {"mode": "bilinear", "align_corners": corners}
            maps[index] = functional.interpolate(maps[index], scale_factor=factor, **how)
        merged = torch.stack(maps).sum(0)
        return self.head(merged) + merged[:, :3] if self.shared else self.head(merged)


@pytest.mark.parametrize("quick", [True, False])
def test_a_head_is_taken_before_the_sum_of_enlarged_maps(quick: bool) -> None:
    traced = trace_network(Pyramid().eval(), SPEC, quick=quick)
    graph = Graph(traced)
    assert head_before_sum(graph) == 1
    model = graph.to_model()
    assert count(model, "Concat") == 0
    for node in [node for node in model.graph.node if node.op_type == "Resize"]:
        assert graph.shapes((32, 32))[node.output[0]][1] == 3, "logits are enlarged, not maps"
    for shape in ((2, 32, 64, 3), (1, 96, 32, 3)):
        images = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        np.testing.assert_allclose(run(model, images), run(traced, images), atol=1e-5)


@pytest.mark.parametrize("how", [{"kernel": 3}, {"shared": True}])
def test_a_head_that_is_not_alone_or_sees_neighbours_stays_behind_the_sum(how: dict[str, Any]) -> None:
    graph = Graph(trace_network(Pyramid(**how).eval(), SPEC, quick=True))
    assert head_before_sum(graph) == 0


class Stacking(nn.Module):
    """Two branches stacked along a new axis and weighted, as selective kernels do."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList([nn.Conv2d(3, 9, 3, padding=1), nn.Conv2d(3, 9, 1)])
        self.head = nn.Conv2d(18, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        stacked = torch.stack([branch(x) for branch in self.branches], dim=1)
        weighted = (stacked * stacked.mean(2, keepdim=True)).sum(1)
        return self.head(torch.cat([weighted, self.branches[0](x)], dim=1))


def test_branches_that_are_stacked_keep_their_channels() -> None:
    traced = trace_network(Stacking().eval(), SPEC)
    images = np.random.default_rng(1).integers(0, 256, (1, 32, 16, 3), np.uint8)
    np.testing.assert_allclose(run(optimise(traced), images), run(traced, images), atol=1e-5)


def test_a_graph_that_contradicts_itself_is_told_in_one_line() -> None:
    """As the exporter leaves some transformers: a product of matrices that do not fit."""
    graph = Graph(trace_network(nn.Conv2d(3, 2, 3, padding=1).eval(), SPEC, quick=True))
    left, right = (graph.constant("matrix", np.zeros((2, 3), np.float32)) for _ in range(2))
    product = graph.add("MatMul", [left, right])
    graph.outputs[0].name = product
    with pytest.raises(ExportError, match=r"contradicts itself \([^\n]+\), so it cannot be exported\. Take"):
        graph.shapes((64, 64))


def test_the_model_given_is_left_as_it_was() -> None:
    traced = trace_network(Decoder(6, 2).eval(), SPEC, quick=True)
    before = traced.SerializeToString()
    optimise(traced)
    assert traced.SerializeToString() == before
