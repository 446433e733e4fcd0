"""Evaluated models -> tables: every way to read each of them, on the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from relsym.report.scopes import Scope
from relsym.report.tables.cells import (
    Cell,
    Column,
    Table,
    TableRow,
    count,
    form_columns,
    missing,
    percent_cell,
    text_cells,
    text_columns,
    word_cell,
)
from relsym.report.wording import beyond_accuracy, measure_text, percent
from relsym.runs.metric_keys import SPEARMAN, measure_of
from relsym.runs.results import EvaluateResults, Interval, Reader, Reading

# Measure beside the accuracy, which not every benchmark has -> what its columns are called.
MORE_MEASURES = {
    "groups": "facts with every item right (worse kind)",
    "roles": "facts with paraphrase and swapped paraphrase right (worse kind)",
    "converse_roles": "facts with converse and swapped converse right (worse kind)",
    "macro": "mean over kinds and held-out properties",
}
ABOVE, CHANCE, BELOW = "above", "chance", "below"
MODELS_NOTES = (
    "Accuracy in % with its 95 % Wilson interval; bold: the reading chosen on validation rows (or told). A "
    "row without an answer is not right.",
    "Against the best constant answer: above or below it by the 95 % interval of a bootstrap that draws "
    'whole facts. "(chance)" follows where the interval of a bootstrap that draws whole properties holds the '
    "constant: the score may then be that of these properties alone.",
)
BEYOND_NOTES = (
    "Balanced accuracy: mean over the labels. Entailment bias: share answered with entailment less the share "
    "that is. Same if swapped: share of pairs judged alike when premise and hypothesis are exchanged (100 by "
    "construction where a reading cannot tell their order). AUROC and ECE (15 bins): of the score of "
    "entailment; ECE only where it is a probability.",
)
SPEARMAN_NOTE = (
    "Spearman: rank correlation of the score of entailment with what people said of the pairs, over all "
    "rated ones, also those that are neither entailment nor contradiction; 100 is the same order.",
)


@dataclass(frozen=True)
class ReadModel:
    """One way to read one model."""

    run: EvaluateResults
    reading: Reading

    @property
    def name(self) -> str:
        """The reading's name."""
        return self.reading.name

    @property
    def first(self) -> bool:
        """Whether it is the reading that stands for the model."""
        return self.name == self.run.reading

    def figure(self, measure: str, form: str) -> float | None:
        """A measure (accuracy, groups, bias ...) in one form; None where the reading has none."""
        return self.run.measure(self.name, measure, form)

    def interval(self, form: str) -> Interval:
        """The reading's accuracy in one form, with its 95 % Wilson interval."""
        key = self.run.key_of(self.name)
        return self.run.intervals[f"{key}/{form}"]


def read_models(runs: Sequence[EvaluateResults]) -> Iterator[ReadModel]:
    """Every reading that is reported by itself, of every model."""
    for run in runs:
        for reading in run.readings:
            # A random draw says nothing by itself; the mean over its family does.
            if reading.alone:
                yield ReadModel(run, reading)


def names_of_models(runs: Sequence[EvaluateResults]) -> dict[str, str]:
    """The name of each model, by the path of its run, with what tells it from others of its name and kind.

    Of metric, labelled rows, seed and precision those are added that differ; the head of the configuration's
    hash where all four are those of another one.

    Args:
        runs: all evaluations of the table.
    """
    namesakes: dict[tuple[str, str], list[EvaluateResults]] = {}
    for run in runs:
        namesakes.setdefault((run.model, run.kind), []).append(run)
    names: dict[str, str] = {}
    for group in namesakes.values():
        names |= _names_in(group)
    return names


def _names_in(group: Sequence[EvaluateResults]) -> dict[str, str]:
    """The name of each model of a group that has one name and kind, by the path of its run."""
    settings_of = {run.path: _settings_of(run) for run in group}
    how_many = Counter(settings_of.values())
    values_at_place = [set(values) for values in zip(*how_many, strict=True)]
    names = {}
    for run in group:
        settings = settings_of[run.path]
        words = [run.model]
        for setting, values in zip(settings, values_at_place, strict=True):
            if len(values) > 1:
                words.append(setting)
        # Two that agree in all of these differ in something that only the hash tells.
        if how_many[settings] > 1:
            words.append(f"configuration {run.config_hash[:6]}")
        names[run.path] = ", ".join(words)
    return names


