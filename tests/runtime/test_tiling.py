"""Tiles cover a picture, and their blend equals the whole."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.runtime.tiny_networks import network, write_bundle

from descale.runtime import Segmenter
from descale.runtime.tiling import blend, plan_tiles


@given(
    length=st.integers(1, 3000),
    stride=st.sampled_from([1, 8, 32]),
    tile=st.integers(4, 20),
    overlap=st.integers(0, 5),
)
@settings(max_examples=300, deadline=None)
def test_spans_cover_on_the_grid(length: int, stride: int, tile: int, overlap: int) -> None:
    overlap = min(overlap, tile // 4) * stride
    tile *= stride
    spans = plan_tiles(length, length, tile=tile, overlap=overlap, stride=stride).rows
    assert spans[0].start == 0
    assert 0 <= spans[-1].stop - length < stride or len(spans) > 1
    assert spans[-1].stop >= length > spans[-1].start
    assert len({span.stop - span.start for span in spans}) == 1
    assert all(span.start % stride == 0 and span.stop - span.start <= tile for span in spans)
    assert all(a.stop - b.start >= overlap for a, b in pairwise(spans))
    assert all(a.stop <= c.start for a, c in zip(spans, spans[2:], strict=False)), "three tiles overlap"


@given(height=st.integers(1, 400), width=st.integers(1, 400), overlap=st.sampled_from([0, 8, 24]))
@settings(max_examples=50, deadline=None)
def test_blend_of_equal_values_is_the_picture(height: int, width: int, overlap: int) -> None:
    plan = plan_tiles(height, width, tile=96, overlap=overlap, stride=8)
    padded = np.random.default_rng(0).random((2, plan.rows[-1].stop, plan.columns[-1].stop), dtype=np.float32)
    tiles = (padded[:, r.start : r.stop, c.start : c.stop].copy() for r, c in plan.boxes())
    result = np.full((2, height, width), np.nan, np.float32)
    for top, left, block in blend(plan, tiles):
        area = result[:, top : top + block.shape[1], left : left + block.shape[2]]
        assert np.isnan(area).all(), "blocks overlap"
        area[:] = block
    np.testing.assert_allclose(result, padded[:, :height, :width], atol=1e-6)


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
def test_tiles_equal_the_whole_picture(tmp_path: Path, engine: str) -> None:
    """A network on a grid of 16 that sees 8 pixels beyond a cell: an overlap of 64 leaves no seam at all."""
    weights = np.random.default_rng(1).normal(size=(2, 3, 31, 31)).astype(np.float32)
    content = network(weights, mean=0.5, stride=16)
    picture = np.random.default_rng(2).integers(0, 256, (301, 650, 3), np.uint8)
    folder = write_bundle(tmp_path / "b", content, tile=256, overlap=64, stride=16)
    whole = Segmenter.from_bundle(folder, engine, tile=1024, threads=1).logits(picture)
    for tile in (256, 320):
        for threads in (1, 2):
            tiled = Segmenter.from_bundle(folder, engine, tile=tile, threads=threads).logits(picture)
            np.testing.assert_allclose(tiled, whole, atol=1e-5 * np.abs(whole).max())


def test_a_network_that_sees_too_far_shows_no_step(tmp_path: Path) -> None:
    """Where tiles cannot agree, blending spreads the difference: no jump at a border of tiles."""
    weights = np.full((2, 3, 65, 65), 1e-3, np.float32)
    weights[0] = 0
    folder = write_bundle(tmp_path / "b", network(weights), tile=256, overlap=64)
    picture = np.full((64, 700, 3), 255, np.uint8)  # constant, so every step is the tiles' doing
    logits = Segmenter.from_bundle(folder, threads=1).logits(picture)[1, 32]
    inner = logits[40:-40]
    assert np.abs(inner - np.median(inner)).max() > 0.01, "the test wants tiles that disagree"
    assert np.abs(np.diff(inner)).max() < 0.05 * np.median(inner)
