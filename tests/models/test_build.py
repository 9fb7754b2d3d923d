"""Networks built from a description carry nothing that is not used."""

from __future__ import annotations

import pytest
import torch
from tests.pruning.networks import HALF, WHOLE
from torch import Tensor, nn

from descale.base.classes import ClassTable, PixelClass
from descale.models import build_network, count_parameters, make_spec
from descale.models.build import strip_unreached

FOUR = ClassTable(tuple(PixelClass(f"class {i}", (0, 0, 0), corrosion=i > 0) for i in range(4)))


def test_classes_decide_the_channels_of_the_answer() -> None:
    network = build_network(make_spec("fpn", "tu-test_resnet", classes=FOUR))
    with torch.no_grad():
        assert network(torch.zeros(1, 3, 32, 32)).shape == (1, 4, 32, 32)


@pytest.mark.parametrize(
    ("architecture", "encoder"),
    [
        *((name, "tu-tf_efficientnet_lite0") for name in WHOLE),
        *((name, "tu-test_efficientnet") for name in HALF),
        ("unet", "timm-tf_efficientnet_lite0"),
        ("fpn", "efficientnet-b0"),
    ],
)
def test_every_parameter_gets_a_gradient(architecture: str, encoder: str) -> None:
    """What the forward pass never reaches would be counted and saved, and could never be pruned."""
    network = build_network(make_spec(architecture, encoder)).train()
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    idle = {name for name, parameter in network.named_parameters() if parameter.grad is None}
    assert idle == set()


class WithLeftovers(nn.Module):
    """A network with a classifier that it never calls, and a list of which it calls one."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 2, 1)
        self.classifier = nn.Sequential(nn.Conv2d(2, 500, 1), nn.BatchNorm2d(500))
        self.exits = nn.ModuleList([nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1)])

    def forward(self, x: Tensor) -> Tensor:
        return self.exits[1](self.body(x))


def test_what_is_never_reached_is_removed_and_named() -> None:
    network = WithLeftovers()
    x = torch.randn(1, 3, 64, 64)
    before = network(x)
    assert strip_unreached(network) == ("classifier.0", "classifier.1")
    assert torch.equal(network(x), before)
    lists = 2 * (2 * 2 + 2)  # elements of a list keep their numbers, reached or not
    assert count_parameters(network) == (3 * 2 + 2) + lists