def _settings_of(run: EvaluateResults) -> tuple[str, ...]:
    """What may tell a model from others of its name: metric, labelled rows, seed and precision."""
    metric = str(run.choices.get("metric"))
    return (metric, f"n = {run.train_rows}", f"seed {run.seed}", run.precision)


def models_table(scope: Scope) -> Table:
    """Accuracy and group accuracy of every reading, family of readings and shortcut."""
    more = _more_columns(scope)
    columns = [*text_columns("model", "kind", "reading"), *form_columns(scope.forms, followed=True)]
    for form in scope.forms:
        columns.append(Column(f"{form}, against constant", form, number=False))
    for measure, form in more:
        columns.append(Column(f"{form}, {MORE_MEASURES[measure]}", form))
    rows = []
    names = names_of_models(scope.runs)
    for run in scope.runs:
        for model in read_models([run]):
            rows.append(_reading_row(scope, model, names[run.path], more))
        rows += _family_rows(scope, run, names[run.path], len(more))
    rows += _shortcut_rows(scope, more)
    title = "Every model and every way to read it"
    return Table("models", title, tuple(columns), tuple(rows), MODELS_NOTES)


def _more_columns(scope: Scope) -> list[tuple[str, str]]:
    """Measure and form of what some model has beside its accuracy."""
    columns = []
    for measure in MORE_MEASURES:
        # Where nothing is held out it says what the accuracy says.
        if measure == "macro" and not scope.holds_out:
            continue
        for form in scope.forms:
            figures = [model.figure(measure, form) for model in read_models(scope.runs)]
            if any(figure is not None for figure in figures):
                columns.append((measure, form))
    return columns


def beyond_table(scope: Scope) -> Table:
    """What accuracy alone does not say, a line for each reading and form."""
    measures = {"accuracy": "accuracy", **beyond_accuracy(scope.runs)}
    beyond_columns = []
    for measure, heading in measures.items():
        # "by construction" may stand behind it.
        beyond_columns.append(Column(heading, followed=measure == "consistency"))
    columns = (*text_columns("model", "reading", "form"), *beyond_columns, Column("rows without answer"))
    rows = []
    names = names_of_models(scope.runs)
    for model in read_models(scope.runs):
        for form in scope.forms:
            words = text_cells(names[model.run.path], model.name, form)
            figures = [_figure_cell(model, measure, form) for measure in measures]
            cells = (*words, *figures, _unscored(model, form))
            rows.append(TableRow(cells, model.run.model, form=form, strong=model.first))
    notes = BEYOND_NOTES + SPEARMAN_NOTE if SPEARMAN in measures else BEYOND_NOTES
    return Table("beyond_accuracy", "Beyond accuracy, in %", columns, tuple(rows), notes)


def by_property_table(scope: Scope) -> Table | None:
    """Accuracy by property of the reading that stands for each model.

    None where all rows are of one property.
    """
    rows = []
    names = names_of_models(scope.runs)
    for property, kind in scope.kinds.items():
        for run in scope.runs:
            row = _property_of_model_row(scope, run, names[run.path], property, kind)
            if row is not None:
                rows.append(row)
    if not rows:
        return None
    words = text_columns("property", "kind", "model", "reading")
    columns = (*words, *form_columns(scope.forms, followed=True))
    notes = ("Accuracy in % with its 95 % Wilson interval.",)
    return Table("models_by_property", "Models by property", columns, tuple(rows), notes)


def _property_of_model_row(
    scope: Scope, run: EvaluateResults, name: str, property: str, kind: str
) -> TableRow | None:
    """One model on one property, by form; None where it has no rows of it apart."""
    figures = []
    measured = False
    for form in scope.forms:
        interval = run.intervals.get(f"{run.accuracy_key}/{form}/{property}")
        if interval is None:
            figures.append(missing("-"))
        else:
            figures.append(_interval_cell(interval, run))
            measured = True
    if not measured:
        return None
    names = text_cells(property, kind, name, run.reading)
    return TableRow((*names, *figures), run.model, property=property)


def verdict(run: EvaluateResults, reading: str, form: str) -> str:
    """Whether a reading is above, at or below the best constant answer: ``above``, ``chance``, ``below``.

    The bootstrap over facts decides; ``above (chance)`` says that the one over properties sees no difference.
    Empty where the run has no bootstrap over facts.
    """
    constant = run.metrics[f"reference/constant/{form}"]
    verdicts = {}
    for unit, interval in run.clusters[reading][form].items():
        verdicts[unit] = _against(interval, constant)
    over_facts = verdicts.get("fact", "")
    over_properties = verdicts.get("property")
    # Properties are few, so that the bootstrap over them is the harder one to pass.
    if over_facts in (ABOVE, BELOW) and over_properties == CHANCE:
        return f"{over_facts} ({CHANCE})"
    return over_facts


