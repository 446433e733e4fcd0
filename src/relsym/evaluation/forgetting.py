"""What retraining costs on what the encoder knew before: the same rows, read the same way, before and after."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np

from relsym.evaluation.paired import interval_and_p, mcnemar, resampled_means
from relsym.evaluation.statistics import accuracy

KEPT, REFIT, LINEAR = "kept", "refit", "linear"


class Drop(NamedTuple):
    """One read-out before and after retraining, on the same rows; accuracies and the drop in [0, 1].

    drop: before - after, with the 95 % interval of a bootstrap that draws the groups of rows (MNLI asks three hypotheses about a
    premise); backward transfer (Lopez-Paz & Ranzato 2017, arXiv:1706.08840) is its negative.
    retention: (after - chance) / (before - chance), chance = 1 / labels.
    lost, gained: rows right before alone and after alone.  p_bootstrap, p_mcnemar: of no difference.
    """

    before: float
    after: float
    drop: float
    low: float
    high: float
    retention: float
    lost: int
    gained: int
    p_bootstrap: float
    p_mcnemar: float
    rows: int


def drop_of(labels: Sequence[str], before: Sequence[str], after: Sequence[str], groups: Sequence[str], classes: int) -> Drop:
    """Compare two lists of answers to the same rows.

    Args:
        labels: of the rows.  before, after: answers.  groups: what stands or falls together.  classes: how many labels there are.
    """
    right = np.array([[one == label, other == label] for label, one, other in zip(labels, before, after, strict=True)], dtype=float)
    difference = right[:, 0] - right[:, 1]
    places = np.unique(list(groups), return_inverse=True)[1]
    sums, sizes = (np.bincount(places, weights=of)[:, None] for of in (difference, np.ones(len(labels))))
    (low, high), p = interval_and_p(resampled_means(sums, sizes))
    lost, gained = int((difference > 0).sum()), int((difference < 0).sum())
    was, now, chance = right[:, 0].mean(), right[:, 1].mean(), 1 / classes
    return Drop(float(was), float(now), float(was - now), float(low[0]), float(high[0]), float((now - chance) / (was - chance)),
                lost, gained, float(p[0]), mcnemar(lost, gained), len(labels))


def check_before(labels: Sequence[str], answers: Sequence[str], classes: Sequence[str], what: str) -> None:
    """Refuse a read-out that knows nothing before retraining, or whose labels stand in another order than is told.

    Args:
        answers: before retraining.  classes: the labels.  what: the run, for the message.

    Raises:
        ValueError: its accuracy is not above the most frequent label's share by its 95 % interval, or another order of its labels is
            right more often.
    """
    found = accuracy([label == answer for label, answer in zip(labels, answers, strict=True)])
    orders = {order: sum(dict(zip(classes, order, strict=True))[answer] == label for label, answer in zip(labels, answers, strict=True))
              for order in permutations(classes)}
    best = max(orders, key=lambda order: orders[order])
    if orders[best] > found.correct and best != tuple(classes):
        raise ValueError(f"{what}: with its labels in the order {', '.join(classes)} it is right in {found.value:.1%} of {found.rows} "
                         f"rows, in the order {', '.join(best)} in {orders[best] / found.rows:.1%}. Its label order differs from what its "
                         "config.yaml says: correct `labels` there, or train it again.")
    constant = max(labels.count(label) for label in set(labels)) / len(labels)
    if found.low <= constant:
        raise ValueError(f"{what}: before retraining it is right in {found.value:.1%} of {found.rows} rows (95 % interval "
                         f"{found.low:.1%} to {found.high:.1%}), and one constant answer is in {constant:.1%}: there is nothing to forget. "
                         "Train it longer (relsym train data=mnli training.epochs=...), or score more rows (forgetting.pairs=null).")
