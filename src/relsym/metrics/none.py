"""No distance at all."""

from __future__ import annotations

from typing import ClassVar, NoReturn, final

from relsym.metrics.base import NONE, Metric


@final
class NoMetric(Metric):
    """The metric of fine-tuning with a head: asking it for a distance is an error."""

    reads: ClassVar[str] = NONE

    def distance(self, premise: object, hypothesis: object, label: object) -> NoReturn:
        """Always raises a ValueError that says to choose a metric."""
        raise ValueError("metric=none measures no distance; choose a metric, or a probe that needs none.")

    def label_of(self, premise: object, hypothesis: object) -> NoReturn:
        """Always raises a ValueError that says to choose a metric."""
        raise ValueError(
            "metric=none implies no label embedding; choose a metric, or a probe that needs none."
        )
