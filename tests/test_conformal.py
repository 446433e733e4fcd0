"""Labels that hold with a promised probability."""

from __future__ import annotations

import numpy as np
import pytest

from relsym.evaluation.conformal import abstains, kept, nonconformity, threshold


def test_nonconformity_is_how_far_another_label_is_ahead():
    scores = np.array([[0.7, 0.2, 0.1], [0.4, 0.4, 0.2]])
    assert nonconformity(scores) == pytest.approx(np.array([[-0.5, 0.5, 0.6], [0, 0, 0.2]]))


def test_the_threshold_is_the_rank_that_one_more_row_needs():
    own = np.arange(1.0, 20.0)  # 19 rows: ceil(20 * 0.9) = 18
    assert threshold(own, 0.9) == 18
    assert threshold(own, 0.95) == 19
    assert threshold(own, 0.96) == np.inf


def test_a_row_is_abstained_from_unless_one_label_is_possible():
    values = nonconformity(np.array([[0.9, 0.1], [0.55, 0.45], [0.1, 0.9]]))
    assert abstains(values, 0.2).tolist() == [False, True, False]
    assert abstains(values, -0.3).tolist() == [False, True, False]
    assert abstains(values, -0.9).tolist() == [True, True, True]
    assert abstains(values, 2.0).tolist() == [True, True, True]


def noisy(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of three labels, of which the right one tends to be the highest, and the right labels."""
    random = np.random.default_rng(seed)
    targets = random.integers(3, size=rows)
    scores = random.normal(size=(rows, 3))
    scores[np.arange(rows), targets] += 1.5
    return nonconformity(scores), targets


@pytest.mark.parametrize("coverage", [0.8, 0.95])
def test_the_promise_is_kept_on_rows_like_those_that_calibrate(coverage):
    values, targets = noisy(4000, 0)
    groups = [str(row // 4) for row in range(4000)]
    promise = kept(values, targets, groups, coverage, folds=10)
    assert promise.covered == pytest.approx(coverage, abs=0.02)
    assert promise.rows == 4000
    assert promise.groups == 1000
    assert 0 < promise.abstained < 1
    assert 0.6 < promise.right < 1


def test_a_group_that_is_unlike_the_others_is_seen_to_break_the_promise():
    values, targets = noisy(400, 0)
    groups = [str(row % 4) for row in range(400)]
    odd = np.array(groups) == "3"
    targets = np.where(odd, (targets + 1) % 3, targets)  # its right label is never the likely one
    assert kept(values, targets, groups, 0.9).covered < 0.85
    judged = kept(values, targets, groups, 0.9, only=odd)
    assert (judged.rows, judged.groups) == (100, 1)
    assert judged.covered < 0.5
    assert kept(values[:12], targets[:12], groups[:12], 0.95) is None
    assert kept(values[~odd], targets[~odd], ["a", "b", "c"] * 100, 0.9).covered > 0.85
