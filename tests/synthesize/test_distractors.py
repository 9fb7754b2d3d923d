from __future__ import annotations

import numpy as np
import pytest

from descale.synthesize.distractors import DISTRACTORS, draw_distractor, repaint

SIZE = (48, 64)


def test_a_distractor_depends_on_seed_and_number_alone() -> None:
    first, again = (draw_distractor(3, 5, SIZE).photo for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, draw_distractor(3, 6, SIZE).photo)


def test_nothing_of_it_is_corroded() -> None:
    assert all(draw_distractor(0, index, SIZE).severity.max() == 0 for index in range(20))


@pytest.mark.parametrize("kind", DISTRACTORS, ids=lambda kind: kind.__name__)
def test_every_kind_draws_a_picture_of_the_size(kind) -> None:  # type: ignore[no-untyped-def]
    picture = kind(np.random.default_rng(0), SIZE)
    assert picture.shape == (*SIZE, 3)
    assert np.isfinite(picture).all()


def test_paint_leaves_what_is_corroded_and_changes_other_parts() -> None:
    photo = np.full((64, 64, 3), 90, np.uint8)
    severity = np.zeros((64, 64), np.uint8)
    severity[16:48, 16:48] = 1
    changed = False
    for seed in range(8):
        painted = repaint(np.random.default_rng(seed), photo, severity)
        assert np.array_equal(painted[severity > 0], photo[severity > 0])
        changed |= bool((painted[severity == 0] != photo[severity == 0]).any())
    assert changed
