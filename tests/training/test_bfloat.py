"""bfloat16 on the CPU: the gradients of autocast, from layers whose bfloat16 gradients are slow."""

import pytest
import torch
from torch import Tensor, nn

from descale.training.bfloat import FloatDepthwiseGradients


def forward(layer: nn.Conv2d, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return layer(x)


def gradients(layer: nn.Conv2d, x: Tensor) -> list[Tensor]:
    layer.zero_grad()
    x = x.clone().requires_grad_()
    forward(layer, x).float().square().mean().backward()
    return [x.grad, *(parameter.grad for parameter in layer.parameters())]


def operations(y: Tensor) -> set[str]:
    found, waiting = set(), [y.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None:
            found.add(type(node).__name__)
            waiting += [parent for parent, _ in node.next_functions]
    return found


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        nn.Conv2d(8, 8, 5, stride=2, padding=2, groups=8),
        nn.Conv2d(8, 8, 3, dilation=2, groups=8),
        nn.Conv2d(8, 8, 3, padding="same", groups=8),
        nn.Conv2d(8, 16, 3, groups=8),
        nn.Conv2d(8, 4, 1),
    ],
)
def test_gradients_are_those_of_autocast(layer: nn.Conv2d) -> None:
    x = torch.randn(2, 8, 12, 12, generator=torch.Generator().manual_seed(0))
    expected = gradients(layer, x)
    with FloatDepthwiseGradients():
        found = gradients(layer, x)
    for ours, theirs in zip(found, expected, strict=True):
        assert float((ours - theirs).abs().max()) < 0.02 * float(theirs.abs().max())


def test_only_depthwise_layers_take_the_other_way() -> None:
    x = torch.randn(1, 4, 8, 8)
    with FloatDepthwiseGradients():
        assert "_DepthwiseConvolutionBackward" in operations(forward(nn.Conv2d(4, 4, 3, groups=4), x))
        assert "_DepthwiseConvolutionBackward" not in operations(forward(nn.Conv2d(4, 4, 3), x))


def test_nothing_changes_without_autocast() -> None:
    layer = nn.Conv2d(4, 4, 3, groups=4)
    x = torch.randn(1, 4, 8, 8)
    with FloatDepthwiseGradients():
        y = layer(x)
    assert y.dtype == torch.float32
    assert torch.equal(y, layer(x))


def test_half_precision_keeps_its_own_bits() -> None:
    layer = nn.Conv2d(4, 4, 1, groups=4, bias=False)
    nn.init.ones_(layer.weight)
    finer = torch.full((1, 4, 8, 8), 1 + 2**-9)  # in float16, but rounded to 1 in bfloat16
    with torch.autocast("cpu", torch.float16), FloatDepthwiseGradients():
        y = layer(finer)
    assert torch.equal(y.float(), finer)
