"""From what was measured to figures: the answers of every reading, and what they come to."""

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
    """What every reading answered, by form, beside the rows; ``swapped`` holds answers to the first rows with
    their texts exchanged.

    chosen: name of the reading that comes first.
    score_on: part of the data that was scored (test, validation).
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
        for reading in sorted(self.readings, key=lambda reading: reading.name != self.chosen):
            if reading.alone:
                for form, judged in self.judged[reading.name].items():
                    scores.add(self.key(reading.name), form, judged.labels)
        return scores

    def figures(self) -> dict[str, float]:
        """Balanced accuracy, bias, AUROC, calibration and consistency of each reading; mean, spread and range
        of each family.
        """
        found: dict[str, float] = {}
        for reading in self.readings:
            if reading.alone:
                for form, judged in self.judged[reading.name].items():
                    found |= {
                        f"{measure_of(self.key(reading.name), name)}/{form}": value
                        for name, value in self._measures(reading, form, judged).items()
                        if value is not None
                    }
        for family in dict.fromkeys(reading.family for reading in self.readings if reading.family):
            found |= self._family(family)
        return found

    def unscored(self) -> dict[str, dict[str, int]]:
        """Rows without an answer, by reading and form; readings that answered all are left out."""
        counts = {
            reading: {form: judged.labels.count(None) for form, judged in forms.items()}
            for reading, forms in self.judged.items()
        }
        return {reading: forms for reading, forms in counts.items() if any(forms.values())}

    def details(self) -> dict[str, Any]:
        """Histograms of answers, reliability bins, and intervals that draw whole facts or whole
        properties.
        """
        alone = [reading for reading in self.readings if reading.alone]
        names = [reading.name for reading in alone]
        calibrated = [reading.name for reading in alone if reading.probability]
        return {
            "histograms": {
                name: {form: histogram(judged.labels) for form, judged in self.judged[name].items()}
                for name in names
            },
            "reliability": {name: bins for name in calibrated if (bins := self._bins(name))},
            "clusters": {
                name: {form: self._clusters(form, judged) for form, judged in self.judged[name].items()}
                for name in names
            },
        }

    def table(self) -> dict[str, list]:
        """One line per scored row: the row, the chosen reading's answer, and the answer and score of every
        reading.
        """
        columns = self.scores().table(f"{self.score_on}/accuracy")
        for reading in self.readings:
            forms = self.judged[reading.name]
            columns[f"prediction:{reading.name}"] = [
                label for form in self.rows for label in forms[form].labels
            ]
            if all(forms[form].scores is not None for form in self.rows):
                columns[f"score:{reading.name}"] = [
                    score for form in self.rows for score in forms[form].scores
                ]
        return columns

    def _measures(self, reading: Reading, form: str, judged: Judged) -> dict[str, float | None]:
        labels, answers = [row.label for row in self.rows[form]], judged.labels
        scores = judged.scores
        found = {
            "balanced": balanced_accuracy(labels, answers),
            "bias": entailment_bias(labels, answers),
            "auroc": None if scores is None else auroc(labels, scores),
            "ece": calibration_error(labels, scores) if reading.probability and scores is not None else None,
        }
        if swapped := self.swapped.get(reading.name, {}).get(form):
            found["consistency"] = consistency(answers[: len(swapped.labels)], swapped.labels)
        return found

    def _family(self, family: str) -> dict[str, float]:
        members = [reading.name for reading in self.readings if reading.family == family]
        found = {}
        for form, rows in self.rows.items():
            values = [
                mean(
                    row.label == label
                    for row, label in zip(rows, self.judged[name][form].labels, strict=True)
                )
                for name in members
            ]
            found |= {
                f"family/{family}/{form}": mean(values),
                f"family/{family}_min/{form}": min(values),
                f"family/{family}_max/{form}": max(values),
                f"family/{family}_sd/{form}": stdev(values) if len(values) > 1 else 0.0,
            }
        return found

    def _bins(self, reading: str) -> dict[str, list[Bin]]:
        forms = self.judged[reading].items()
        return {
            form: [*reliability([row.label for row in self.rows[form]], judged.scores)]
            for form, judged in forms
            if judged.scores is not None
        }

    def _clusters(self, form: str, judged: Judged) -> dict[str, tuple[float, float]]:
        rows = self.rows[form]
        correct = [row.label == label for row, label in zip(rows, judged.labels, strict=True)]
        found = {
            "fact": cluster_interval(correct, [row.fact_id or row.pair_id for row in rows]),
            "property": cluster_interval(correct, [row.property for row in rows]),
        }
        return {
            name: (float(interval[0]), float(interval[1]))
            for name, interval in found.items()
            if interval is not None
        }
