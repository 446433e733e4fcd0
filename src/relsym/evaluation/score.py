"""One honest score: a probe's answers, the untrained encoder's, the shortcuts', all on the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from relsym.data.pairs import Row
from relsym.evaluation.statistics import Accuracy, accuracy

UNTRAINED_DRAWS = 10


@dataclass
class Scores:
    """Predicted labels by reader (``stage/what``) and form, beside the rows they answer."""

    rows: Mapping[str, Sequence[Row]]
    predictions: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    averages: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, form: str, predicted: Sequence[str]) -> None:
        """Record one reader's answers on the rows of one form."""
        if len(predicted) != len(self.rows[form]):
            raise ValueError(f"{name}: {len(predicted)} answers for {len(self.rows[form])} rows.")
        self.predictions.setdefault(name, {})[form] = list(predicted)

    def average(self, name: str, form: str, draws: Sequence[Sequence[str]]) -> None:
        """Record the mean accuracy of a random reader over several draws of it."""
        right = [row.label == label for draw in draws for row, label in zip(self.rows[form], draw, strict=True)]
        self.averages[f"{name}/{form}"] = accuracy(right).value

    def accuracy(self, name: str, form: str, property: str | None = None) -> Accuracy:
        """Accuracy of one reader, on all rows of a form or on those of one property."""
        pairs = zip(self.rows[form], self.predictions[name][form], strict=True)
        return accuracy([row.label == label for row, label in pairs if property in (None, row.property)])

    def properties(self, form: str) -> list[str]:
        """Properties in the rows of a form, in the order of their first row."""
        return list(dict.fromkeys(row.property for row in self.rows[form]))

    def flat(self, model: str) -> dict[str, float]:
        """All figures as ``stage/what[/slice]``, each in [0, 1]; ``model`` also by property, with the interval's bounds."""
        figures = dict(self.averages)
        for form in self.predictions[model]:
            overall = self.accuracy(model, form)
            figures |= {f"{model}/{form}/low": overall.low, f"{model}/{form}/high": overall.high}
        return figures | {key: interval["value"] for key, interval in self.intervals(model).items()}

    def intervals(self, model: str) -> dict[str, dict[str, float | int]]:
        """Every reader's accuracy with its interval, right answers and rows, by ``stage/what/form``; ``model`` also by property."""
        found = {f"{name}/{form}": self.accuracy(name, form)._asdict() for name, forms in self.predictions.items() for form in forms}
        for form in self.predictions[model]:
            for property in self.properties(form) if len(self.properties(form)) > 1 else ():
                found[f"{model}/{form}/{property}"] = self.accuracy(model, form, property)._asdict()
        return found

    def table(self, model: str) -> dict[str, list]:
        """One line per scored row, with the model's answer, as columns."""
        lines = [(*row, label, row.label == label) for form, rows in self.rows.items()
                 for row, label in zip(rows, self.predictions[model][form], strict=True)]
        return dict(zip((*Row._fields, "prediction", "correct"), map(list, zip(*lines, strict=True)), strict=True))


def names_of(classes: Tensor, labels: Sequence[str]) -> list[str]:
    """Class indices -> label names."""
    return [labels[index] for index in classes.tolist()]


def targets_of(rows: Sequence[Row], labels: Sequence[str]) -> Tensor:
    """Label names -> class indices [n]."""
    return torch.tensor([labels.index(row.label) for row in rows], dtype=torch.long)
