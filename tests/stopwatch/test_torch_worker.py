from __future__ import annotations

from pathlib import Path

import pytest

from descale.deploy.export.bundle import export_model
from descale.models import SavedModel, save_model
from descale.stopwatch.contestants import bundle_contestants
from descale.stopwatch.measure import measure
from descale.stopwatch.torch_worker import torch_contestant


@pytest.fixture(scope="module")
def folder(unet: SavedModel, photos: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("measured")
    save_model(root / "model", unet)
    export_model(unet, root / "bundle.zip", targets=["onnx"], photos=photos)
    return root


def test_bundle_and_torch_model_are_measured_side_by_side(folder: Path) -> None:
    size = (64, 96)
    contestants = [
        torch_contestant(folder / "model", size=size),
        *bundle_contestants([folder / "bundle.zip"], size=size, engines=["onnxruntime"]),
    ]
    assert contestants[0].macs == pytest.approx(contestants[1].macs)
    dense, bundle = measure(contestants, size=size, threads=1, rounds=2, runs=3)
    for one in (dense, bundle):
        assert one.seconds.shape == (2, 3, 4)
        assert (one.seconds[..., 1] > 0).all()
        assert (one.seconds[..., :3].sum(axis=-1) <= one.seconds[..., 3] * 1.01).all()
        assert one.start_up > one.load > 0
        assert one.contestant.bytes_on_disk > 1_000_000
    assert bundle.peak_rss < dense.peak_rss  # torch alone takes more than the whole runtime
