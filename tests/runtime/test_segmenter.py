"""The segmenter finds what the network's weights say, with every engine and through every door."""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.runtime.tiny_networks import FOUR, network, painted, red_network, write_bundle

from descale.base.errors import BundleError, ConfigError, DataError
from descale.runtime import Segmenter, pack_bundle, segmentation, segmenter

ENGINES = ["onnxruntime", "openvino"]
PICTURE = painted(150, 310, (20, 30, 220, 90))


@pytest.mark.parametrize("engine", ENGINES)
def test_two_classes(tiny_bundle: Path, engine: str) -> None:
    result = Segmenter.from_bundle(tiny_bundle, engine)(PICTURE)
    np.testing.assert_array_equal(result.mask, PICTURE[..., 0] > 0)
    assert result.mask.dtype == np.uint8
    assert (result.frame, result.engine) == ((150, 310), engine)
    assert result.confidence > 0.99
    assert set(result.seconds) == {"decode", "prepare", "infer", "decide"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("tile", [128, 512])
def test_four_classes(tmp_path: Path, engine: str, tile: int) -> None:
    folder = write_bundle(tmp_path / "b", red_network(4), classes=FOUR)
    picture = np.zeros((100, 400, 3), np.uint8)
    for k in range(3):
        picture[:, 100 * (k + 1) : 100 * (k + 2), k] = 250
    result = Segmenter.from_bundle(folder, engine, tile=tile)(picture)
    np.testing.assert_array_equal(result.mask, np.arange(400)[None].repeat(100, axis=0) // 100)
    np.testing.assert_array_equal(result.corrosion(), result.mask >= 2)


def test_file_stream_zip_and_array_agree(tiny_bundle: Path, tmp_path: Path) -> None:
    Image.fromarray(PICTURE).save(tmp_path / "p.png")
    pack_bundle(tiny_bundle, tmp_path / "b.zip")
    segmenter = Segmenter.from_bundle(tmp_path / "b.zip")
    masks = [
        segmenter(source).mask
        for source in (
            tmp_path / "p.png",
            str(tmp_path / "p.png"),
            io.BytesIO((tmp_path / "p.png").read_bytes()),
            PICTURE,
        )
    ]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.9])
def test_threshold_is_a_probability(tmp_path: Path, threshold: float) -> None:
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[1, 0] = 8
    folder = write_bundle(tmp_path / "b", network(weights, mean=0.5), threshold=threshold)
    reds = np.arange(256, dtype=np.uint8)
    picture = np.zeros((1, 256, 3), np.uint8)
    picture[..., 0] = reds
    probability = 1 / (1 + np.exp(-8 * (reds / 255 - 0.5)))
    result = Segmenter.from_bundle(folder, "onnxruntime")(picture)
    np.testing.assert_array_equal(result.mask[0], probability >= threshold)
    chosen = np.where(probability >= threshold, probability, 1 - probability)
    assert math.isclose(result.confidence, chosen[::4].mean(), rel_tol=1e-4)


def test_patches_that_are_too_unsure_are_left_out_whatever_the_tiles(tmp_path: Path) -> None:
    weights = np.zeros((2, 3, 1, 1), np.float32)
    weights[1, 0] = 8
    content = network(weights, mean=0.5)
    picture = np.zeros((150, 203, 3), np.uint8)
    picture[10:90, 20:160, 0] = 230  # probability 0.96, over several tiles
    picture[100:140, 30:190, 0] = 150  # 0.67
    kept = write_bundle(tmp_path / "all", content, tile=64, overlap=0)
    bound = write_bundle(tmp_path / "sure", content, tile=64, overlap=0, patch_confidence=0.8)
    everything, sure = (Segmenter.from_bundle(folder, "onnxruntime")(picture) for folder in (kept, bound))
    assert everything.patches_left_out == 0
    assert everything.mask[100:140, 30:190].all()
    assert sure.patches_left_out == 1
    assert not sure.mask[95:].any()
    np.testing.assert_array_equal(sure.mask[:95], everything.mask[:95])


def test_a_network_that_gives_no_numbers_finds_nothing_and_says_so(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / "b", network(np.full((2, 3, 1, 1), np.nan, np.float32)))
    with pytest.raises(BundleError, match="numbers that are none for array"):
        Segmenter.from_bundle(folder, "onnxruntime")(np.zeros((64, 64, 3), np.uint8))