def _against(interval: tuple[float, float], constant: float) -> str:
    """Where the whole interval (low, high) lies, seen from the constant."""
    low, high = interval
    if low > constant:
        return ABOVE
    if high < constant:
        return BELOW
    return CHANCE


def _reading_row(scope: Scope, model: ReadModel, name: str, more: Sequence[tuple[str, str]]) -> TableRow:
    """One reading of one model.

    Args:
        name: of the model in this table.
        more: measure and form of the columns behind the verdicts.
    """
    run = model.run
    names = text_cells(name, run.kind, model.name)
    accuracies = [_interval_cell(model.interval(form), run) for form in scope.forms]
    verdicts = [word_cell(verdict(run, model.name, form)) for form in scope.forms]
    others = [_figure_cell(model, measure, form) for measure, form in more]
    return TableRow((*names, *accuracies, *verdicts, *others), run.model, strong=model.first)


def _family_rows(scope: Scope, run: EvaluateResults, name: str, more: int) -> Iterator[TableRow]:
    """Mean and range of readings that differ in one arbitrary choice, a row for each such family.

    Args:
        name: of the model in this table.
        more: number of columns behind the verdicts, which stay empty as those do.
    """
    families = [reading.family for reading in run.readings if reading.family]
    # Each family once, in the order of the readings.
    for family in dict.fromkeys(families):
        title = f"{family}: mean of {families.count(family)} (range)"
        figures = []
        for form in scope.forms:
            average = run.metrics[f"family/{family}/{form}"]
            low = percent(run.metrics[f"family/{family}_min/{form}"])
            high = percent(run.metrics[f"family/{family}_max/{form}"])
            text = f"{percent(average)} ({low} to {high})"
            figures.append(Cell(text, average, (run.path,)))
        names = text_cells(name, run.kind, title)
        empty = [missing("-")] * (len(scope.forms) + more)
        yield TableRow((*names, *figures, *empty), run.model)


def _shortcut_rows(scope: Scope, more: Sequence[tuple[str, str]]) -> Iterator[TableRow]:
    """The shortcuts beside the models, once for each set of labelled rows, and the best constant answer.

    Args:
        more: measure and form of the columns behind the verdicts.
    """
    shown = set()
    for run in scope.runs:
        for key, reader in sorted(run.readers.items(), key=lambda item: item[1].place):
            values = [run.metrics.get(f"{key}/{form}") for form in scope.forms]
            # Runs on the same labelled rows have the same shortcuts, with the same figures.
            if None in values or (key, *values) in shown:
                continue
            shown.add((key, *values))
            names = (missing("-"), *text_cells("shortcut", _shortcut_title(run, key, reader)))
            figures = [percent_cell(value, (run.path,)) for value in values]
            no_verdicts = [missing("-")] * len(scope.forms)
            others = []
            for measure, form in more:
                metric = f"{measure_of(key, measure)}/{form}"
                others.append(percent_cell(run.metrics.get(metric)))
            yield TableRow((*names, *figures, *no_verdicts, *others))


def _shortcut_title(run: EvaluateResults, key: str, reader: Reader) -> str:
    """A shortcut's title, with how many rows it learnt from; the best constant answer learns from none."""
    if key == "reference/constant":
        return reader.title
    return f"{reader.title}, {run.train_rows} labelled rows"


def _figure_cell(model: ReadModel, measure: str, form: str) -> Cell:
    """A measure of one reading, in per cent; ``-`` where it has none."""
    value = model.figure(measure, form)
    if value is None:
        return missing("-")
    text = measure_text(measure, value, model.reading.symmetric)
    return Cell(text, value, (model.run.path,))


def _unscored(model: ReadModel, form: str) -> Cell:
    """How many rows of a form the reading gives no answer to."""
    of_reading = model.run.unscored.get(model.name, {})
    return count(of_reading.get(form, 0))


def _interval_cell(interval: Interval, run: EvaluateResults) -> Cell:
    """An accuracy in per cent with its interval: ``62.50 [47.03, 75.78]``."""
    low, high = percent(interval.low), percent(interval.high)
    text = f"{percent(interval.value)} [{low}, {high}]"
    return Cell(text, interval.value, (run.path,))
