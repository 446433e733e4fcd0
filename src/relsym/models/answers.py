"""The answers of every reading, and the figures that they come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev
from typing import Any

from relsym.data.pairs import Row
from relsym.evaluation.classification import (
    auroc,
    balanced_accuracy,
    calibration_error,
    consistency,
    entailment_bias,
    histogram,
    reliability,
)
from relsym.evaluation.clusters import cluster_interval
from relsym.evaluation.score import Scores
from relsym.models.base import Judged, Reading
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import Bin


@dataclass
class Judgements:
    """What every reading answered.

    rows: the scored rows of each form.
    chosen: name of the reading that comes first.
    score_on: part of the data that was scored (test, validation).
    judged: by reading and form, answers to these rows.
    swapped: by reading and form, answers to the first of these rows with their texts exchanged.
    """

    rows: Mapping[str, Sequence[Row]]
    readings: tuple[Reading, ...]
    chosen: str
    score_on: str
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)
    swapped: dict[str, dict[str, Judged]] = field(default_factory=dict)

    def key(self, reading: str) -> str:
        """Where a reading's figures stand: ``test/accuracy`` for the chosen one, ``reading/NAME`` for the
        others.
        """
        return f"{self.score_on}/accuracy" if reading == self.chosen else f"reading/{reading}"

    def scores(self) -> Scores:
        """The answers of all readings that stand for themselves, the chosen one first."""
        scores = Scores(self.rows)
        for reading in sorted(self._alone(), key=lambda reading: reading.name != self.chosen):
            for form, judged in self.judged[reading.name].items():
                scores.add(self.key(reading.name), form, judged.labels)
        return scores

    def figures(self) -> dict[str, float]:
        """Balanced accuracy, bias, AUROC, calibration and consistency of each reading; mean, spread and range
        of each family.
        """
        figures: dict[str, float] = {}
        for reading in self._alone():
            key = self.key(reading.name)
            for form, judged in self.judged[reading.name].items():
                for measure, value in self._measures(reading, form, judged).items():
                    if value is not None:
                        figures[f"{measure_of(key, measure)}/{form}"] = value
        families = [reading.family for reading in self.readings if reading.family]
        for family in dict.fromkeys(families):
            figures |= self._family(family)
        return figures

    def unscored(self) -> dict[str, dict[str, int]]:
        """Rows without an answer, by reading and form; readings that answered all are left out."""
        unscored = {}
        for reading, forms in self.judged.items():
            counts = {form: judged.labels.count(None) for form, judged in forms.items()}
            if any(counts.values()):
                unscored[reading] = counts
        return unscored

    def details(self) -> dict[str, Any]:
        """What is too long for a table of figures, by reading and form.

        Histograms of answers, reliability bins, and intervals that draw whole facts or whole properties.
        """
        histograms: dict[str, dict[str, Any]] = {}
        bins: dict[str, dict[str, list[Bin]]] = {}
        clusters: dict[str, dict[str, Any]] = {}
        for reading in self._alone():
            name = reading.name
            histograms[name] = {}
            clusters[name] = {}
            for form, judged in self.judged[name].items():
                histograms[name][form] = histogram(judged.labels)
                clusters[name][form] = self._clusters(form, judged)
            reading_bins = self._bins(name) if reading.probability else {}
            if reading_bins:
                bins[name] = reading_bins
        return {"histograms": histograms, "reliability": bins, "clusters": clusters}

    def table(self) -> dict[str, list]:
        """One line per scored row: the row, the chosen reading's answer, and the answer and score of every
        reading.
        """
        columns = self.scores().table(f"{self.score_on}/accuracy")
        for reading in self.readings:
            judged = [self.judged[reading.name][form] for form in self.rows]
            labels: list[str | None] = []
            for form_judged in judged:
                labels += form_judged.labels
            columns[f"prediction:{reading.name}"] = labels
            if all(form_judged.scores is not None for form_judged in judged):
                scores: list[float | None] = []
                for form_judged in judged:
                    scores += form_judged.scores
                columns[f"score:{reading.name}"] = scores
        return columns

    def _alone(self) -> list[Reading]:
        """The readings that stand for themselves, not only for a mean over their family."""
        return [reading for reading in self.readings if reading.alone]

    def _measures(self, reading: Reading, form: str, judged: Judged) -> dict[str, float | None]:
        """The figures of one reading and form, None where they cannot be had."""
        labels = [row.label for row in self.rows[form]]
        answers, scores = judged.labels, judged.scores
        measures: dict[str, float | None] = {
            "balanced": balanced_accuracy(labels, answers),
            "bias": entailment_bias(labels, answers),
        }
        if scores is not None:
            measures["auroc"] = auroc(labels, scores)
            if reading.probability:
                measures["ece"] = calibration_error(labels, scores)
        swapped = self.swapped.get(reading.name, {}).get(form)
        if swapped is not None:
            asked_twice = answers[: len(swapped.labels)]
            measures["consistency"] = consistency(asked_twice, swapped.labels)
        return measures

    def _family(self, family: str) -> dict[str, float]:
        """Accuracy of the readings of a family, in each form: their mean, range and standard deviation."""
        names = [reading.name for reading in self.readings if reading.family == family]
        figures: dict[str, float] = {}
        for form in self.rows:
            accuracies = [mean(self._correct(form, self.judged[name][form])) for name in names]
            figures[f"family/{family}/{form}"] = mean(accuracies)
            figures[f"family/{family}_min/{form}"] = min(accuracies)
            figures[f"family/{family}_max/{form}"] = max(accuracies)
            figures[f"family/{family}_sd/{form}"] = stdev(accuracies) if len(accuracies) > 1 else 0.0
        return figures

    def _correct(self, form: str, judged: Judged) -> list[bool]:
        """Whether each row of a form is answered right; a row without an answer is not."""
        return [row.label == label for row, label in zip(self.rows[form], judged.labels, strict=True)]

    def _bins(self, reading: str) -> dict[str, list[Bin]]:
        """Reliability bins of the forms whose rows have scores."""
        bins = {}
        for form, judged in self.judged[reading].items():
            if judged.scores is not None:
                labels = [row.label for row in self.rows[form]]
                bins[form] = list(reliability(labels, judged.scores))
        return bins

    def _clusters(self, form: str, judged: Judged) -> dict[str, tuple[float, float]]:
        """Intervals of the accuracy, by what is drawn whole; those that cannot be had are left out."""
        correct = self._correct(form, judged)
        facts = [row.fact_id or row.pair_id for row in self.rows[form]]
        properties = [row.property for row in self.rows[form]]
        intervals = {}
        for drawn, clusters in (("fact", facts), ("property", properties)):
            interval = cluster_interval(correct, clusters)
            if interval is not None:
                low, high = interval
                intervals[drawn] = (float(low), float(high))
        return intervals
