from __future__ import annotations

import numpy as np
import pytest

from descale.base.classes import BINARY
from descale.evaluation import ImageConfusions, paired_drop, scene_influences

SCENES = ("wall", "wall", "tank", "tank", "pipe", "pipe")


def run(false: tuple[int, ...], groups: tuple[str, ...] = SCENES) -> ImageConfusions:
    """Six photos with 100 corroded pixels each, all found, and as many false ones as given."""
    counts = np.array([[[1000 - wrong, wrong], [0, 100]] for wrong in false])
    return ImageConfusions(tuple(f"p{i}" for i in range(6)), groups, counts)


def test_the_scene_that_makes_the_drop_comes_first() -> None:
    dense, pruned = run((0,) * 6), run((0, 0, 0, 600, 0, 0))
    first, *others = scene_influences([dense], [pruned], BINARY)
    assert (first.scene, first.images) == ("tank", ("p2", "p3"))
    assert first.without == 0.0
    assert first.share == pytest.approx(0.5)  # 600 of 1200 pixels of the union
    assert all(entry.share < 0 for entry in others)  # without another scene the drop would be larger
    assert {entry.without for entry in others} == {1 - 400 / 1000}


def test_share_and_rest_make_the_whole_drop() -> None:
    dense, pruned = run((5, 0, 9, 0, 0, 30)), run((50, 10, 0, 80, 3, 0))
    whole = paired_drop([dense], [pruned], BINARY).interval.estimate
    for entry in scene_influences([dense], [pruned], BINARY):
        assert entry.without + entry.share == pytest.approx(whole)


def test_a_scene_that_hides_a_drop_is_found_too() -> None:
    dense, pruned = run((0, 500, 0, 0, 0, 0)), run((0, 0, 60, 60, 60, 60))
    first = scene_influences([dense], [pruned], BINARY)[0]
    assert first.scene == "wall"
    assert first.share < 0 < first.without


def test_images_stand_for_unknown_scenes() -> None:
    dense, pruned = run((0,) * 6, ("",) * 6), run((0, 0, 0, 600, 0, 0), ("",) * 6)
    entries = scene_influences([dense], [pruned], BINARY)
    assert (len(entries), entries[0].scene, entries[0].images) == (6, "p3", ("p3",))


def test_seeds_are_averaged() -> None:
    dense, quiet, loud = run((0,) * 6), run((0,) * 6), run((0, 0, 0, 600, 0, 0))
    first = scene_influences([dense, dense], [quiet, loud], BINARY)[0]
    assert (first.scene, first.share) == ("tank", pytest.approx(0.25))


def test_one_scene_says_nothing() -> None:
    alone = run((0,) * 6, ("hall",) * 6)
    assert scene_influences([alone], [alone], BINARY) == ()


def test_a_scene_with_all_the_corrosion_cannot_be_left_out() -> None:
    counts = np.array([[[100, 0], [0, 50]], [[100, 0], [0, 0]]])
    one = ImageConfusions(("p0", "p1"), ("rusty", "clean"), counts)
    assert [entry.scene for entry in scene_influences([one], [one], BINARY)] == ["clean"]


def test_runs_that_cannot_be_paired_are_refused() -> None:
    whole = run((0,) * 6)
    with pytest.raises(ValueError, match="cannot be paired"):
        scene_influences([whole], [], BINARY)
    other = ImageConfusions(tuple("abcdef"), SCENES, whole.counts)
    with pytest.raises(ValueError, match="different images"):
        scene_influences([whole], [other], BINARY)
