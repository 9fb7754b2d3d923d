"""The procedural set: deterministic, exact, in the common layout, and not solved by colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from descale.base.errors import ConfigError, DataError
from descale.cli.data import app
from descale.data import load_dataset
from descale.synthesize import draw_scene, synthesize

SIZE = (64, 64)
SMALL = (32, 32)


def test_a_scene_depends_on_seed_and_index_alone() -> None:
    one, again = draw_scene(3, 5, SIZE), draw_scene(3, 5, SIZE)
    assert (one.photo == again.photo).all()
    assert (one.severity == again.severity).all()
    assert (draw_scene(3, 6, SIZE).photo != one.photo).any()
    assert (draw_scene(4, 5, SIZE).photo != one.photo).any()


@pytest.mark.parametrize("size", [(32, 32), (48, 96), (130, 70)])
def test_any_size(size: tuple[int, int]) -> None:
    for index in range(4):
        scene = draw_scene(0, index, size)
        assert scene.photo.shape == (*size, 3)
        assert scene.severity.shape == size
        assert scene.photo.dtype == scene.severity.dtype == np.uint8


def test_all_severities_and_spotless_steel_occur() -> None:
    scenes = [draw_scene(0, index, SIZE) for index in range(80)]
    counts = np.sum([np.bincount(scene.severity.ravel(), minlength=4) for scene in scenes], axis=0)
    shares = counts / counts.sum()
    assert len(shares) == 4
    assert 0.08 < shares[1:].sum() < 0.35
    assert shares[1:].min() > 0.015
    assert any(not scene.severity.any() for scene in scenes)


def test_colour_alone_does_not_tell_rust_from_its_lookalikes() -> None:
    """Pixels with the commonest colours of corrosion are sound nearly as often as corroded."""
    scenes = [draw_scene(1, index, SIZE) for index in range(80)]
    pixels = np.concatenate([scene.photo.reshape(-1, 3) for scene in scenes]).astype(np.int64) // 32
    corroded = np.concatenate([scene.severity.ravel() for scene in scenes]) > 0
    codes = pixels @ (64, 8, 1)
    of_rust, of_sound = (
        np.bincount(codes[corroded], minlength=512),
        np.bincount(codes[~corroded], minlength=512),
    )
    # the best that any table of these colours can reach: call corroded where that gains IoU, best first
    order = np.argsort(-(of_rust / np.maximum(of_rust + of_sound, 1)))
    hits, false = np.cumsum(of_rust[order]), np.cumsum(of_sound[order])
    assert (hits / (corroded.sum() + false)).max() < 0.42  # 0.77 without any lookalike


@pytest.mark.parametrize("classes", [2, 4])
def test_the_set_is_in_the_common_layout(tmp_path: Path, classes: int) -> None:
    out = synthesize(tmp_path / "set", count=40, classes=classes, seed=7, size=SMALL)
    dataset = load_dataset(out)
    assert [len(dataset.split(name)) for name in ("train", "valid", "test")] == [28, 6, 6]
    assert len(dataset.classes) == classes
    assert len({sample.group for sample in dataset.samples}) == 40
    sample = next(sample for sample in dataset.samples if sample.id == "00011")
    severity = draw_scene(7, 11, SMALL).severity
    assert (sample.read_mask() == (severity if classes == 4 else severity > 0)).all()
    drawn = draw_scene(7, 11, SMALL).photo.astype(int)
    assert np.abs(sample.read_image().astype(int) - drawn).mean() < 15


def test_the_same_command_gives_the_same_bytes_and_more_photos_change_none(tmp_path: Path) -> None:
    short = load_dataset(synthesize(tmp_path / "a", count=20, size=SMALL))
    again = load_dataset(synthesize(tmp_path / "b", count=20, size=SMALL))
    assert short.fingerprint() == again.fingerprint()
    longer = {
        sample.id: sample for sample in load_dataset(synthesize(tmp_path / "c", count=40, size=SMALL)).samples
    }
    for sample in short.samples:
        assert longer[sample.id].split == sample.split
        assert longer[sample.id].image.read_bytes() == sample.image.read_bytes()


def test_a_synthetic_set_is_replaced_and_anything_else_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "set"
    synthesize(out, count=40, size=SMALL)
    synthesize(out, count=20, size=SMALL)
    assert len(load_dataset(out)) == 20
    (tmp_path / "mine").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "mine/a.png")
    with pytest.raises(DataError, match="holds something else"):
        synthesize(tmp_path / "mine", count=20, size=SMALL)
    assert (tmp_path / "mine/a.png").exists()


@pytest.mark.parametrize("name", ["notes.txt", "train/images/mine.jpg", "train/images/00020.jpg", ".notes/a"])
def test_a_synthetic_set_with_files_of_others_is_left_alone(tmp_path: Path, name: str) -> None:
    out = synthesize(tmp_path / "set", count=20, size=SMALL)
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text("precious")
    with pytest.raises(DataError, match=rf"set: holds {name}, which is not of the .* or move it"):
        synthesize(out, count=40, size=SMALL)
    assert (out / name).read_text() == "precious"
    assert len(list(out.glob("*/images/000*.jpg"))) == 20 + (name == "train/images/00020.jpg")


def test_an_interruption_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synthesize(tmp_path / "set", count=20, size=SMALL, progress=interrupt)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"count": 19}, "--count 19 is too few"),
        ({"classes": 3}, "--classes 3"),
        ({"seed": -1}, "--seed -1"),
        ({"size": (16, 64)}, "16 x 64"),
    ],
)
def test_settings_out_of_range(tmp_path: Path, settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        synthesize(tmp_path / "set", **({"count": 20} | settings))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_command(tmp_path: Path) -> None:
    words = [
        "synthesize",
        str(tmp_path / "set"),
        "--count",
        "20",
        "--classes",
        "4",
        "--seed",
        "2",
        "--size",
        "32",
    ]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0
    assert len(load_dataset(tmp_path / "set").classes) == 4
