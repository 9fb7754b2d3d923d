"""From logits to classes."""

from __future__ import annotations

import pytest
import torch

from descale.models import predict_classes


def test_two_classes_are_decided_by_the_probability_of_corrosion() -> None:
    difference = torch.tensor([-3.0, -0.5, 0.0, 0.5, 3.0])
    logits = torch.stack([torch.full((5,), 7.0), 7.0 + difference]).view(1, 2, 1, 5)
    probability = torch.softmax(logits, dim=1)[0, 1, 0]
    for threshold in (0.05, 0.3, 0.5, 0.8, 0.99):
        found = predict_classes(logits, threshold)
        assert found.dtype == torch.uint8
        assert found[0, 0].tolist() == (probability >= threshold).int().tolist()


def test_corrosion_starts_at_the_threshold_itself() -> None:
    assert predict_classes(torch.zeros(1, 2, 1, 1), 0.5).item() == 1


@pytest.mark.parametrize("threshold", [0.1, 0.9])
def test_more_classes_go_to_the_largest_logit_whatever_the_threshold(threshold: float) -> None:
    logits = torch.tensor([[1.0, 3.0, 2.0], [5.0, 5.5, 6.0]]).T.reshape(1, 3, 1, 2)
    assert predict_classes(logits, threshold).tolist() == [[[1, 2]]]
