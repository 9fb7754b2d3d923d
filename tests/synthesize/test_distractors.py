from __future__ import annotations

import numpy as np
import pytest

from descale.synthesize.distractors import DISTRACTORS, draw_distractor, recolour, repaint

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


@pytest.mark.parametrize("change", [repaint, recolour])
def test_what_is_corroded_stays_and_other_parts_change(change) -> None:  # type: ignore[no-untyped-def]
    photo = np.full((64, 64, 3), 90, np.uint8)
    severity = np.zeros((64, 64), np.uint8)
    severity[16:48, 16:48] = 1
    changed = False
    for seed in range(8):
        painted = change(np.random.default_rng(seed), photo, severity)
        assert np.array_equal(painted[severity > 0], photo[severity > 0])
        changed |= bool((painted[severity == 0] != photo[severity == 0]).any())
    assert changed


def test_a_recoloured_part_keeps_its_texture() -> None:
    photo = np.full((64, 64, 3), 60, np.uint8)
    photo[:, ::8] = 200
    recoloured = recolour(np.random.default_rng(1), photo, np.zeros((64, 64), np.uint8)).astype(int)
    assert (recoloured[:, ::8].mean(-1) > recoloured[:, 4::8].mean(-1)).all()
    assert recoloured[..., 0].mean() > recoloured[..., 2].mean() + 20
