"""Augmented views of the training photos with the parent's logits, computed once and kept on disk.

A slim network trains many times faster than its parent runs; computing the parent's answers once per
view instead of once per step makes hundreds of cheap epochs affordable. Mirrors and light, which need
no new answer, are drawn anew in every epoch.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap
from rich.progress import track
from torch import Tensor
from torchvision.transforms.v2 import functional as transform

from descale.base.files import replacing_folder, write_json
from descale.data.augment import augment_batch, make_augmentation
from descale.data.loading import PixelArrays
from descale.models import SavedModel, memory_format
from descale.training.batches import Batch
from descale.training.bfloat import cpu_has_bfloat16

logger = logging.getLogger(__name__)

CHUNK = 16
JITTERED = 4
"""Pictures of a batch that share one change of light."""


class TeacherViews:
    """Batches of views with the parent's logits (see :class:`descale.training.batches.BatchSource`)."""

    def __init__(self, folder: Path, photos: int) -> None:
        self._folder = folder
        self._images = np.load(folder / "images.npy", mmap_mode="r")
        self._masks = np.load(folder / "masks.npy", mmap_mode="r")
        self._soft = np.load(folder / "soft.npy", mmap_mode="r")
        self._photos = photos
        self._views = len(self._images) // photos

    def __reduce__(self) -> tuple[Any, ...]:
        return TeacherViews, (self._folder, self._photos)  # worker processes map the files themselves

    def __len__(self) -> int:
        return self._photos

    def steps(self, batch_size: int) -> int:
        return max(1, self._photos // batch_size)

    def batch(self, indices: Tensor, seed: int) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        views = torch.randint(self._views, indices.shape, generator=generator)
        rows = (views * self._photos + indices).numpy()
        image = torch.from_numpy(self._images[rows])
        mask = torch.from_numpy(self._masks[rows])
        soft = torch.from_numpy(self._soft[rows])
        flips = torch.rand(2, len(indices), generator=generator) < torch.tensor([[0.5], [0.2]])
        for axis, chosen in ((-1, flips[0]), (-2, flips[1])):
            for tensor in (image, mask, soft):
                tensor[chosen] = tensor[chosen].flip(axis)
        light = 0.75 + 0.5 * torch.rand(3, -(-len(indices) // JITTERED), generator=generator)
        for part, (brightness, contrast, saturation) in zip(
            image.split(JITTERED), light.T.tolist(), strict=True
        ):
            part.copy_(transform.adjust_brightness(part, brightness))
            part.copy_(transform.adjust_contrast(part, contrast))
            part.copy_(transform.adjust_saturation(part, saturation))
        return {"image": image, "mask": mask, "soft": soft}


def teacher_views(
    parent: SavedModel,
    arrays: PixelArrays,
    *,
    identity: str,
    size: tuple[int, int],
    augmentation: str,
    views: int,
    cache: Path,
    seed: int = 0,
) -> TeacherViews:
    """Views with the parent's logits, taken from ``cache`` if they were computed before.

    Args:
        parent: the dense network.
        arrays: photos and labels of the training split.
        identity: what tells this parent and these photos from others.
        size: (height, width) of the views.
        augmentation: name of an augmentation that crops.
        views: copies of each photo.
        cache: folder that keeps them, about ``views x photos x size x 8`` bytes for two classes.
        seed: of the augmentation.
    """
    made_from = {
        "identity": identity, "size": list(size), "augmentation": augmentation, "views": views, "seed": seed,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache / f"views-{digest}"
    if not (folder / "views.json").exists():
        logger.info("computing the parent's answers on %d views of %d photos", views, len(arrays))
        with replacing_folder(folder) as temporary:
            _compute(parent, arrays, size, augmentation, views, seed, temporary)
            write_json(temporary / "views.json", made_from)
    return TeacherViews(folder, len(arrays))


def _compute(
    parent: SavedModel,
    arrays: PixelArrays,
    size: tuple[int, int],
    augmentation: str,
    views: int,
    seed: int,
    folder: Path,
) -> None:
    count, classes = views * len(arrays), len(parent.spec.classes)
    images = open_memmap(folder / "images.npy", mode="w+", dtype=np.uint8, shape=(count, 3, *size))
    masks = open_memmap(folder / "masks.npy", mode="w+", dtype=np.uint8, shape=(count, *size))
    soft = open_memmap(folder / "soft.npy", mode="w+", dtype=np.float16, shape=(count, classes, *size))
    augment = make_augmentation(augmentation, size)
    layout = memory_format(parent.network)
    network = parent.network.eval().to(memory_format=layout)
    mean = torch.tensor(parent.spec.mean).view(1, 3, 1, 1) * 255
    std = torch.tensor(parent.spec.std).view(1, 3, 1, 1) * 255
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=cpu_has_bfloat16()):
        for start in track(range(0, count, CHUNK), description="parent's answers", transient=True):
            rows = torch.arange(start, min(start + CHUNK, count)) % len(arrays)
            picture, label = augment_batch(
                augment, arrays.images[rows], arrays.masks[rows], seed=seed * 1_000_003 + start
            )
            here = slice(start, start + len(rows))
            images[here], masks[here] = picture.numpy(), label.numpy()
            pixels = ((picture.float() - mean) / std).contiguous(memory_format=layout)
            soft[here] = network(pixels).clamp(-30, 30).half().numpy()
    for array in (images, masks, soft):
        array.flush()
