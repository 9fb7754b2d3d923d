"""The baseline: Torch-Pruning as its documentation uses it, on the dense parents of a finished study.

One shot (``pruning_ratio``, group magnitude importance, the head ignored), then fine-tuning on the labels for
the epochs that descale spends on schedule and recovery together, with the settings of descale's recovery, or
with the parent's own (``--settings parent``), which are those that a user who has just trained it would take.
MA-Net's attention, on which its graph does not come to an end, is declared as one leaf, which is the
documented way out; nothing else is helped.

    python benchmarks/pruning/plain_torch_pruning.py runs/rust-photos-160 --data ../shared/data/rust-photos \
        --sparsity 0.9 --out runs/plain_torch_pruning.csv
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import time
from pathlib import Path
from typing import Any

import torch
import torch_pruning as tp
from segmentation_models_pytorch.decoders.manet.decoder import PABBlock
from torch import nn

from descale.data import load_dataset
from descale.evaluation import result_columns, summarise
from descale.evaluation.evaluate import image_confusions
from descale.models import SavedModel, count_macs, count_parameters, load_model
from descale.pruning import PruningConfig
from descale.training import DeviceConfig, TrainingConfig, train_network
from descale.training.recovery import pruning_epochs, recovery_side, recovery_training

COLUMNS = (
    "dataset", "architecture", "encoder", "strategy", "sparsity", "seed", "sparsity_realised", "params",
    "macs", "iou_corrosion", "f1_corrosion", "iou_paper", "iou_trivial", "iou_dense", "iou_drop", "epochs",
    "settings", "seconds", "torch_pruning", "torch",
)  # fmt: skip


class AttentionAsLeaf(tp.BasePruningFunc):
    """Cut MA-Net's position attention as the dependency graph asks: outputs are inputs."""

    def prune_out_channels(self, layer: PABBlock, idxs: list[int]) -> nn.Module:
        for conv in (layer.top_conv, layer.center_conv, layer.bottom_conv, layer.out_conv):
            tp.prune_conv_in_channels(conv, idxs)
        tp.prune_conv_out_channels(layer.bottom_conv, idxs)
        tp.prune_conv_out_channels(layer.out_conv, idxs)
        layer.in_channels -= len(idxs)
        return layer

    prune_in_channels = prune_out_channels

    def get_out_channels(self, layer: PABBlock) -> int:
        return layer.in_channels

    get_in_channels = get_out_channels


def cut(model: SavedModel, sparsity: float) -> float:
    """Prune in place; returns the mean fraction of channels removed over the convolutions but the head."""
    network = model.network.eval()
    convolutions = {
        name: module for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not name.startswith("segmentation_head")
    }  # fmt: skip
    before = {name: module.out_channels for name, module in convolutions.items()}
    pruner = tp.MetaPruner(
        network,
        torch.randn(1, 3, *model.spec.input_size),
        importance=tp.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=sparsity,
        ignored_layers=[
            m for m in network.get_submodule("segmentation_head").modules() if isinstance(m, nn.Conv2d)
        ],
        customized_pruners={PABBlock: AttentionAsLeaf()},
        root_module_types=[nn.Conv2d, nn.ConvTranspose2d],
    )
    pruner.step()
    removed = [1 - module.out_channels / before[name] for name, module in convolutions.items()]
    return sum(removed) / len(removed)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("study", type=Path, help="folder of a study whose dense trials are done")
    parser.add_argument("--data", required=True)
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--epochs", type=int, help="default: those of the recipe 'descale'")
    parser.add_argument("--settings", choices=["recovery", "parent"], default="recovery")
    parser.add_argument("--architectures", nargs="*", help="default: all that the study has")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("runs/plain-torch-pruning"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    recipe = PruningConfig.model_validate({"strategy": "agp", "sparsity": options.sparsity})
    epochs = options.epochs or pruning_epochs(recipe)
    dataset = load_dataset(options.data, binary=True)
    done = []
    if options.out.exists():
        with options.out.open(newline="") as file:
            done = list(csv.DictReader(file))
    for path in sorted(options.study.glob("trials/*/trial.json")):
        trial = json.loads(path.read_text())
        wanted = options.architectures is None or trial["architecture"] in options.architectures
        cell = (trial["architecture"], options.sparsity, options.settings)
        finished = any((row["architecture"], float(row["sparsity"]), row["settings"]) == cell for row in done)
        if trial["kind"] != "dense" or not wanted or finished:
            continue
        dense = json.loads((path.parent / "result.json").read_text())
        start = time.perf_counter()
        torch.set_num_threads(options.threads)
        torch.manual_seed(trial["seed"])
        model = load_model(path.parent / "model")
        realised = cut(model, options.sparsity)
        training, side = TrainingConfig.model_validate(trial["training"]), None
        if options.settings == "recovery":
            side = recovery_side(training, recipe)
            training = recovery_training(training, recipe, options.sparsity)
        train_network(
            model.network, dataset, model.spec, training.model_copy(update={"epochs": epochs}),
            options.work / f"{trial['architecture']}-{options.sparsity:g}-{options.settings}",
            seed=trial["seed"], label=f"{trial['architecture']} plain Torch-Pruning", side=side,
            devices=DeviceConfig(threads=options.threads, loggers=(), progress=False),
        )  # fmt: skip
        scores: dict[str, Any] = result_columns(
            summarise(image_confusions(model, dataset.split("test")), dataset.classes)
        )
        row = {
            **{key: trial[key] for key in ("dataset", "architecture", "encoder", "seed")},
            "strategy": "plain-torch-pruning",
            "sparsity": options.sparsity,
            "sparsity_realised": round(realised, 4),
            "params": count_parameters(model.network),
            "macs": count_macs(model.network, model.spec.input_size),
            **{key: scores[key] for key in ("iou_corrosion", "f1_corrosion", "iou_paper", "iou_trivial")},
            "iou_dense": dense["iou_corrosion"],
            "iou_drop": dense["iou_corrosion"] - float(scores["iou_corrosion"]),
            "epochs": epochs,
            "settings": options.settings,
            "seconds": round(time.perf_counter() - start, 1),
            "torch_pruning": importlib.metadata.version("torch-pruning"),
            "torch": torch.__version__,
        }
        done.append(row)
        with options.out.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(done)
        print(f"{row['architecture']}: IoU {row['iou_corrosion']:.4f}, dense {row['iou_dense']:.4f}")


if __name__ == "__main__":
    main()
