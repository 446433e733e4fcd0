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
from relsym.models.rated import RatedAnswers
from relsym.runs.metric_keys import SPEARMAN, measure_of
from relsym.runs.results import Bin


@dataclass
class Judgements:
    """What every reading answered.

    rows: the scored rows of each form.
    chosen: name of the reading that comes first.
    score_on: part of the data that was scored (test, validation).
    judged: by reading and form, answers to these rows.
    swapped: by reading and form, answers to the first of these rows with their texts exchanged.
    rated: what people said of the rows; None where nobody was asked.
    """

    rows: Mapping[str, Sequence[Row]]
    readings: tuple[Reading, ...]
    chosen: str
    score_on: str
    judged: dict[str, dict[str, Judged]] = field(default_factory=dict)
    swapped: dict[str, dict[str, Judged]] = field(default_factory=dict)
    rated: RatedAnswers | None = None

    def key(self, reading: str) -> str:
        """Where a reading's figures stand in ``metrics``.

        ``test/accuracy`` for the chosen reading, ``reading/NAME`` for the others.
        """
        if reading == self.chosen:
            return f"{self.score_on}/accuracy"
        return f"reading/{reading}"

    def scores(self) -> Scores:
        """The answers of all readings that stand for themselves, the chosen one first."""
        scores = Scores(self.rows)
        # False sorts before True; all others keep their order.
        readings = sorted(self._alone(), key=lambda reading: reading.name != self.chosen)
        for reading in readings:
            key = self.key(reading.name)
            for form, judged in self.judged[reading.name].items():
                scores.add(key, form, judged.labels)
        return scores

    def figures(self) -> dict[str, float]:
        """What is measured beside the accuracy, by key.

        Of each reading balanced accuracy, bias, AUROC, correlation with ratings, calibration and consistency;
        of each family of readings the mean, the spread and the range of their accuracies.
        """
        figures: dict[str, float] = {}
        for reading in self._alone():
            key = self.key(reading.name)
            for form, judged in self.judged[reading.name].items():
                measures = self._measures(reading, form, judged)
                for measure, value in measures.items():
                    if value is not None:
                        figures[f"{measure_of(key, measure)}/{form}"] = value
        families = [reading.family for reading in self.readings if reading.family]
        for family in dict.fromkeys(families):
            figures |= self._family(family)
        return figures

    def unscored(self) -> dict[str, dict[str, int]]:
        """Rows without an answer, by reading and form; readings that answered all are left out."""
        unscored: dict[str, dict[str, int]] = {}
        for reading, forms in self.judged.items():
            counts = {}
            for form, judged in forms.items():
                counts[form] = judged.labels.count(None)
            if any(counts.values()):
                unscored[reading] = counts
        return unscored

    def details(self) -> dict[str, Any]:
        """What is too long for a table of figures, by reading and form.

        Histograms of answers, reliability bins, and intervals that draw whole facts or whole properties.
        """
        histograms: dict[str, Any] = {}
        bins: dict[str, Any] = {}
        clusters: dict[str, Any] = {}
        for reading in self._alone():
            name = reading.name
            histograms[name] = {}
            clusters[name] = {}
            for form, judged in self.judged[name].items():
                histograms[name][form] = histogram(judged.labels)
                clusters[name][form] = self._clusters(form, judged)
            if reading.probability:  # only a probability can be calibrated
                reading_bins = self._bins(name)
                if reading_bins:
                    bins[name] = reading_bins
        return {"histograms": histograms, "reliability": bins, "clusters": clusters}

    def table(self) -> dict[str, list]:
        """The columns of ``predictions.parquet``, one entry for each scored row.

        They hold the row, the chosen reading's answer, and the answer and score of every reading.
        """
        columns = self.scores().table(f"{self.score_on}/accuracy")
        for reading in self.readings:
            labels: list[str | None] = []
            scores: list[float | None] = []
            has_scores = True
            for form in self.rows:
                judged = self.judged[reading.name][form]
                labels += judged.labels
                if judged.scores is None:
                    has_scores = False
                else:
                    scores += judged.scores
            columns[f"prediction:{reading.name}"] = labels
            if has_scores:
                columns[f"score:{reading.name}"] = scores
        return columns

    def _alone(self) -> list[Reading]:
        """The readings that stand for themselves, not only for a mean over their family."""
        return [reading for reading in self.readings if reading.alone]

    def _measures(self, reading: Reading, form: str, judged: Judged) -> dict[str, float | None]:
        """The figures of one reading and form; None, or left out, where they cannot be had."""
        labels = [row.label for row in self.rows[form]]
        answers = judged.labels
        scores = judged.scores
        measures: dict[str, float | None] = {}
        measures["balanced"] = balanced_accuracy(labels, answers)
        measures["bias"] = entailment_bias(labels, answers)
        if scores is not None:
            measures["auroc"] = auroc(labels, scores)
            if self.rated is not None:
                measures[SPEARMAN] = self.rated.correlation(reading.name, form, judged)
            if reading.probability:
                measures["ece"] = calibration_error(labels, scores)
        swapped = self.swapped.get(reading.name, {}).get(form)
        if swapped is not None:
            # Only the first rows were asked a second time.
            asked_twice = answers[: len(swapped.labels)]
            measures["consistency"] = consistency(asked_twice, swapped.labels)
        return measures

    def _family(self, family: str) -> dict[str, float]:
        """Accuracy of the readings of a family, in each form: their mean, range and standard deviation."""
        names = [reading.name for reading in self.readings if reading.family == family]
        figures: dict[str, float] = {}
        for form in self.rows:
            accuracies = []
            for name in names:
                correct = self._correct(form, self.judged[name][form])
                accuracies.append(mean(correct))
            deviation = stdev(accuracies) if len(accuracies) > 1 else 0.0
            figures[f"family/{family}/{form}"] = mean(accuracies)
            figures[f"family/{family}_min/{form}"] = min(accuracies)
            figures[f"family/{family}_max/{form}"] = max(accuracies)
            figures[f"family/{family}_sd/{form}"] = deviation
        return figures

    def _correct(self, form: str, judged: Judged) -> list[bool]:
        """Whether each row of a form is answered right; a row without an answer is not."""
        rows = self.rows[form]
        return [row.label == answer for row, answer in zip(rows, judged.labels, strict=True)]

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
        rows = self.rows[form]
        correct = self._correct(form, judged)
        facts = [row.fact_id or row.pair_id for row in rows]  # a row without a fact is one of its own
        properties = [row.property for row in rows]
        intervals = {}
        for drawn, clusters in (("fact", facts), ("property", properties)):
            interval = cluster_interval(correct, clusters)
            if interval is not None:
                low, high = interval
                intervals[drawn] = (float(low), float(high))
        return intervals
