"""One honest score: a probe's answers, the untrained encoder's, the shortcuts', all on the same rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean

import torch
from torch import Tensor

from relsym.data.pairs import COUNTED_APART, Row
from relsym.evaluation.statistics import Accuracy, accuracy
from relsym.runs.metric_keys import ROLE_MEASURES, measure_of
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
        rows = len(self.rows[form])
        if len(predicted) != rows:
            raise ValueError(f"{name}: {len(predicted)} answers for {rows} rows.")
        self.predictions.setdefault(name, {})[form] = list(predicted)

    def average(self, name: str, form: str, draws: Sequence[Sequence[str]]) -> None:
        """Record the mean accuracy of a random reader over several draws of it."""
        right = []
        for draw in draws:
            for row, label in zip(self.rows[form], draw, strict=True):
                right.append(row.label == label)
        self.averages[f"{name}/{form}"] = accuracy(right).value

    def accuracy(self, name: str, form: str, **only: str) -> Accuracy:
        """Accuracy of one reader, on all rows of a form or on those whose fields have the values given."""
        right = []
        for row, label in self._answered(name, form):
            selected = all(getattr(row, field) == value for field, value in only.items())
            if selected:
                right.append(row.label == label)
        return accuracy(right)

    def slices(self, form: str, field: str) -> list[str]:
        """The values of a field (property, variant) in the rows of a form, in the order of their first row.

        The list is empty where all rows have the same value: that slice would be the whole.
        """
        values = dict.fromkeys(getattr(row, field) for row in self.rows[form])
        return list(values) if len(values) > 1 else []

    def groups(self, name: str, form: str) -> dict[str, Accuracy]:
        """By kind, the share of facts all of whose rows are right; empty where each fact has one row.

        Rows of the variants ``COUNTED_APART`` have no part in it.
        """
        right_of_fact = defaultdict(list)
        for row, label in self._answered(name, form):
            if row.variant in COUNTED_APART:
                continue
            fact = row.fact_id or row.pair_id  # rows that are not about facts stand alone
            right_of_fact[row.kind, fact].append(row.label == label)
        if all(len(right) == 1 for right in right_of_fact.values()):
            return {}
        return _share_by_kind(right_of_fact)

    def roles(self, name: str, form: str, variants: tuple[str, str]) -> dict[str, Accuracy]:
        """By kind, the share of facts with two variants right that differ in who did what to whom alone.

        Whoever only knows whether a relation is symmetric cannot tell an antisymmetric one's two apart: both
        are in other words than the premise. Facts without a row of each variant are left out, so that there
        is no kind where none has both.
        """
        right_of_fact = defaultdict(list)
        for row, label in self._answered(name, form):
            if row.variant in variants:
                right_of_fact[row.kind, row.fact_id].append(row.label == label)
        whole = {fact: right for fact, right in right_of_fact.items() if len(right) == len(variants)}
        return _share_by_kind(whole)

    def macro(self, name: str, form: str) -> float | None:
        """The mean over the kinds of the mean over their properties: one constant answer scores 1 / kinds.

        None for one kind alone.
        """
        right_of_property = defaultdict(list)
        for row, label in self._answered(name, form):
            right_of_property[row.kind, row.property].append(row.label == label)
        # Properties count alike within a kind, however many rows they have.
        accuracies_of_kind = defaultdict(list)
        for (kind, _), right in right_of_property.items():
            accuracies_of_kind[kind].append(sum(right) / len(right))
        if len(accuracies_of_kind) < 2:
            return None
        return mean(mean(accuracies) for accuracies in accuracies_of_kind.values())

    def flat(self, model: str) -> dict[str, float]:
        """All figures as ``stage/what[/slice]``, each in [0, 1]; by property and variant for ``model`` alone.

        ``model`` also has the bounds of its interval. ``test/groups/FORM`` is the lowest one of the kinds;
        ``test/roles/FORM`` and ``test/converse_roles/FORM`` are, too. ``test/macro/FORM`` is the mean over
        kinds of the mean over properties; ``reference/constant/FORM`` what the best constant answer would
        get, which only one who has seen the labels can choose.
        """
        figures = dict(self.averages)
        intervals = self.intervals(model)
        for form in self.predictions[model]:
            labels = Counter(row.label for row in self.rows[form])
            commonest = max(labels.values())
            figures[f"reference/constant/{form}"] = commonest / labels.total()
            overall = self.accuracy(model, form)
            figures[f"{model}/{form}/low"] = overall.low
            figures[f"{model}/{form}/high"] = overall.high
        for name, form in self._answered_forms():
            for measure in ("groups", *ROLE_MEASURES):
                key_of_form = f"{measure_of(name, measure)}/{form}"
                kinds = [key for key in intervals if key.startswith(f"{key_of_form}/")]
                if kinds:  # there are none where each fact has one row
                    figures[key_of_form] = min(intervals[key].value for key in kinds)
            macro = self.macro(name, form)
            if macro is not None:
                figures[f"{measure_of(name, 'macro')}/{form}"] = macro
        for key, interval in intervals.items():
            figures[key] = interval.value
        return figures

    def intervals(self, model: str) -> dict[str, Interval]:
        """Accuracy, whole groups and roles of every reader, with interval, right answers and rows.

        ``model`` is also measured by property and variant, and by variant and kind.
        """
        intervals: dict[str, Interval] = {}
        for name, form in self._answered_forms():
            overall = self.accuracy(name, form)
            intervals[f"{name}/{form}"] = Interval(*overall)
        for form in self.predictions[model]:
            for field_name in ("property", "variant"):
                for value in self.slices(form, field_name):
                    of_slice = self.accuracy(model, form, **{field_name: value})
                    intervals[f"{model}/{form}/{value}"] = Interval(*of_slice)
            for variant, kind in self._variants_of_kinds(form):
                of_slice = self.accuracy(model, form, variant=variant, kind=kind)
                intervals[f"{model}/{form}/{variant}/{kind}"] = Interval(*of_slice)
        for name, form in self._answered_forms():
            shares = {"groups": self.groups(name, form)}
            for measure, variants in ROLE_MEASURES.items():
                shares[measure] = self.roles(name, form, variants)
            for measure, share_of_kind in shares.items():
                for kind, share in share_of_kind.items():
                    intervals[f"{measure_of(name, measure)}/{form}/{kind}"] = Interval(*share)
        return intervals

    def table(self, model: str) -> dict[str, list]:
        """One line per scored row, with the model's answer, as columns."""
        columns: dict[str, list] = {name: [] for name in (*Row._fields, "prediction", "correct")}
        for form in self.rows:
            for row, label in self._answered(model, form):
                line = (*row, label, row.label == label)
                for column, value in zip(columns.values(), line, strict=True):
                    column.append(value)
        return columns

    def _variants_of_kinds(self, form: str) -> list[tuple[str, str]]:
        """The variants of a form with each kind that they are asked of; none where there is one of either."""
        if not self.slices(form, "variant") or not self.slices(form, "kind"):
            return []
        return list(dict.fromkeys((row.variant, row.kind) for row in self.rows[form]))

    def _answered(self, name: str, form: str) -> Iterator[tuple[Row, str | None]]:
        """The rows of a form, each with the reader's answer."""
        predictions = self.predictions[name][form]
        return zip(self.rows[form], predictions, strict=True)

    def _answered_forms(self) -> Iterator[tuple[str, str]]:
        """Every reader with every form that it has answered, in the order of the record."""
        for name, forms in self.predictions.items():
            for form in forms:
                yield name, form


def _share_by_kind(right_of_fact: Mapping[tuple[str, str], Sequence[bool]]) -> dict[str, Accuracy]:
    """By kind, the share of facts whose rows are all right.

    Args:
        right_of_fact: whether each row is right, by kind and fact.
    """
    facts_of_kind = defaultdict(list)
    for (kind, _), right in right_of_fact.items():
        facts_of_kind[kind].append(all(right))
    return {kind: accuracy(facts) for kind, facts in facts_of_kind.items()}


def label_names(classes: Tensor, labels: Sequence[str]) -> list[str]:
    """Class indices [n] -> label names."""
    return [labels[index] for index in classes.tolist()]


def targets_of(rows: Sequence[Row], labels: Sequence[str]) -> Tensor:
    """The label of each row as a class index [n]: its place in ``labels``."""
    classes = [labels.index(row.label) for row in rows]
    return torch.tensor(classes, dtype=torch.long)
