"""One picture and its label, written in every format that is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.data.conftest import HEIGHT, WIDTH, photo_of

from descale.data import Dataset
from descale.data.presets import SSCS

CLASSES = """
classes:
  - {name: good, colour: [0, 0, 0]}
  - {name: fair, colour: [128, 0, 0], corrosion: true}
  - {name: poor, colour: [0, 128, 0], corrosion: true}
  - {name: severe, colour: [128, 128, 0], corrosion: true}
"""


def expected_mask() -> np.ndarray:
    """A fair block with a severe corner over it."""
    mask = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    mask[10:31, 6:31] = 1
    mask[20:31, 20:46] = 3
    return mask


FAIR_BOX = [6, 10, 30, 10, 30, 30, 6, 30]
SEVERE_BOX = [20, 20, 45, 20, 45, 30, 20, 30]


def train_folder(root: Path, folder: str = "train") -> Path:
    (root / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo_of(0, (HEIGHT, WIDTH))).save(root / folder / "a.png")
    return root


def write_colours(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/masks").mkdir()
    palette = np.array(SSCS.table.colours, dtype=np.uint8)
    Image.fromarray(palette[expected_mask()]).save(root / "train/masks/a.png")
    (root / "dataset.yaml").write_text("format: colour-masks" + CLASSES)


def write_ids(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/masks").mkdir()
    Image.fromarray(expected_mask()).save(root / "train/masks/a.png")
    (root / "dataset.yaml").write_text("format: id-masks" + CLASSES)


def yolo_line(number: int, box: list[float]) -> str:
    shares = [value / (HEIGHT if i % 2 else WIDTH) for i, value in enumerate(box)]
    return f"{number} " + " ".join(f"{share!r}" for share in shares)


def write_yolo(root: Path) -> None:
    train_folder(root, "train/images")
    (root / "train/labels").mkdir()
    (root / "train/labels/a.txt").write_text(f"{yolo_line(0, FAIR_BOX)}\n\n{yolo_line(1, SEVERE_BOX)}\n")
    (root / "data.yaml").write_text("train: C:\\Users\\me\\set\\train\nnc: 2\nnames: ['Fair', 'Very bad']\n")
    (root / "dataset.yaml").write_text("format: yolo" + CLASSES + "label_names: {Very bad: severe}\n")


def coco_content(**changes: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 0, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}],
        "categories": [
            {"id": 0, "name": "steel-things", "supercategory": "none"},
            {"id": 1, "name": "Fair", "supercategory": "steel-things"},
            {"id": 2, "name": "severe", "supercategory": "steel-things"},
        ],
        "annotations": [
            {"id": 5, "image_id": 0, "category_id": 1, "segmentation": [FAIR_BOX[:8]]},
            {"id": 6, "image_id": 0, "category_id": 2, "segmentation": [SEVERE_BOX]},
        ],
    } | changes


def write_coco(root: Path, **changes: Any) -> None:
    train_folder(root)
    (root / "train/_annotations.coco.json").write_text(json.dumps(coco_content(**changes)))
    (root / "dataset.yaml").write_text("format: coco" + CLASSES)


def shape(name: str, box: list[float], scale: tuple[float, float] = (1, 1), **changes: Any) -> dict[str, Any]:
    points = [[x * scale[0], y * scale[1]] for x, y in zip(box[::2], box[1::2], strict=True)]
    return {"label": name, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}} | changes


def write_labelme(
    root: Path, scale: tuple[int, int] = (1, 1), shapes: list[dict[str, Any]] | None = None
) -> None:
    train_folder(root)
    drawn = (
        [shape("2_Fair", FAIR_BOX, scale), shape("Severe", SEVERE_BOX, scale)] if shapes is None else shapes
    )
    content = {
        "version": "4.5.6", "flags": {}, "shapes": drawn, "imagePath": "DSCN0411.JPG", "imageData": None,
        "imageHeight": HEIGHT * scale[1], "imageWidth": WIDTH * scale[0],
    }  # fmt: skip
    (root / "train/a.json").write_text(json.dumps(content))
    (root / "dataset.yaml").write_text("format: labelme" + CLASSES + "label_names: {2_Fair: fair}\n")


WRITERS = {
    "id-masks": write_ids,
    "colour-masks": write_colours,
    "coco": write_coco,
    "yolo": write_yolo,
    "labelme": write_labelme,
}


def only_mask(dataset: Dataset) -> np.ndarray:
    (sample,) = dataset.samples
    return sample.read_mask()
