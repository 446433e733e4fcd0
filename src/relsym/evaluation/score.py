"""One honest score: a probe's answers, the untrained encoder's, the shortcuts', all on the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

import torch
from torch import Tensor

from relsym.data.pairs import Row
from relsym.evaluation.statistics import Accuracy, accuracy
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import Interval, Reader

UNTRAINED_DRAWS = 10


@dataclass
class Scores:
    """Predicted labels by reader (``stage/what``) and form, beside the rows they answer.

    averages: of random readers, by ``stage/what/form``.  readers: of what was not retrained, its name and
    order in a table.
    """

    rows: Mapping[str, Sequence[Row]]
    predictions: dict[str, dict[str, list[str | None]]] = field(default_factory=dict)
    averages: dict[str, float] = field(default_factory=dict)
    readers: dict[str, Reader] = field(
        default_factory=lambda: {"reference/constant": Reader("best constant answer", 0)}
    )

    def add(self, name: str, form: str, predicted: Sequence[str | None]) -> None:
        """Record one reader's answers on the rows of one form; None, no answer, is never right."""
        if len(predicted) != len(self.rows[form]):
            raise ValueError(f"{name}: {len(predicted)} answers for {len(self.rows[form])} rows.")
        self.predictions.setdefault(name, {})[form] = list(predicted)

    def average(self, name: str, form: str, draws: Sequence[Sequence[str]]) -> None:
        """Record the mean accuracy of a random reader over several draws of it."""
        right = [
            row.label == label for draw in draws for row, label in zip(self.rows[form], draw, strict=True)
        ]
        self.averages[f"{name}/{form}"] = accuracy(right).value

    def accuracy(self, name: str, form: str, **only: str) -> Accuracy:
        """Accuracy of one reader, on all rows of a form or on those whose fields have the values given."""
        pairs = zip(self.rows[form], self.predictions[name][form], strict=True)
        return accuracy(
            [
                row.label == label
                for row, label in pairs
                if all(getattr(row, field) == value for field, value in only.items())
            ]
        )

    def slices(self, form: str, field: str) -> list[str]:
        """The values of a field (property, variant) in the rows of a form, in the order of their first row;
        none if there is just one.
        """
        found = list(dict.fromkeys(getattr(row, field) for row in self.rows[form]))
        return found if len(found) > 1 else []

    def groups(self, name: str, form: str) -> dict[str, Accuracy]:
        """By kind, the share of facts all of whose rows are right; empty where each fact has one row."""
        right: dict[tuple[str, str], list[bool]] = {}
        for row, label in zip(self.rows[form], self.predictions[name][form], strict=True):
            right.setdefault((row.kind, row.fact_id or row.pair_id), []).append(row.label == label)
        if all(len(items) == 1 for items in right.values()):
            return {}
        kinds = dict.fromkeys(kind for kind, _ in right)
        return {
            kind: accuracy([all(items) for (of, _), items in right.items() if of == kind]) for kind in kinds
        }

    def macro(self, name: str, form: str) -> float | None:
        """The mean over the kinds of the mean over their properties: one constant answer scores 1 / kinds.

        None for one kind alone.
        """
        right: dict[str, dict[str, list[bool]]] = {}
        for row, label in zip(self.rows[form], self.predictions[name][form], strict=True):
            right.setdefault(row.kind, {}).setdefault(row.property, []).append(row.label == label)
        by_kind = [
            mean(sum(answers) / len(answers) for answers in properties.values())
            for properties in right.values()
        ]
        return mean(by_kind) if len(by_kind) > 1 else None

    def flat(self, model: str) -> dict[str, float]:
        """All figures as ``stage/what[/slice]``, each in [0, 1]; ``model`` also by property and variant, with
        the interval's bounds.

        ``test/groups/FORM`` is the lower one of the kinds; ``test/macro/FORM`` the mean over kinds of the
        mean over properties; ``reference/constant/FORM`` what the best constant answer would get, which only
        one who has seen the labels can choose.
        """
        figures, intervals = dict(self.averages), self.intervals(model)
        for form in self.predictions[model]:
            labels = Counter(row.label for row in self.rows[form])
            figures[f"reference/constant/{form}"] = max(labels.values()) / labels.total()
            overall = self.accuracy(model, form)
            figures |= {f"{model}/{form}/low": overall.low, f"{model}/{form}/high": overall.high}
        for name, forms in self.predictions.items():
            for form in forms:
                key = f"{measure_of(name, 'groups')}/{form}"
                if kinds := [
                    interval.value for place, interval in intervals.items() if place.startswith(f"{key}/")
                ]:
                    figures[key] = min(kinds)
                if (macro := self.macro(name, form)) is not None:
                    figures[f"{measure_of(name, 'macro')}/{form}"] = macro
        return figures | {key: interval.value for key, interval in intervals.items()}

    def intervals(self, model: str) -> dict[str, Interval]:
        """Every reader's accuracy and group accuracy with interval, right answers and rows; ``model`` also by
        property and variant.
        """
        found = {
            f"{name}/{form}": Interval(*self.accuracy(name, form))
            for name, forms in self.predictions.items()
            for form in forms
        }
        for form in self.predictions[model]:
            for field_name in ("property", "variant"):
                for value in self.slices(form, field_name):
                    found[f"{model}/{form}/{value}"] = Interval(
                        *self.accuracy(model, form, **{field_name: value})
                    )
        for name, forms in self.predictions.items():
            for form in forms:
                for kind, group in self.groups(name, form).items():
                    found[f"{measure_of(name, 'groups')}/{form}/{kind}"] = Interval(*group)
        return found

    def table(self, model: str) -> dict[str, list]:
        """One line per scored row, with the model's answer, as columns."""
        lines = [
            (*row, label, row.label == label)
            for form, rows in self.rows.items()
            for row, label in zip(rows, self.predictions[model][form], strict=True)
        ]
        return dict(
            zip((*Row._fields, "prediction", "correct"), map(list, zip(*lines, strict=True)), strict=True)
        )


def label_names(classes: Tensor, labels: Sequence[str]) -> list[str]:
    """Class indices -> label names."""
    return [labels[index] for index in classes.tolist()]


def targets_of(rows: Sequence[Row], labels: Sequence[str]) -> Tensor:
    """Label names -> class indices [n]."""
    return torch.tensor([labels.index(row.label) for row in rows], dtype=torch.long)
