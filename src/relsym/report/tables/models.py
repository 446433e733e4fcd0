"""Evaluated models -> tables: every way to read each of them, on the same rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from relsym.report.labels import READERS, percent
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Row, Table, missing, text_columns
from relsym.runs.metric_keys import measure_of

Run = dict[str, Any]
MEASURES = {"balanced": "balanced accuracy", "bias": "entailment bias", "consistency": "same if swapped", "auroc": "AUROC", "ece": "ECE"}
# What stands beside the accuracy where a benchmark has it.
MORE = {"groups": "facts with every item right (worse kind)", "macro": "mean over kinds and held-out properties"}
ABOVE, CHANCE, BELOW = "above", "chance", "below"
NOTES = (
    "Accuracy in % with its 95 % Wilson interval; bold: the reading chosen on validation rows (or told). A row without an answer is not "
    "right.",
    "Against the best constant answer: above or below it by the 95 % interval of a bootstrap that draws whole facts. \"(chance)\" follows "
    "where the interval of a bootstrap that draws whole properties holds the constant: the score may then be that of these properties "
    "alone.",
    "Balanced accuracy: mean over the labels. Entailment bias: share answered with entailment less the share that is. Same if swapped: "
    "share of pairs judged alike when premise and hypothesis are exchanged (100 by construction where a reading cannot tell their order). "
    "AUROC and ECE (15 bins): of the score of entailment; ECE only where it is a probability.",
)

# What a name tells where models of one name differ in it.
SETTINGS: tuple[Callable[[Run], str], ...] = (
    lambda run: str(run["choices"]["metric"]), lambda run: f"n = {run['rows']['train']}", lambda run: f"seed {run['seed']}",
    lambda run: str(run["precision"]))


@dataclass(frozen=True)
class Reader:
    """One way to read one model. key: where its figures stand; ``test/accuracy`` for the first one."""

    run: Run
    name: str
    key: str
    symmetric: bool

    @property
    def first(self) -> bool:
        """Whether it is the reading that stands for the model."""
        return self.name == self.run["reading"]

    def figure(self, measure: str, form: str) -> float | None:
        """Of accuracy or another measure; None where it has none."""
        return self.run["metrics"].get(f"{measure_of(self.key, measure)}/{form}")


def readers(runs: Sequence[Run]) -> Iterator[Reader]:
    """Every reading that stands for itself, of every model."""
    for run in runs:
        for reading in run["readings"]:
            if reading["alone"]:
                first = reading["name"] == run["reading"]
                key = f"{run['score_on']}/accuracy" if first else f"reading/{reading['name']}"
                yield Reader(run, reading["name"], key, reading["symmetric"])


def name_of_model(run: Run, runs: Sequence[Run]) -> str:
    """The model, with what tells it from others of its name in the same table: metric, labelled rows, seed, precision."""
    same = [other for other in runs if (other["model"], other["kind"]) == (run["model"], run["kind"]) and other["path"] != run["path"]]
    told = [text(run) for text in SETTINGS if any(text(other) != text(run) for other in same)]
    alike = [other for other in same if all(text(other) == text(run) for text in SETTINGS)]
    return ", ".join([run["model"], *told, *([f"configuration {run['config_hash'][:6]}"] if alike else [])])


def models_table(scope: Scope) -> Table:
    """Accuracy and group accuracy of every reading, family and shortcut."""
    held_out = any("held out" in (run["sides"] or "") for run in scope.runs)
    more = [(measure, form) for measure in MORE for form in scope.forms if (measure == "groups" or held_out)
            and any(reader.figure(measure, form) is not None for reader in readers(scope.runs))]
    columns = (*text_columns("model", "kind", "reading"), *(Column(form, form) for form in scope.forms),
               *(Column(f"{form}, against constant", form, number=False) for form in scope.forms),
               *(Column(f"{form}, {MORE[measure]}", form) for measure, form in more))
    rows = [row for run in scope.runs
            for row in (*(_row(scope, reader, more) for reader in readers([run])), *_families(scope, run, len(more)))]
    return Table("models", "Every model and every way to read it", columns, (*rows, *_shortcuts(scope, more)), NOTES[:2])


def beyond_table(scope: Scope) -> Table:
    """What accuracy alone does not say, a line for each reading and form."""
    columns = (*text_columns("model", "reading", "form"), Column("accuracy"), *map(Column, MEASURES.values()),
               Column("rows without answer"))
    rows = [Row((Cell(name_of_model(reader.run, scope.runs)), Cell(reader.name), Cell(form), _percent(reader, "accuracy", form),
                 *(_percent(reader, measure, form) for measure in MEASURES), _unscored(reader, form)),
                reader.run["model"], form=form, strong=reader.first)
            for reader in readers(scope.runs) for form in scope.forms]
    return Table("beyond_accuracy", "Beyond accuracy, in %", columns, tuple(rows), NOTES[2:])


def by_property_table(scope: Scope) -> Table | None:
    """Accuracy by property of the reading that stands for each model; None where all rows are of one property."""
    kinds = {property: kind for run in scope.runs for property, kind in run["kinds"].items()}
    columns = (*text_columns("property", "kind", "model", "reading"), *(Column(form, form) for form in scope.forms))
    rows = []
    for property, kind in kinds.items():
        for run in scope.runs:
            found = [run["intervals"].get(f"{run['score_on']}/accuracy/{form}/{property}") for form in scope.forms]
            if any(found):
                cells = [Cell(_with_interval(one), one["value"], (run["path"],)) if one else missing("-") for one in found]
                rows.append(Row((*map(Cell, (property, kind, name_of_model(run, scope.runs), run["reading"])), *cells), run["model"],
                                property=property))
    notes = ("Accuracy in % with its 95 % Wilson interval.",)
    return Table("models_by_property", "Models by property", columns, tuple(rows), notes) if rows else None


def verdict(run: Run, reading: str, form: str) -> str:
    """Whether a reading is above, at or below the best constant answer."""
    intervals = run["clusters"][reading][form]
    found = {what: _against(interval, run["metrics"][f"reference/constant/{form}"]) for what, interval in intervals.items()}
    fact, property = found.get("fact", "-"), found.get("property", "-")
    return f"{fact} ({CHANCE})" if fact in (ABOVE, BELOW) and property == CHANCE else fact


def _against(interval: Sequence[float], constant: float) -> str:
    low, high = interval
    return ABOVE if low > constant else BELOW if high < constant else CHANCE


def _row(scope: Scope, reader: Reader, more: Sequence[tuple[str, str]]) -> Row:
    run, path = reader.run, (reader.run["path"],)
    accuracies = [Cell(_with_interval(found), found["value"], path) for form in scope.forms
                  for found in (run["intervals"][f"{reader.key}/{form}"],)]
    verdicts = [Cell(verdict(run, reader.name, form)) for form in scope.forms]
    others = [_percent(reader, measure, form) for measure, form in more]
    return Row((*map(Cell, (name_of_model(run, scope.runs), run["kind"], reader.name)), *accuracies, *verdicts, *others), run["model"],
               strong=reader.first)


def _families(scope: Scope, run: Run, more: int) -> Iterator[Row]:
    """Mean and range of readings that differ in one arbitrary choice."""
    for family in dict.fromkeys(reading["family"] for reading in run["readings"] if reading["family"]):
        size = sum(reading["family"] == family for reading in run["readings"])
        cells = []
        for form in scope.forms:
            mean, low, high = (run["metrics"][f"family/{family}{suffix}/{form}"] for suffix in ("", "_min", "_max"))
            cells.append(Cell(f"{percent(mean)} ({percent(low)} to {percent(high)})", mean, (run["path"],)))
        yield Row((*map(Cell, (name_of_model(run, scope.runs), run["kind"], f"{family}: mean of {size} (range)")), *cells,
                   *[missing("-")] * (len(scope.forms) + more)), run["model"])


def _shortcuts(scope: Scope, more: Sequence[tuple[str, str]]) -> Iterator[Row]:
    """The shortcuts beside the models, once for each set of labelled rows, and the best constant answer."""
    seen = set()
    for run in scope.runs:
        for key, label in READERS.items():
            values = [run["metrics"].get(f"{key}/{form}") for form in scope.forms]
            if key.startswith("untrained/") or None in values or (key, *values) in seen:
                continue
            seen.add((key, *values))
            told = label if key == "reference/constant" else f"{label}, {run['rows']['train']} labelled rows"
            others = [run["metrics"].get(f"{measure_of(key, measure)}/{form}") for measure, form in more]
            yield Row((Cell("-"), Cell("shortcut"), Cell(told), *(Cell(percent(value), value, (run["path"],)) for value in values),
                       *[missing("-")] * len(scope.forms), *(missing("-") if of is None else Cell(percent(of), of) for of in others)))


def _percent(reader: Reader, measure: str, form: str) -> Cell:
    value = reader.figure(measure, form)
    if value is None:
        return missing("-")
    text = f"{100 * value:+.2f}" if measure == "bias" else percent(value)
    fixed = " by construction" if measure == "consistency" and reader.symmetric else ""
    return Cell(text + fixed, value, (reader.run["path"],))


def _unscored(reader: Reader, form: str) -> Cell:
    count = reader.run["unscored"].get(reader.name, {}).get(form, 0)
    return Cell(str(count), count)


def _with_interval(found: dict[str, Any]) -> str:
    return f"{percent(found['value'])} [{percent(found['low'])}, {percent(found['high'])}]"
