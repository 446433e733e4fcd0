"""Two-way answers from three-way probabilities: how near to chance an NLI model is depends on the rule."""

from __future__ import annotations

from collections.abc import Sequence

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.evaluation.threshold import best_threshold
from relsym.models.base import Columns, Judged, Reading

STRICT, TWO_WAY, THRESHOLD = "strict", "two_way", "threshold"


class ThreeWay:
    """The rules that turn the scores of two or three classes into an answer.

    They read the columns ``entailment``, ``neutral`` (or none) and ``contradiction``:

    - ``strict``: the class with the highest score; neutral is wrong for rows of the other two labels (the
      paper's authors count so);
    - ``two_way``: entailment if that is the highest class, else contradiction (McCoy et al. 2019,
      arXiv:1902.01007, folds like this);
    - ``threshold``: entailment from the score on that separates validation rows best, chosen for each form
      apart.

    Where rows may be neutral, only ``strict`` has an answer for each of them.

    Args:
        classes: names of the model's classes, each a label.
        asked: labels of the benchmark.
        probability: whether scores are probabilities.
    """

    def __init__(self, classes: Sequence[str], asked: Sequence[str], probability: bool = True) -> None:
        self.classes = tuple(classes)
        self.asked = tuple(asked)
        self.probability = probability
        self.thresholds: dict[str, float | None] = {}

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:
        """Choose the threshold of one form on validation rows.

        There is none where these do not have both labels, or may be neutral.
        """
        # Where rows may be neutral, a threshold could not tell neutral from contradiction.
        sides = {label == ENTAILMENT for label in labels}
        if NEUTRAL not in self.asked and len(sides) == 2:
            self.thresholds[form] = best_threshold(labels, measured[ENTAILMENT])
        else:
            self.thresholds[form] = None

    def readings(self, symmetric: bool = False) -> tuple[Reading, ...]:
        """The rules that make a difference with these classes and the benchmark's labels.

        ``threshold`` is among them only if every form has one.
        """
        rules = [STRICT]
        if NEUTRAL in self.classes and NEUTRAL not in self.asked:
            rules.append(TWO_WAY)
        if self.thresholds and None not in self.thresholds.values():
            rules.append(THRESHOLD)
        readings = []
        for rule in rules:
            readings.append(Reading(rule, probability=self.probability, symmetric=symmetric))
        return tuple(readings)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers by one rule, and the score of entailment; None for rows without scores."""
        scores = measured[ENTAILMENT]
        if reading == THRESHOLD:
            return Judged(self._by_threshold(form, scores), scores)
        labels = self._highest(measured)
        if reading == TWO_WAY:
            labels = [_folded(label) for label in labels]
        return Judged(labels, scores)

    def _by_threshold(self, form: str, scores: Sequence[float | None]) -> list[str | None]:
        """Entailment where its score reaches the form's threshold, else contradiction."""
        labels: list[str | None] = []
        for score in scores:
            if score is None:
                labels.append(None)
            elif score >= self.thresholds[form]:
                labels.append(ENTAILMENT)
            else:
                labels.append(CONTRADICTION)
        return labels

    def _highest(self, measured: Columns) -> list[str | None]:
        """The class with the highest score in each row, the first where two are equal."""
        columns = [measured[name] for name in self.classes]
        labels: list[str | None] = []
        for scores in zip(*columns, strict=True):
            if None in scores:  # a row that the model has no answer to
                labels.append(None)
            else:
                highest = scores.index(max(scores))
                labels.append(self.classes[highest])
        return labels


def _folded(label: str | None) -> str | None:
    """The label where all but entailment counts as contradiction; None stays None."""
    return label if label in (ENTAILMENT, None) else CONTRADICTION
