"""Intervals that know that rows of one fact, or of one property, are not independent."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from relsym.evaluation.paired import resampled_means


def cluster_interval(correct: Sequence[bool], clusters: Sequence[Hashable]) -> tuple[float, float] | None:
    """95 % percentile interval of an accuracy when whole clusters of rows are drawn with replacement; None
    for a single cluster.

    Source: Field & Welsh 2007, doi:10.1111/j.1467-9868.2007.00593.x (the cluster bootstrap).
    """
    number: dict[Hashable, int] = {}
    places = [number.setdefault(cluster, len(number)) for cluster in clusters]
    if len(number) < 2:
        return None
    sums = np.bincount(places, weights=np.asarray(correct, dtype=np.float64))[:, None]
    means = resampled_means(sums, np.bincount(places).astype(np.float64)[:, None])
    low, high = np.quantile(means[:, 0], (0.025, 0.975))
    return float(low), float(high)
