"""Two-way answers from three-way probabilities: how near to chance an NLI model is depends on the rule."""

from __future__ import annotations

from collections.abc import Sequence

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.evaluation.classification import best_threshold
from relsym.models.base import Columns, Judged, Reading

STRICT, TWO_WAY, THRESHOLD = "strict", "two_way", "threshold"


class ThreeWay:
    """The rules, on columns ``entailment``, ``neutral`` (or none) and ``contradiction`` that hold the scores
    of the classes.

    - ``strict``: the class with the highest score; neutral is wrong for rows of the other two labels (the
      paper's authors count so);
    - ``two_way``: entailment if that is the highest class, else contradiction (McCoy et al. 2019,
      arXiv:1902.01007, folds like this);
    - ``threshold``: entailment from the score on that separates validation rows best, chosen for each form
      apart.

    Where rows may be neutral, only ``strict`` has an answer for each of them.

    Args:
        classes: names of the model's classes, each a label.  asked: labels of the benchmark.  probability:
        whether scores are.
    """

    def __init__(self, classes: Sequence[str], asked: Sequence[str], probability: bool = True) -> None:
        self.classes, self.asked, self.probability = tuple(classes), tuple(asked), probability
        self.thresholds: dict[str, float | None] = {}

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:
        """The threshold of one form; none where validation rows do not hold both sides of it."""
        both = NEUTRAL not in self.asked and len({label == ENTAILMENT for label in labels}) == 2
        self.thresholds[form] = best_threshold(labels, measured[ENTAILMENT]) if both else None

    def readings(self, symmetric: bool = False) -> tuple[Reading, ...]:
        """Those that the classes and the benchmark's labels leave room for."""
        told = {"probability": self.probability, "symmetric": symmetric}
        rules = [Reading(STRICT, **told)]
        if NEUTRAL in self.classes and NEUTRAL not in self.asked:
            rules.append(Reading(TWO_WAY, **told))
        if self.thresholds and None not in self.thresholds.values():
            rules.append(Reading(THRESHOLD, **told))
        return tuple(rules)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers by one rule."""
        scores = measured[ENTAILMENT]
        if reading == THRESHOLD:
            return Judged(
                [None if score is None else _two_way(score >= self.thresholds[form]) for score in scores],
                scores,
            )
        highest = [
            None if None in values else self.classes[max(range(len(values)), key=values.__getitem__)]
            for values in zip(*(measured[name] for name in self.classes), strict=True)
        ]
        if reading == STRICT:
            return Judged(highest, scores)
        return Judged([None if label is None else _two_way(label == ENTAILMENT) for label in highest], scores)


def _two_way(entailed: bool) -> str:
    return ENTAILMENT if entailed else CONTRADICTION
