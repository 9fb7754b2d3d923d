"""What a trained U-Net loses at least when its last block goes: a new head on what it saw at half resolution.

    python experiments/half-resolution/refit.py MODEL DATA --out experiments/half-resolution/results.csv

Encoder and decoder of MODEL, a dense U-Net, stay as they are. The head of the network that ends at half
resolution is fitted to some photos of the training split; nothing else is trained. Scores are of photos at
their own resolution, and beside them what the same photos score with the whole network.
"""

from __future__ import annotations

import argparse
import logging
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from descale.data import Dataset, Sample, load_dataset
from descale.data.loading import load_split
from descale.evaluation import ImageConfusions, paired_drop, score_interval
from descale.evaluation.evaluate import image_confusions
from descale.models import Normalisation, SavedModel, build_network, load_model
from descale.stopwatch.report import write_csv
from descale.training.losses import SummedLoss

logger = logging.getLogger("refit")
AT_ONCE = 8


class Replay(nn.Module):
    """Gives logits that are known, in the order of the pictures it is asked about."""

    def __init__(self, logits: Tensor, mode: str = "") -> None:
        super().__init__()
        self.logits, self.mode, self.next = logits, mode, 0

    def forward(self, pictures: Tensor) -> Tensor:
        found = self.logits[self.next : self.next + len(pictures)].float()
        self.next += len(pictures)
        return functional.interpolate(found, scale_factor=2, mode=self.mode) if self.mode else found


@torch.no_grad()
def seen(model: SavedModel, samples: Sequence[Sample]) -> tuple[Tensor, Tensor, Tensor]:
    """What the last block of the decoder reads, the logits of the whole network (float16), and labels."""
    decoder = model.network.get_submodule("decoder")
    last = list(decoder.get_submodule("blocks").children())[-1]
    given: list[Tensor] = []
    hook = last.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0].half()))
    pixels = load_split(samples, model.spec.input_size)
    normalise = Normalisation(model.spec)
    logits = []
    for first in range(0, len(pixels), AT_ONCE):
        logits.append(model.network(normalise(pixels.images[first : first + AT_ONCE])).half())
        logger.info("%d of %d photos", min(first + AT_ONCE, len(pixels)), len(pixels))
    hook.remove()
    return torch.cat(given), torch.cat(logits), pixels.masks


def fit(head: nn.Module, features: Tensor, labels: Tensor, given: argparse.Namespace) -> None:
    """Fit the head alone, with the loss of `descale train` and a rate that falls to nothing."""
    loss = SummedLoss(given.loss)
    optimizer = torch.optim.AdamW(head.parameters(), lr=given.rate)
    total = given.epochs * math.ceil(len(features) / AT_ONCE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, total)
    order = torch.Generator().manual_seed(0)
    for epoch in range(given.epochs):
        lost = 0.0
        for some in torch.randperm(len(features), generator=order).split(AT_ONCE):
            optimizer.zero_grad()
            value = loss(head(features[some].float()), labels[some].long())
            value.backward()
            optimizer.step()
            schedule.step()
            lost += value.item() * len(some) / len(features)
        logger.info("epoch %d: loss %.4f", epoch + 1, lost)


def score(model: SavedModel, network: nn.Module, samples: Sequence[Sample]) -> ImageConfusions:
    return image_confusions(replace(model, network=network), samples)


def chosen(dataset: Dataset, count: int) -> list[Sample]:
    """Photos of the training split, evenly over it."""
    samples = dataset.split("train")
    return [samples[i * len(samples) // count] for i in range(min(count, len(samples)))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, help="model folder of a dense network")
    parser.add_argument("data", help="data set, as for `descale train`")
    parser.add_argument("--photos", type=int, default=160, help="of the training split, for the head")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--loss", default="dice+cross-entropy")
    parser.add_argument("--out", type=Path, required=True, help="CSV to write")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(0)
    torch.set_num_threads(1)

    model = load_model(given.model)
    dataset = load_dataset(given.data, binary=len(model.spec.classes) == 2)
    half = replace(model.spec, architecture=f"{model.spec.architecture}-half")
    head = build_network(half).get_submodule("segmentation_head")
    features, _, labels = seen(model, chosen(dataset, given.photos))
    assert isinstance(head, nn.Sequential)
    fit(head.train(), features, labels, given)
    lines = []
    for split in ("valid", "test"):
        samples = dataset.split(split)
        features, logits, _ = seen(model, samples)
        with torch.no_grad():
            small = torch.cat([head[0](some.float()) for some in features.split(AT_ONCE)])
        whole = score(model, Replay(logits), samples)
        for name, found in {
            "whole network": whole,
            "half, bilinear": score(model, Replay(small, "bilinear"), samples),
            "half, nearest": score(model, Replay(small, "nearest"), samples),
        }.items():
            interval = score_interval([found], dataset.classes)
            drop = paired_drop([whole], [found], dataset.classes).interval
            lines.append(
                {
                    "network": name, "split": split, "photos": len(samples),
                    "iou_corrosion": round(interval.estimate, 4),
                    "low": round(interval.low, 4), "high": round(interval.high, 4),
                    "drop": round(drop.estimate, 4),
                    "drop_low": round(drop.low, 4), "drop_high": round(drop.high, 4),
                    "trained_photos": given.photos, "epochs": given.epochs, "input_size": half.input_size[0],
                }
            )  # fmt: skip
            print(*lines[-1].values(), flush=True)
        write_csv(given.out, lines)


if __name__ == "__main__":
    main()
