"""Intervals of an accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scipy.stats import binomtest


class Accuracy(NamedTuple):
    """Right answers, rows, and the share of right answers with its 95 % Wilson interval (low, high)."""

    correct: int
    rows: int
    value: float
    low: float
    high: float


def accuracy(correct: Sequence[bool]) -> Accuracy:
    """Accuracy and Wilson interval of one answer per row.

        (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n),   z = 1.96

    Source: Wilson 1927, doi:10.2307/2276774.

    Raises:
        ValueError: no rows.
    """
    rows = len(correct)
    if not rows:
        raise ValueError("there are no rows to score.")
    right = sum(map(bool, correct))
    interval = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return Accuracy(
        correct=right, rows=rows, value=right / rows, low=float(interval.low), high=float(interval.high)
    )