def test_confidence_of_several_classes(tmp_path: Path) -> None:
    weights = np.zeros((4, 3, 1, 1), np.float32)
    weights[3, 0] = math.log(5)
    folder = write_bundle(tmp_path / "b", network(weights), classes=FOUR)
    result = Segmenter.from_bundle(folder)(np.full((64, 64, 3), 255, np.uint8))
    assert math.isclose(result.confidence, 5 / 8, rel_tol=1e-4)  # e^log 5 against three times e^0
    assert (result.mask == 3).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (33, 31)])
def test_small_and_odd_sizes(tiny_bundle: Path, shape: tuple[int, int]) -> None:
    result = Segmenter.from_bundle(tiny_bundle)(painted(*shape, (0, 0, shape[1], shape[0])))
    assert result.mask.shape == shape
    assert (result.mask == 1).all()


def test_scale_gives_a_smaller_mask_in_the_same_frame(tiny_bundle: Path) -> None:
    result = Segmenter.from_bundle(tiny_bundle)(PICTURE, scale=0.5)
    assert result.mask.shape == (75, 155)
    assert result.photo_pixels_per_pixel == 4
    agreement = (result.full_mask() == (PICTURE[..., 0] > 0)).mean()
    assert agreement > 0.99


def test_unless_told_otherwise_things_look_as_large_as_in_training(tmp_path: Path) -> None:
    segmenter = Segmenter.from_bundle(write_bundle(tmp_path / "bundle", input_size=(75, 155)))
    result = segmenter(PICTURE)
    assert result.mask.shape == (75, 155)
    assert result.frame == PICTURE.shape[:2]
    assert segmenter.logits(PICTURE).shape[1:] == (75, 155)
    assert segmenter(PICTURE, scale=1.0).mask.shape == PICTURE.shape[:2]


def test_large_masks_are_packed_and_come_out_the_same(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Segmenter.from_bundle(tiny_bundle)(PICTURE).mask
    monkeypatch.setattr(segmentation, "LARGE_PIXELS", 100)
    monkeypatch.setattr(segmenter, "LARGE_PIXELS", 100)
    np.testing.assert_array_equal(Segmenter.from_bundle(tiny_bundle)(PICTURE).mask, plain)


def test_streams_give_the_same_as_one(tiny_bundle: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (400, 500, 3), np.uint8)
    masks = [Segmenter.from_bundle(tiny_bundle, threads=n)(picture).mask for n in (1, 2, 3)]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


def test_a_network_is_loaded_once_for_photos_of_the_expected_size(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []
    original = segmenter.open_engine
    monkeypatch.setattr(
        segmenter,
        "open_engine",
        lambda *a, streams, **k: (loaded.append(streams), original(*a, streams=streams, **k))[1],
    )
    photo = painted(500, 500)
    Segmenter.from_bundle(tiny_bundle, threads=2, tile=128, expect=photo.shape[:2])(photo)
    assert loaded == [2]
    Segmenter.from_bundle(tiny_bundle, threads=2, tile=128)(photo)
    assert loaded == [2, 1, 2]


def test_engine_is_checked(tiny_bundle: Path) -> None:
    with pytest.raises(ConfigError, match="'tensorrt' is unknown"):
        Segmenter.from_bundle(tiny_bundle, "tensorrt")


def test_engine_that_is_not_installed(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from descale.runtime import engines

    kinds = {name: replace(kind, available=lambda: False) for name, kind in engines.ENGINES.items()}
    monkeypatch.setattr(engines, "ENGINES", kinds | {"onnxruntime": engines.ENGINES["onnxruntime"]})
    assert Segmenter.from_bundle(tiny_bundle).engine_name == "onnxruntime"
    with pytest.raises(ConfigError, match="pip install openvino"):
        Segmenter.from_bundle(tiny_bundle, "openvino")
    monkeypatch.setattr(engines, "ENGINES", kinds)
    with pytest.raises(ConfigError, match="no engine is installed"):
        Segmenter.from_bundle(tiny_bundle)


def test_tile_must_fit_the_bundle(tiny_bundle: Path) -> None:
    for tile in (100, 96, 0, -128):
        with pytest.raises(BundleError, match=f"tile {tile}"):
            Segmenter.from_bundle(tiny_bundle, tile=tile)


def test_broken_photos(tiny_bundle: Path, tmp_path: Path) -> None:
    segmenter = Segmenter.from_bundle(tiny_bundle)
    Image.fromarray(PICTURE).save(tmp_path / "whole.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.jpg").read_bytes()[:900])
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no photo")
    for name, reason in {"cut": "truncated", "empty": "empty", "text": "not an image"}.items():
        with pytest.raises(DataError, match=reason):
            segmenter(tmp_path / f"{name}.jpg")
    with pytest.raises(DataError, match="limit"):
        segmenter(tmp_path / "whole.jpg", max_pixels=100)
