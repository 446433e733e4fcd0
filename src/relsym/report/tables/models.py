"""Evaluated models -> tables: every way to read each of them, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Table, TableRow, missing, text_columns
from relsym.report.wording import BEYOND_ACCURACY, measure_text, percent
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import EvaluateResults, Interval, Reading

# What stands beside the accuracy where a benchmark has it.
MORE_MEASURES = {
    "groups": "facts with every item right (worse kind)",
    "macro": "mean over kinds and held-out properties",
}
ABOVE, CHANCE, BELOW = "above", "chance", "below"
MODELS_NOTES = (
    "Accuracy in % with its 95 % Wilson interval; bold: the reading chosen on validation rows (or told). A "
    "row without an answer is not "
    "right.",
    "Against the best constant answer: above or below it by the 95 % interval of a bootstrap that draws "
    'whole facts. "(chance)" follows '
    "where the interval of a bootstrap that draws whole properties holds the constant: the score may then be "
    "that of these properties "
    "alone.",
    "Balanced accuracy: mean over the labels. Entailment bias: share answered with entailment less the share "
    "that is. Same if swapped: "
    "share of pairs judged alike when premise and hypothesis are exchanged (100 by construction where a "
    "reading cannot tell their order). "
    "AUROC and ECE (15 bins): of the score of entailment; ECE only where it is a probability.",
)

# What a name tells where models of one name differ in it.
SETTINGS: tuple[Callable[[EvaluateResults], str], ...] = (
    lambda run: str(run.choices["metric"]),
    lambda run: f"n = {run.train_rows}",
    lambda run: f"seed {run.seed}",
    lambda run: run.precision,
)


@dataclass(frozen=True)
class ReadModel:
    """One way to read one model."""

    run: EvaluateResults
    reading: Reading

    @property
    def name(self) -> str:
        """Of the reading."""
        return self.reading.name

    @property
    def first(self) -> bool:
        """Whether it is the reading that stands for the model."""
        return self.name == self.run.reading

    def figure(self, measure: str, form: str) -> float | None:
        """Of accuracy or another measure; None where it has none."""
        return self.run.measure(self.name, measure, form)

    def interval(self, form: str) -> Interval:
        """Of its accuracy."""
        return self.run.intervals[f"{self.run.key_of(self.name)}/{form}"]


def read_models(runs: Sequence[EvaluateResults]) -> Iterator[ReadModel]:
    """Every reading that stands for itself, of every model."""
    for run in runs:
        for reading in run.readings:
            if reading.alone:
                yield ReadModel(run, reading)


def name_of_model(run: EvaluateResults, runs: Sequence[EvaluateResults]) -> str:
    """The model, with what tells it from others of its name in the same table: metric, labelled rows, seed,
    precision.
    """
    same = [
        other
        for other in runs
        if (other.model, other.kind) == (run.model, run.kind) and other.path != run.path
    ]
    words = [run.model]
    for setting in SETTINGS:
        if any(setting(other) != setting(run) for other in same):
            words.append(setting(run))
    own = [setting(run) for setting in SETTINGS]
    if any([setting(other) for setting in SETTINGS] == own for other in same):
        words.append(f"configuration {run.config_hash[:6]}")
    return ", ".join(words)


def models_table(scope: Scope) -> Table:
    """Accuracy and group accuracy of every reading, family and shortcut."""
    more = _more_columns(scope)
    columns = (
        *text_columns("model", "kind", "reading"),
        *(Column(form, form) for form in scope.forms),
        *(Column(f"{form}, against constant", form, number=False) for form in scope.forms),
        *(Column(f"{form}, {MORE_MEASURES[measure]}", form) for measure, form in more),
    )
    rows = []
    for run in scope.runs:
        rows += [_reading_row(scope, model, more) for model in read_models([run])]
        rows += _family_rows(scope, run, len(more))
    rows += _shortcut_rows(scope, more)
    return Table("models", "Every model and every way to read it", columns, tuple(rows), MODELS_NOTES[:2])


def _more_columns(scope: Scope) -> list[tuple[str, str]]:
    """Measure and form of what some model has beside its accuracy."""
    columns = []
    for measure in MORE_MEASURES:
        for form in scope.forms:
            measured = any(model.figure(measure, form) is not None for model in read_models(scope.runs))
            if measured and (measure == "groups" or scope.holds_out):
                columns.append((measure, form))
    return columns


def beyond_table(scope: Scope) -> Table:
    """What accuracy alone does not say, a line for each reading and form."""
    columns = (
        *text_columns("model", "reading", "form"),
        Column("accuracy"),
        *map(Column, BEYOND_ACCURACY.values()),
        Column("rows without answer"),
    )
    rows = []
    for model in read_models(scope.runs):
        for form in scope.forms:
            names = (Cell(name_of_model(model.run, scope.runs)), Cell(model.name), Cell(form))
            figures = [_figure_cell(model, measure, form) for measure in ("accuracy", *BEYOND_ACCURACY)]
            cells = (*names, *figures, _unscored(model, form))
            rows.append(TableRow(cells, model.run.model, form=form, strong=model.first))
    return Table("beyond_accuracy", "Beyond accuracy, in %", columns, tuple(rows), MODELS_NOTES[2:])


def by_property_table(scope: Scope) -> Table | None:
    """Accuracy by property of the reading that stands for each model; None where all rows are of one
    property.
    """
    columns = (
        *text_columns("property", "kind", "model", "reading"),
        *(Column(form, form) for form in scope.forms),
    )
    rows = []
    for property, kind in scope.kinds.items():
        for run in scope.runs:
            intervals = [run.intervals.get(f"{run.accuracy_key}/{form}/{property}") for form in scope.forms]
            if not any(intervals):
                continue
            figures = [_interval_cell(interval, run) if interval else missing("-") for interval in intervals]
            names = [Cell(text) for text in (property, kind, name_of_model(run, scope.runs), run.reading)]
            rows.append(TableRow((*names, *figures), run.model, property=property))
    notes = ("Accuracy in % with its 95 % Wilson interval.",)
    return Table("models_by_property", "Models by property", columns, tuple(rows), notes) if rows else None


def verdict(run: EvaluateResults, reading: str, form: str) -> str:
    """Whether a reading is above, at or below the best constant answer."""
    constant = run.metrics[f"reference/constant/{form}"]
    verdicts = {what: _against(interval, constant) for what, interval in run.clusters[reading][form].items()}
    fact, property = verdicts.get("fact", "-"), verdicts.get("property", "-")
    return f"{fact} ({CHANCE})" if fact in (ABOVE, BELOW) and property == CHANCE else fact


def _against(interval: tuple[float, float], constant: float) -> str:
    low, high = interval
    if low > constant:
        return ABOVE
    return BELOW if high < constant else CHANCE


def _reading_row(scope: Scope, model: ReadModel, more: Sequence[tuple[str, str]]) -> TableRow:
    run = model.run
    names = [Cell(text) for text in (name_of_model(run, scope.runs), run.kind, model.name)]
    accuracies = [_interval_cell(model.interval(form), run) for form in scope.forms]
    verdicts = [Cell(verdict(run, model.name, form)) for form in scope.forms]
    others = [_figure_cell(model, measure, form) for measure, form in more]
    return TableRow((*names, *accuracies, *verdicts, *others), run.model, strong=model.first)


def _family_rows(scope: Scope, run: EvaluateResults, more: int) -> Iterator[TableRow]:
    """Mean and range of readings that differ in one arbitrary choice."""
    families = [reading.family for reading in run.readings if reading.family]
    for family in dict.fromkeys(families):
        title = f"{family}: mean of {families.count(family)} (range)"
        names = [Cell(text) for text in (name_of_model(run, scope.runs), run.kind, title)]
        figures = []
        for form in scope.forms:
            mean, low, high = (
                run.metrics[f"family/{family}{suffix}/{form}"] for suffix in ("", "_min", "_max")
            )
            figures.append(Cell(f"{percent(mean)} ({percent(low)} to {percent(high)})", mean, (run.path,)))
        empty = [missing("-")] * (len(scope.forms) + more)
        yield TableRow((*names, *figures, *empty), run.model)


def _shortcut_rows(scope: Scope, more: Sequence[tuple[str, str]]) -> Iterator[TableRow]:
    """The shortcuts beside the models, once for each set of labelled rows, and the best constant answer."""
    seen = set()
    for run in scope.runs:
        for key, reader in sorted(run.readers.items(), key=lambda item: item[1].place):
            values = [run.metrics.get(f"{key}/{form}") for form in scope.forms]
            if None in values or (key, *values) in seen:
                continue
            seen.add((key, *values))
            title = (
                reader.title
                if key == "reference/constant"
                else f"{reader.title}, {run.train_rows} labelled rows"
            )
            figures = [Cell(percent(value), value, (run.path,)) for value in values]
            others = []
            for measure, form in more:
                value = run.metrics.get(f"{measure_of(key, measure)}/{form}")
                others.append(missing("-") if value is None else Cell(percent(value), value))
            names = (Cell("-"), Cell("shortcut"), Cell(title))
            yield TableRow((*names, *figures, *[missing("-")] * len(scope.forms), *others))


def _figure_cell(model: ReadModel, measure: str, form: str) -> Cell:
    value = model.figure(measure, form)
    if value is None:
        return missing("-")
    return Cell(measure_text(measure, value, model.reading.symmetric), value, (model.run.path,))


def _unscored(model: ReadModel, form: str) -> Cell:
    count = model.run.unscored.get(model.name, {}).get(form, 0)
    return Cell(str(count), count)


def _interval_cell(interval: Interval, run: EvaluateResults) -> Cell:
    text = f"{percent(interval.value)} [{percent(interval.low)}, {percent(interval.high)}]"
    return Cell(text, interval.value, (run.path,))
