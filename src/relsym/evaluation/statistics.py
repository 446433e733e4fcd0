"""Intervals of an accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import binomtest


class Accuracy(NamedTuple):
    """Share of right answers with its 95 % Wilson interval."""

    correct: int
    rows: int
    value: float
    low: float
    high: float


def accuracy(correct: Sequence[bool]) -> Accuracy:
    """Accuracy and Wilson interval of one answer per row.

        (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n),   z = 1.96

    Raises:
        ValueError: no rows.  Source: Wilson 1927, doi:10.2307/2276774.
    """
    right, rows = sum(map(bool, correct)), len(correct)
    if not rows:
        raise ValueError("there are no rows to score.")
    interval = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return Accuracy(right, rows, right / rows, float(interval.low), float(interval.high))
