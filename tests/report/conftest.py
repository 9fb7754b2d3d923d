"""A synthetic study: photos, labels, predictions, models' descriptions and results, but no network.

Predictions are the truth blurred by noise that grows with the difficulty of a strategy and a sparsity, so
all scores, intervals and pictures are consistent with one another.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from descale.base.classes import BINARY
from descale.evaluation import (
    ImageConfusions,
    confusion_matrix,
    drop_columns,
    paired_drop,
    result_columns,
    score,
    summarise,
    write_confusions,
)

SIZE = 64
WEAKNESS = {"unet": 0.0, "unetplusplus": -0.02, "fpn": 0.03, "linknet": 0.12, "manet": 0.02}
DAMAGE = {"linear": 0.9, "agp": 0.55, "movement": 1.6, "random": 1.7, "slim-scratch": 1.3}
MACS = {"unet": 1.12e9, "unetplusplus": 4.5e9, "fpn": 1.3e9, "linknet": 0.5e9, "manet": 1.6e9}
LAYERS = {
    "encoder.conv_stem": 32,
    "encoder.blocks.0.0.conv_pw": 96,
    "encoder.blocks.1.0.conv_pw": 144,
    "encoder.blocks.2.0.conv_pw": 240,
    "encoder.blocks.3.0.conv_pw": 480,
    "decoder.blocks.0.conv1.0": 256,
    "decoder.blocks.1.conv1.0": 128,
    "decoder.blocks.2.conv1.0": 64,
}


@dataclass(frozen=True)
class Photos:
    """Fields of smooth noise; corroded where the field is high."""

    fields: np.ndarray
    folder: Path

    @property
    def masks(self) -> np.ndarray:
        return (self.fields > 0.7).astype(np.uint8)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(f"photo{i:03d}" for i in range(len(self.fields)))


def smooth(random: np.random.Generator, count: int, octaves: tuple[int, ...] = (4, 8)) -> np.ndarray:
    total = np.zeros((count, SIZE, SIZE))
    for cells in octaves:
        coarse = random.normal(size=(count, cells, cells))
        for index in range(count):
            image = Image.fromarray(coarse[index].astype(np.float32), mode="F")
            total[index] += np.asarray(image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)) * 4 / cells
    return total / total.std()


def make_photos(folder: Path, count: int) -> Photos:
    random = np.random.default_rng(7)
    photos = Photos(smooth(random, count), folder)
    for split in ("train", "valid", "test"):
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for index, name in enumerate(photos.ids if split == "test" else (f"{split}0", f"{split}1")):
            mask = photos.masks[index]
            steel = np.array([120, 130, 140]) + random.normal(scale=12, size=(SIZE, SIZE, 1))
            rust = np.array([150, 80, 40]) + random.normal(scale=20, size=(SIZE, SIZE, 1))
            image = np.clip(np.where(mask[..., None] > 0, rust, steel), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(folder / split / "images" / f"{name}.png")
            Image.fromarray(mask * 255).save(folder / split / "masks" / f"{name}.png")
    return photos


def predict(photos: Photos, difficulty: float, seed: int) -> np.ndarray:
    noise = smooth(np.random.default_rng(seed), len(photos.fields), (6, 12))
    fuzz = np.random.default_rng(seed + 1).lognormal(0, 0.5, size=(len(photos.fields), 1, 1))
    return (photos.fields + noise * (0.25 + difficulty) * fuzz > 0.7).astype(np.uint8)


def make_study(
    folder: Path,
    *,
    architectures: tuple[str, ...] = ("unet", "linknet"),
    strategies: tuple[str, ...] = ("linear", "agp", "movement"),
    controls: tuple[str, ...] = ("random", "slim-scratch"),
    sparsities: tuple[float, ...] = (0.5, 0.9),
    seeds: tuple[int, ...] = (0, 1),
    photos: int = 16,
    latency: bool = True,
    failures: int = 0,
) -> Path:
    """Write a whole study folder and return it."""
    shots = make_photos(folder / "photos", photos)
    rows: list[dict[str, object]] = []
    for seed in seeds:
        for architecture in architectures:
            dense = _trial(folder, shots, architecture, "dense", 0.0, seed, None, latency, rows)
            for sparsity in sparsities:
                for strategy in (*strategies, *controls):
                    _trial(folder, shots, architecture, strategy, sparsity, seed, dense, latency, rows)
    for index in range(failures):
        identity = {key: rows[-1 - index][key] for key in list(rows[0])[:6]}
        rows[-1 - index] = {
            **identity,
            "status": "failed: loss is not finite <at step 3>",
            "trial": f"f{index}",
        }
    write_rows(folder / "results.csv", rows)
    (folder / "study.json").write_text(
        json.dumps(
            {
                "study": "synthetic",
                "trials": len(rows) + 3 * bool(failures),
                "study_text": "name: synthetic\n",
                "data": [{"name": "photos", "fingerprint": "ab" * 32, "source": "photos"}],
                "starts": [{"command": "descale study synthetic.yaml", "versions": {"torch": "2.14"}}],
            }
        )
    )
    return folder


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)


def _trial(
    folder: Path,
    photos: Photos,
    architecture: str,
    strategy: str,
    sparsity: float,
    seed: int,
    dense: ImageConfusions | None,
    latency: bool,
    rows: list[dict[str, object]],
) -> ImageConfusions:
    damage = (
        DAMAGE.get(strategy, 0.0) * (0.05 * sparsity + 0.25 * sparsity**6) * (1 + 8 * WEAKNESS[architecture])
    )
    number = sum(map(ord, architecture)) + 17 * seed
    predicted = predict(photos, 0.15 + WEAKNESS[architecture] + damage, number)
    if architecture == "linknet" and strategy == "random" and sparsity >= 0.9:
        predicted = np.zeros_like(predicted)  # a collapsed model
    counts = np.stack([confusion_matrix(t, p, 2) for t, p in zip(photos.masks, predicted, strict=True)])
    scenes = tuple(f"scene{i // 2}" for i in range(len(photos.ids)))
    confusions = ImageConfusions(photos.ids, scenes, counts)
    name = f"{architecture}-{strategy}-{sparsity:g}-{seed}"
    trial = folder / "trials" / name
    (trial / "masks").mkdir(parents=True)
    for photo, mask in zip(photos.ids, predicted, strict=True):
        Image.fromarray(mask).save(trial / "masks" / f"{photo}.png")
    write_confusions(trial / "confusions.csv", {"valid": confusions, "test": confusions})
    random = np.random.default_rng(number)
    kept = {
        k: max(2, round(w * min(1.0, (1 - sparsity) * random.uniform(0.5, 1.5)))) for k, w in LAYERS.items()
    }
    (trial / "model").mkdir()
    (trial / "model" / "model.json").write_text(
        json.dumps(
            {
                "classes": BINARY.to_json(),
                "dense_widths": {k: {"in_channels": 3, "out_channels": w} for k, w in LAYERS.items()},
                "widths": {
                    k: {"in_channels": 3, "out_channels": LAYERS[k] if strategy == "dense" else w}
                    for k, w in kept.items()
                },
            }
        )
    )
    (trial / "trial.json").write_text(
        json.dumps(
            {
                "id": name,
                "source": {"source": str(photos.folder)},
                "parents": [],
                "classes": BINARY.to_json(),
            }
        )
    )
    parent = dense if dense is not None else confusions
    share = (1 - sparsity) ** 2 * random.uniform(0.9, 1.1)
    macs = MACS[architecture] * (share if strategy != "dense" else 1)
    rows.append(
        {
            "dataset": "photos",
            "architecture": architecture,
            "encoder": "tu-tf_efficientnet_lite0",
            "strategy": strategy,
            "sparsity": sparsity,
            "seed": seed,
            "sparsity_realised": sparsity,
            "params": int(macs / 200),
            "macs": int(macs),
            "size_bytes": int(macs / 49),
            **result_columns(summarise(confusions, BINARY)),
            "iou_colour": 0.31,
            "iou_dense": score(parent, BINARY).iou_corrosion,
            **drop_columns(paired_drop([parent], [confusions], BINARY, replicates=40)),
            **({"latency_ms": round(1.5 + macs / 1.4e7, 2)} if latency else {}),
            "seconds": 61.5,
            "status": "ok",
            "trial": name,
        }
    )
    return confusions


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study with a few failures."""
    return make_study(tmp_path_factory.mktemp("study") / "synthetic", failures=2)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """Make another study: ``make(seeds=(0,), ...)``."""
    return lambda **settings: make_study(tmp_path / "study", **settings)
