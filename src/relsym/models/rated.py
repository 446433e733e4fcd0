"""Answers about pairs that people rated, whether these have a label or not, beside the ratings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from relsym.data.pairs import Row
from relsym.evaluation.classification import rank_correlation
from relsym.models.base import Judged, Reading


@dataclass
class RatedAnswers:
    """What readings answered about the rated rows without a label, and what people said of all.

    scored: the rated rows with a label, by form.
    unlabelled: those without, by form; there may be none.
    ratings: by pair id, in the order of the file.
    sameness: by pair id, how far the rating stands from the end of the scale that means something else.
    judged: by reading and form, answers to the rows without a label.
    """

    scored: Mapping[str, Sequence[Row]]
    unlabelled: Mapping[str, Sequence[Row]]
    ratings: Mapping[str, float]
    sameness: Mapping[str, float]
    judged: Mapping[str, Mapping[str, Judged]]

    def correlation(self, reading: str, form: str, judged: Judged) -> float | None:
        """Spearman's rank correlation of the score of entailment with the ratings, over all rated rows.

        Positive is right, whichever way the scale runs. None where there is none (``rank_correlation``).

        Args:
            reading: its name.
            form: of the rows.
            judged: its answers to the rows with a label.
        """
        sameness = [self.sameness[row.pair_id] for row in self._rows(form)]
        return rank_correlation(sameness, self._scores(reading, form, judged))

    def table(
        self, readings: Sequence[Reading], judged: Mapping[str, Mapping[str, Judged]]
    ) -> dict[str, list]:
        """The columns of ``rated.parquet``: every rated row that was asked about, in the order of the file.

        Args:
            readings: all of them.
            judged: by reading and form, their answers to the rows with a label.
        """
        rows: list[Row] = []
        for form in self.scored:
            rows += self._rows(form)
        columns: dict[str, list] = {}
        for field in ("pair_id", "property", "form", "premise", "hypothesis"):
            columns[field] = [getattr(row, field) for row in rows]
        columns["rating"] = [self.ratings[row.pair_id] for row in rows]
        columns["label"] = [row.label or None for row in rows]
        for reading in readings:
            labels: list[str | None] = []
            scores: list[float | None] = []
            for form in self.scored:
                answers = judged[reading.name][form]
                labels += [*answers.labels, *self._unlabelled(reading.name, form).labels]
                scores += self._scores(reading.name, form, answers)
            columns[f"prediction:{reading.name}"] = labels
            if any(score is not None for score in scores):
                columns[f"score:{reading.name}"] = scores
        place_of = {pair_id: place for place, pair_id in enumerate(self.ratings)}
        order = sorted(range(len(rows)), key=lambda row: place_of[rows[row].pair_id])
        return {name: [values[row] for row in order] for name, values in columns.items()}

    def _rows(self, form: str) -> list[Row]:
        """The rated rows of a form: those with a label, then those without."""
        return [*self.scored[form], *self.unlabelled.get(form, ())]

    def _scores(self, reading: str, form: str, judged: Judged) -> list[float | None]:
        """The score of each of these rows; None where it has none."""
        return [*_scores_of(judged), *_scores_of(self._unlabelled(reading, form))]

    def _unlabelled(self, reading: str, form: str) -> Judged:
        """The answers to the rows without a label, of which there may be none."""
        return self.judged[reading].get(form, Judged([]))


def _scores_of(judged: Judged) -> Sequence[float | None]:
    return [None] * len(judged.labels) if judged.scores is None else judged.scores
