"""What retraining costs on what the encoder knew before: the same rows, read the same way, before
and after.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from relsym.evaluation.paired import interval_and_p, mcnemar, resampled_means
from relsym.evaluation.statistics import accuracy
from relsym.runs.results import Drop

KEPT, REFIT, LINEAR = "kept", "refit", "linear"


def drop_of(
    labels: Sequence[str], before: Sequence[str], after: Sequence[str], groups: Sequence[str], classes: int
) -> Drop:
    """Compare two lists of answers to the same rows.

    Args:
        labels: of the rows.  before, after: answers.  groups: what stands or falls together.  classes: how
        many labels there are.
    """
    right = np.array(
        [[one == label, other == label] for label, one, other in zip(labels, before, after, strict=True)],
        dtype=float,
    )
    difference = right[:, 0] - right[:, 1]
    places = np.unique(list(groups), return_inverse=True)[1]
    sums, sizes = (np.bincount(places, weights=of)[:, None] for of in (difference, np.ones(len(labels))))
    (low, high), p = interval_and_p(resampled_means(sums, sizes))
    lost, gained = int((difference > 0).sum()), int((difference < 0).sum())
    was, now, chance = right[:, 0].mean(), right[:, 1].mean(), 1 / classes
    retention = None if was == chance else float((now - chance) / (was - chance))
    return Drop(
        float(was),
        float(now),
        float(was - now),
        float(low[0]),
        float(high[0]),
        retention,
        lost,
        gained,
        float(p[0]),
        mcnemar(lost, gained),
        len(labels),
    )


def check_before(labels: Sequence[str], answers: Sequence[str], classes: Sequence[str], what: str) -> None:
    """Refuse a read-out that knows nothing before retraining, or whose labels stand in another order than is
    told.

    Args:
        answers: before retraining.  classes: the labels.  what: the run, for the message.

    Raises:
        ValueError: its accuracy is not above the most frequent label's share by its 95 % interval, or another
        order of its labels is
            right more often.
    """
    found = accuracy([label == answer for label, answer in zip(labels, answers, strict=True)])
    orders = {
        order: sum(
            dict(zip(classes, order, strict=True))[answer] == label
            for label, answer in zip(labels, answers, strict=True)
        )
        for order in permutations(classes)
    }
    best = max(orders, key=lambda order: orders[order])
    if orders[best] > found.correct and best != tuple(classes):
        raise ValueError(
            f"{what}: with its labels in the order {', '.join(classes)} it is right in {found.value:.1%} of "
            f"{found.rows} "
            f"rows, in the order {', '.join(best)} in {orders[best] / found.rows:.1%}. Its label order "
            "differs from what its "
            "config.yaml and results.json say: train it again, or correct `labels` in both."
        )
    constant = max(labels.count(label) for label in set(labels)) / len(labels)
    if found.low <= constant:
        raise ValueError(
            f"{what}: before retraining it is right in {found.value:.1%} of {found.rows} rows (95 % interval "
            f"{found.low:.1%} to {found.high:.1%}), and one constant answer is in {constant:.1%}: there is "
            "nothing to forget. "
            "Train it longer (relsym train data=mnli training.epochs=...), or score more rows "
            "(forgetting.pairs=null)."
        )
