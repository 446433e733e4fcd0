"""What retraining costs on what the encoder knew before: the same rows, read alike before and after."""

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
        labels: of the rows.
        before, after: the answers.
        groups: one name a row; rows of one group are drawn together when the interval is estimated.
        classes: how many labels there are.
    """
    right_before = np.array(_right(labels, before), dtype=float)
    right_after = np.array(_right(labels, after), dtype=float)
    difference = right_before - right_after  # 1: lost, -1: gained
    lost = int((difference > 0).sum())
    gained = int((difference < 0).sum())

    group_of_row = np.unique(list(groups), return_inverse=True)[1]
    sums = np.bincount(group_of_row, weights=difference)
    sizes = np.bincount(group_of_row, weights=np.ones(len(labels)))
    means = resampled_means(sums[:, None], sizes[:, None])
    (low, high), p_bootstrap = interval_and_p(means)

    accuracy_before = right_before.mean()
    accuracy_after = right_after.mean()
    chance = 1 / classes
    retention = None
    if accuracy_before != chance:
        retention = float((accuracy_after - chance) / (accuracy_before - chance))
    return Drop(
        before=float(accuracy_before),
        after=float(accuracy_after),
        drop=float(accuracy_before - accuracy_after),
        low=float(low[0]),
        high=float(high[0]),
        retention=retention,
        lost=lost,
        gained=gained,
        p_bootstrap=float(p_bootstrap[0]),
        p_mcnemar=mcnemar(lost, gained),
        rows=len(labels),
    )


def check_before(labels: Sequence[str], answers: Sequence[str], classes: Sequence[str], what: str) -> None:
    """Refuse a read-out that knows nothing before retraining, or whose labels stand in another order.

    Args:
        labels: of the rows.
        answers: before retraining.
        classes: the labels in the order that the run's config.yaml gives.
        what: the run, for the message.

    Raises:
        ValueError: its accuracy is not above the most frequent label's share by its 95 % interval, or
            another order of its labels is right more often.
    """
    own = accuracy(_right(labels, answers))
    right_by_order = {}
    for order in permutations(classes):
        renamed = dict(zip(classes, order, strict=True))
        right = _right(labels, [renamed[answer] for answer in answers])
        right_by_order[order] = sum(right)
    # Of equally good orders the first one counts: permutations begin with the order of the run.
    best = max(right_by_order, key=right_by_order.get)
    if right_by_order[best] > own.correct and best != tuple(classes):
        own_order = ", ".join(classes)
        best_order = ", ".join(best)
        best_share = right_by_order[best] / own.rows
        raise ValueError(
            f"{what}: with its labels in the order {own_order} it is right in {own.value:.1%} of {own.rows} "
            f"rows, in the order {best_order} in {best_share:.1%}. Its label order differs from what its "
            "config.yaml and results.json say: train it again, or correct `labels` in both."
        )
    commonest = max(labels.count(label) for label in set(labels))
    constant = commonest / len(labels)
    if own.low <= constant:
        interval = f"{own.low:.1%} to {own.high:.1%}"
        raise ValueError(
            f"{what}: before retraining it is right in {own.value:.1%} of {own.rows} rows (95 % interval "
            f"{interval}), and one constant answer is in {constant:.1%}: there is nothing to forget. "
            "Train it longer (relsym train data=mnli training.epochs=...), or score more rows "
            "(forgetting.pairs=null)."
        )


def _right(labels: Sequence[str], answers: Sequence[str]) -> list[bool]:
    """Whether each answer is the label of its row."""
    return [label == answer for label, answer in zip(labels, answers, strict=True)]
