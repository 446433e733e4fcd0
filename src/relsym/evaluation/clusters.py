"""Intervals that know that rows of one fact, or of one property, are not independent."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from relsym.evaluation.paired import resampled_means


def cluster_interval(correct: Sequence[bool], clusters: Sequence[Hashable]) -> tuple[float, float] | None:
    """95 % percentile interval of an accuracy when whole clusters of rows are drawn with replacement.

    Source: Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap).

    Args:
        correct: whether the answer to a row is right.
        clusters: the cluster of the row.

    Returns:
        The lower and the upper bound; None for a single cluster, which has no spread.
    """
    # Clusters are numbered in the order of their first row: the draws then do not depend on their names.
    number_of: dict[Hashable, int] = {}
    numbers = []
    for cluster in clusters:
        number_of.setdefault(cluster, len(number_of))
        numbers.append(number_of[cluster])
    if len(number_of) < 2:
        return None
    is_right = np.asarray(correct, dtype=np.float64)
    right = np.bincount(numbers, weights=is_right)
    rows = np.bincount(numbers).astype(np.float64)
    means = resampled_means(right[:, None], rows[:, None])
    low, high = np.quantile(means[:, 0], (0.025, 0.975))
    return float(low), float(high)
