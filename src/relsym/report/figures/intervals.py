"""Intervals as Matplotlib draws them."""

from __future__ import annotations

from collections.abc import Sequence


def interval_halves(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> tuple[list[float], list[float]]:
    """How far each interval reaches below and above its value: what ``xerr`` and ``yerr`` ask for."""
    below = [value - low for value, low in zip(values, lows, strict=True)]
    above = [high - value for value, high in zip(values, highs, strict=True)]
    return below, above
