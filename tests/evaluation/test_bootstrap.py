from __future__ import annotations

import numpy as np
import pytest

from descale.base.classes import BINARY
from descale.evaluation import ImageConfusions, paired_drop, score, score_interval


def photos(
    count: int, hit_rate: float, seed: int = 0, groups: tuple[str, ...] | None = None
) -> ImageConfusions:
    """Photos with the same truth whatever the hit rate; hits vary from photo to photo."""
    corroded = np.random.default_rng(99).integers(50, 400, 100_000)[:count]
    random = np.random.default_rng(seed)
    hits = random.binomial(corroded, np.clip(random.normal(hit_rate, 0.08, count), 0, 1))
    false = random.binomial(1000, 0.02, count)
    counts = np.stack([np.stack([1000 - false, false], -1), np.stack([corroded - hits, hits], -1)], 1)
    return ImageConfusions(tuple(f"p{i}" for i in range(count)), groups or ("",) * count, counts)


def test_interval_holds_the_estimate_and_shrinks_with_more_photos() -> None:
    few, many = (score_interval([photos(n, 0.7)], BINARY) for n in (20, 500))
    for interval in (few, many):
        assert interval.low < interval.estimate < interval.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


@pytest.mark.parametrize("metric", ["iou_corrosion", "iou_paper", "iou_mean"])
def test_interval_agrees_with_a_plain_bootstrap(metric: str) -> None:
    run = photos(60, 0.7)
    ours = score_interval([run], BINARY, metric)
    random = np.random.default_rng(5)
    plain = []
    for _ in range(800):
        rows = random.integers(0, 60, 60)
        drawn = ImageConfusions(run.ids, run.groups, run.counts[rows])
        plain.append(getattr(score(drawn, BINARY), metric))
    low, high = np.quantile(plain, [0.025, 0.975])
    width = high - low
    assert ours.estimate == pytest.approx(getattr(score(run, BINARY), metric))
    assert ours.low == pytest.approx(low, abs=0.12 * width)
    assert ours.high == pytest.approx(high, abs=0.12 * width)


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = score(photos(100_000, 0.7, seed=1234), BINARY).iou_corrosion
    intervals = [score_interval([photos(80, 0.7, seed=s)], BINARY, replicates=300) for s in range(100)]
    covered = sum(interval.low <= truth <= interval.high for interval in intervals)
    assert covered >= 80


def test_scenes_are_drawn_whole() -> None:
    one_by_one = photos(120, 0.7)
    # Photos of a scene alike: sort by hit share, so that each scene is uniformly good or bad.
    order = np.argsort(one_by_one.counts[:, 1, 1] / one_by_one.counts[:, 1].sum(axis=1))
    alike = ImageConfusions(one_by_one.ids, one_by_one.groups, one_by_one.counts[order])
    scenes = tuple(f"s{i // 10}" for i in range(120))
    by_scene = ImageConfusions(alike.ids, scenes, alike.counts)
    plain, clustered = score_interval([alike], BINARY), score_interval([by_scene], BINARY)
    assert (plain.clusters, clustered.clusters) == (120, 12)
    assert clustered.high - clustered.low > 1.5 * (plain.high - plain.low)


def test_seeds_widen_the_interval() -> None:
    alike = [photos(200, 0.7)] * 3
    apart = [photos(200, rate) for rate in (0.6, 0.7, 0.8)]
    narrow, wide = score_interval(alike, BINARY), score_interval(apart, BINARY)
    assert wide.seeds == 3
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_same_seed_gives_the_same_interval() -> None:
    run = [photos(50, 0.7)]
    assert score_interval(run, BINARY) == score_interval(run, BINARY)
    assert score_interval(run, BINARY, seed=1).low != score_interval(run, BINARY).low


def test_drop_is_paired() -> None:
    dense = photos(100, 0.75)
    worse = dense.counts.copy()
    lost = (0.02 * worse[:, 1, 1]).astype(int)
    worse[:, 1, 1] -= lost
    worse[:, 1, 0] += lost
    pruned = ImageConfusions(dense.ids, dense.groups, worse)
    drop = paired_drop([dense], [pruned], BINARY, margin=0.03)
    alone = score_interval([dense], BINARY)
    expected = score(dense, BINARY).iou_corrosion - score(pruned, BINARY).iou_corrosion
    assert drop.interval.estimate == pytest.approx(expected)
    assert drop.interval.high - drop.interval.low < 0.2 * (alone.high - alone.low)
    assert drop.no_worse
    assert drop.p_value < 0.05
    strict = paired_drop([dense], [pruned], BINARY, margin=0.005)
    assert not strict.no_worse
    assert strict.p_value > 0.5


def test_no_drop_against_oneself() -> None:
    runs = [photos(40, 0.7), photos(40, 0.6)]
    drop = paired_drop(runs, runs, BINARY)
    assert (drop.interval.estimate, drop.interval.low, drop.interval.high) == (0, 0, 0)
    assert drop.no_worse


def test_undecided_is_not_no_worse() -> None:
    """Few photos and two unrelated models: the point estimate alone would say "no worse"."""
    dense, pruned = photos(8, 0.7, seed=1), photos(8, 0.7, seed=2)
    drop = paired_drop([dense], [pruned], BINARY, margin=0.01)
    assert drop.interval.low < 0.01 < drop.interval.high
    assert not drop.no_worse


def test_one_scene_proves_nothing() -> None:
    """Every draw of one scene is that scene: an interval of no width would look like certainty."""
    run, other = (photos(30, 0.7, seed=s, groups=("bridge",) * 30) for s in (1, 2))
    interval = score_interval([run, other], BINARY)
    assert interval.clusters == 1
    assert interval.estimate == pytest.approx(
        np.mean([score(run, BINARY).iou_corrosion, score(other, BINARY).iou_corrosion])
    )
    assert np.isnan([interval.low, interval.high]).all()
    drop = paired_drop([run], [run], BINARY)
    assert drop.interval.estimate == 0
    assert np.isnan([drop.interval.low, drop.interval.high, drop.upper]).all()
    assert not drop.no_worse
    assert drop.p_value == 1


def test_different_images_are_refused() -> None:
    with pytest.raises(ValueError, match="different images"):
        paired_drop([photos(10, 0.7)], [photos(11, 0.7)], BINARY)
    with pytest.raises(ValueError, match="different images"):
        score_interval([photos(10, 0.7), photos(11, 0.7)], BINARY)


def test_unpaired_runs_are_refused() -> None:
    run = photos(10, 0.7)
    with pytest.raises(ValueError, match="cannot be paired"):
        paired_drop([run], [run, run], BINARY)


def test_no_images_is_refused() -> None:
    empty = ImageConfusions((), (), np.zeros((0, 2, 2), dtype=np.int64))
    with pytest.raises(ValueError, match="at least one"):
        score_interval([empty], BINARY)
