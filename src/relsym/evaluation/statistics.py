"""Intervals of an accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Accuracy(NamedTuple):
    """Right answers, rows, and the share of right answers with its 95 % Wilson interval (low, high)."""

    correct: int
    rows: int
    value: float
    low: float
    high: float


def error_bound(rows: int) -> float:
    """How large the share of errors may be, at 95 % confidence, where none was seen in so many rows.

        1 - 0.05^(1/n):   with this share, n rows without an error have a chance of 0.05

    Exact, whereas the rule of three, 3 / n, exceeds 1 with one or two rows. 1 where there are no rows.
    Source: Clopper and Pearson 1934, doi:10.2307/2331986, one-sided.
    """
    return 1 - 0.05 ** (1 / rows) if rows else 1.0


def accuracy(correct: Sequence[bool]) -> Accuracy:
    """Accuracy and Wilson interval of one answer per row.

        (p + z^2/2n +- z sqrt(p (1 - p) / n + z^2/4n^2)) / (1 + z^2/n),   z = 1.96

    Source: Wilson 1927, doi:10.2307/2276774.

    Raises:
        ValueError: no rows.
    """
    from scipy.stats import binomtest  # takes half a second, and much imports this file without a score

    rows = len(correct)
    if not rows:
        raise ValueError("there are no rows to score.")
    right = sum(map(bool, correct))
    interval = binomtest(right, rows).proportion_ci(0.95, method="wilson")
    return Accuracy(
        correct=right, rows=rows, value=right / rows, low=float(interval.low), high=float(interval.high)
    )
