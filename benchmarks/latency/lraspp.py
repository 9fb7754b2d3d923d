"""Train the usual light network, torchvision's LR-ASPP MobileNetV3-Large, as a model here was trained.

    python benchmarks/latency/lraspp.py DATA OUT --like MODEL

Epochs, picture size, loss, learning rate and seed are those written in MODEL's provenance. The backbone
starts from scratch unless --backbone names a file with torchvision's ImageNet weights. OUT becomes a
bundle (onnx and openvino), with the scores on the validation and test split in it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.segmentation import lraspp_mobilenet_v3_large

from descale.data import load_dataset
from descale.deploy.export.bundle import export_model
from descale.evaluation import summarise
from descale.evaluation.evaluate import image_confusions
from descale.models import ModelSpec, SavedModel, load_model
from descale.training import TrainingConfig
from descale.training.train import provenance, train_network

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class LightNetwork(nn.Module):
    """Logits as a tensor instead of a dictionary."""

    def __init__(self, classes: int, backbone_weights: Path | None) -> None:
        super().__init__()
        self.network = lraspp_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=classes)
        if backbone_weights is not None:
            state = torch.load(backbone_weights, weights_only=True)
            state = {k.removeprefix("features."): v for k, v in state.items() if k.startswith("features.")}
            self.network.backbone.load_state_dict(state, strict=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x)["out"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("data", help="data set, as for `descale train`")
    parser.add_argument("out", type=Path, help="bundle to write")
    parser.add_argument("--like", type=Path, required=True, help="model folder whose training is copied")
    parser.add_argument("--epochs", type=int, help="other than those of --like")
    parser.add_argument("--backbone", type=Path, help="torchvision's mobilenet_v3_large weights")
    parser.add_argument("--checkpoints", type=Path, help="folder to continue from  [default: temporary]")
    given = parser.parse_args()

    like = load_model(given.like)
    dataset = load_dataset(given.data, binary=len(like.spec.classes) == 2)
    config = TrainingConfig.model_validate(dict(like.provenance["training"]))
    if given.epochs:
        config = config.model_copy(update={"epochs": given.epochs})
    seed = int(like.provenance.get("seed", 0))
    spec = ModelSpec(
        "lraspp", "mobilenet_v3_large", dataset.classes, *IMAGENET, input_size=like.spec.input_size
    )
    torch.manual_seed(seed)
    network = LightNetwork(len(dataset.classes), given.backbone)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.checkpoints or Path(temporary)
        train_network(network, dataset, spec, config, folder, seed=seed, label="lraspp")
    network.eval()
    made_by = provenance(dataset, config, seed) | {
        "strategy": "dense", "encoder_weights": str(given.backbone or "none"),
    }  # fmt: skip
    model = SavedModel(spec, network, {}, made_by)
    metrics = {
        split: summarise(image_confusions(model, dataset.split(split)), dataset.classes).to_json()
        for split in ("valid", "test")
    }
    model = SavedModel(spec, network, {}, made_by, metrics)
    photos = [sample.image for sample in dataset.split("valid")]
    export_model(model, given.out, targets=("onnx", "openvino"), photos=photos)
    for split in metrics:
        print(f"{split}: corrosion IoU {metrics[split]['scores']['iou_corrosion']:.4f}")


if __name__ == "__main__":
    main()
