"""The report's statistics: samples it takes, and whether two objectives differ."""

from __future__ import annotations

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relsym.evaluation import paired
from relsym.evaluation.paired import holm, interval_and_p, intervals_and_p, resampled_means
from relsym.evaluation.survival import median_interval, median_samples, resampled_medians

RUNS = st.lists(
    st.tuples(st.sampled_from([16.0, 28.0, 36.0, 48.0, 336.0]), st.booleans()), min_size=1, max_size=8
)


def of(runs):
    return np.array([samples for samples, _ in runs]), np.array([reached for _, reached in runs])


@given(RUNS)
def test_the_median_of_a_resample_is_the_kaplan_meier_median_of_its_runs(runs):
    samples, reached = of(runs)
    drawn = np.random.default_rng(0).multinomial(len(runs), np.full(len(runs), 1 / len(runs)), size=5)
    found = resampled_medians(samples, reached, drawn)
    for counts, median in zip(drawn, found, strict=True):
        assert median == median_samples(np.repeat(samples, counts), np.repeat(reached, counts))


def test_without_censoring_the_median_is_the_middle_run_and_a_run_that_never_got_there_moves_it_up():
    samples = np.array([28.0, 48.0, 16.0])
    assert median_samples(samples, np.array([True, True, True])) == 28
    assert median_samples(np.array([28.0, 336.0, 336.0]), np.array([True, False, False])) == np.inf
    assert median_samples(np.array([28.0, 48.0, 336.0]), np.array([True, True, False])) == 48
    # One of four is lost to follow-up at 28: S(28) = 2/3 from three at risk, S(48) = 1/3.
    assert median_samples(np.array([20.0, 28.0, 28.0, 48.0]), np.array([False, False, True, True])) == 48


def test_no_runs_have_no_median():
    with pytest.raises(ValueError, match="no runs"):
        median_samples(np.array([]), np.array([], dtype=bool))


def test_the_interval_of_a_median_holds_it_and_is_one_number_where_all_runs_agree():
    same = np.full(5, 28.0)
    assert median_interval(same, np.full(5, True)) == (28, 28)
    samples, reached = np.array([16.0, 28.0, 28.0, 48.0, 336.0]), np.array([True, True, True, True, False])
    low, high = median_interval(samples, reached)
    assert low <= median_samples(samples, reached) <= high
    assert (low, high) == (16, np.inf)


def test_every_resample_of_two_facts_is_one_of_four():
    sums, sizes = np.array([[1.0], [0.0]]), np.array([[2.0], [1.0]])
    expected = {
        round(sum(sums[i, 0] for i in drawn) / sum(sizes[i, 0] for i in drawn), 9)
        for drawn in product(range(2), repeat=2)
    }
    means = resampled_means(sums, sizes, resamples=200)
    assert {round(value, 9) for value in means[:, 0]} == expected == {0.5, 0.333333333, 0.0}


def test_the_share_of_draws_is_that_of_the_double_loop():
    generator = np.random.default_rng(1)
    sums, sizes = generator.integers(-2, 3, size=(20, 1)).astype(float), np.full((20, 1), 2.0)
    loop = [np.mean([sums[i, 0] for i in generator.integers(0, 20, size=20)]) / 2 for _ in range(4000)]
    means = resampled_means(sums, sizes, resamples=4000)[:, 0]
    assert means.mean() == pytest.approx(np.mean(loop), abs=0.01)
    assert means.std() == pytest.approx(np.std(loop), rel=0.08)


def test_facts_that_are_alike_are_drawn_as_often_as_if_each_were_drawn_alone():
    sums = np.concatenate([np.zeros((30, 1)), np.ones((10, 1))])
    loop = np.random.default_rng(1).integers(0, 40, size=(20_000, 40)) >= 30
    means = resampled_means(sums, np.ones((40, 1)), resamples=20_000)[:, 0]
    assert np.quantile(means, (0.025, 0.5, 0.975)) == pytest.approx(
        np.quantile(loop.mean(axis=1), (0.025, 0.5, 0.975)), abs=0.011
    )


def test_no_difference_has_p_one_and_a_clear_one_the_least_that_the_draws_allow():
    sums = np.column_stack([np.zeros(50), np.ones(50), -np.ones(50), np.eye(50)[0]])
    (low, high), p = interval_and_p(resampled_means(sums, np.ones((50, 4)), resamples=999))
    assert p[0] == 1
    assert p[1] == p[2] == 2 / 1000
    assert p[3] > 0.5, "one row of fifty, which a third of the draws do not hold"
    assert (low[1], high[2]) == (1, -1)
    assert low[3] <= 1 / 50 <= high[3]


def test_contrasts_are_resampled_some_at_a_time_with_the_figures_of_all_at_once(monkeypatch):
    generator = np.random.default_rng(0)
    sums = generator.integers(-2, 3, size=(30, 10)).astype(float)
    sizes = generator.integers(1, 3, size=(30, 10)).astype(float)
    interval, p = interval_and_p(resampled_means(sums, sizes))
    held = []

    def recorded(means):
        held.append(means.shape)
        return interval_and_p(means)

    monkeypatch.setattr(paired, "CONTRASTS_AT_ONCE", 4)
    monkeypatch.setattr(paired, "interval_and_p", recorded)
    interval_of_some, p_of_some = intervals_and_p(sums, sizes)
    assert held == [(10_000, 4), (10_000, 4), (10_000, 2)]
    assert np.array_equal(interval_of_some, interval)
    assert np.array_equal(p_of_some, p)


def test_holms_correction_multiplies_by_the_tests_that_are_left_and_never_falls():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holms_correction_is_that_of_the_double_loop(values):
    corrected = holm(np.array(values))
    for one, p in zip(corrected, values, strict=True):
        steps = [
            min(1.0, q * sum(other > q or (other == q and j >= i) for j, other in enumerate(values)))
            for i, q in enumerate(values)
            if q <= p
        ]
        assert one == pytest.approx(max(steps))


def test_a_thousand_rows_and_a_hundred_contrasts_take_about_a_second():
    started = time.perf_counter()
    sums = np.random.default_rng(0).normal(size=(1000, 100))
    assert resampled_means(sums, np.ones((1000, 100))).shape == (10_000, 100)
    assert time.perf_counter() - started < 10
