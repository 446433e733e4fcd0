"""One run on the terminal, from its results alone."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from relsym.data.pairs import COUNTED_APART, VARIANTS
from relsym.data.relations import KINDS
from relsym.evaluation.statistics import error_bound
from relsym.report.wording import CAUTION, beyond_accuracy, measure_text, percent
from relsym.runs.metric_keys import measure_of
from relsym.runs.results import (
    AnyResults,
    Drop,
    EvaluateResults,
    ForgettingRecord,
    Interval,
    Reading,
    TrainResults,
)
from relsym.visible_console import VisibleConsole

# Columns of a log, in which nobody can widen a window.
WIDTH = 130
MOST_PROPERTIES = 60  # in a table; of more the worst are shown
# The bootstraps that draw whole clusters of rows.
CLUSTERS = {"fact": "facts", "property": "properties"}
# Measures that are shares of facts, by kind -> the title of their table.
BY_KIND_TITLES = {
    "groups": "Group accuracy in %: facts with every item right, the worse kind first",
    "roles": "Roles in %: facts with paraphrase and swapped paraphrase right, the worse kind first",
    "converse_roles": "Roles in %: facts with converse and swapped converse right, the worse kind first",
}


def console() -> Console:
    """A console on standard output.

    Where that is no terminal it is ``WIDTH`` columns wide, so that tables in logs do not wrap at 80.
    """
    width = None if sys.stdout.isatty() else WIDTH
    return VisibleConsole(width=width)


def print_folder(folder: Path, retrained: str | Path | None, console: Console) -> None:
    """Print where a run lies, and the command that asks its model.

    Args:
        folder: of the run.
        retrained: the folder of the training whose model it is; None: there is none to ask.
        console: where it is printed.
    """
    console.print(f"Run folder: {folder}", soft_wrap=True)
    if retrained is not None:
        name = shlex.quote(str(retrained))
        console.print(
            f"Ask it: relsym predict model.folder={name} -- 'PREMISE' 'HYPOTHESIS'",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )


def interval_text(interval: Interval) -> str:
    """``99.50 [98.90, 99.80]``: a share and its 95 % interval in per cent.

    Without an error also how large the error may be at 95 % confidence: ``100.00 [99.81, 100.00], 0 errors:
    < 0.15 %``, see ``error_bound``.
    """
    limits = _range_text(interval.low, interval.high)
    text = f"{percent(interval.value)} {limits}"
    if interval.correct == interval.rows:
        bound = percent(error_bound(interval.rows))
        return f"{text}, 0 errors: < {bound} %"
    return text


def _kind_text(interval: Interval, kind: str) -> str:
    """``50.00 [31.43, 68.57] symmetric``: a share of one kind in per cent."""
    return f"{percent(interval.value)} {_range_text(interval.low, interval.high)} {kind}"


def _bounded_kind_text(interval: Interval, kind: str) -> str:
    """The same with what ``interval_text`` says where there is no error."""
    return f"{interval_text(interval)} {kind}"


def _range_text(low: float, high: float) -> str:
    """``[98.90, 99.80]``: two shares in per cent."""
    return f"[{percent(low)}, {percent(high)}]"


def family_text(metrics: Mapping[str, float], name: str, form: str) -> str:
    """``50.00 (40.00, 60.00)``: mean, lowest and highest accuracy in % of a family's readings in one form.

    The readings of a family differ in one arbitrary choice, such as the wording of a prompt.
    """
    mean = metrics[f"{name}/{form}"]
    low = metrics[f"{name}_min/{form}"]
    high = metrics[f"{name}_max/{form}"]
    return f"{percent(mean)} ({percent(low)}, {percent(high)})"


def print_run(results: TrainResults, console: Console) -> None:
    """Print one training: the model beside every reader of the same rows, then the model by property."""
    rows, seed = results.train_rows, results.seed
    title = f"Accuracy in % with 95 % interval; {rows} training rows, seed {seed} (one seed)"
    print_readers(results, title, console)
    print_parts(results, console)
    if results.forgetting is not None:
        print_forgetting(results.forgetting, console)
    if len(results.forms) > 1:
        console.print(CAUTION, style="italic")


def print_evaluation(results: EvaluateResults, console: Console) -> None:
    """Print one evaluation: every reading and every shortcut, then what accuracy alone does not say."""
    model = f"{results.model} ({results.kind})"
    title = f"{model}: accuracy in % with 95 % interval"
    print_readers(results, title, console)
    print_measures(results, console)
    print_parts(results, console)
    for reading, counts in results.unscored.items():
        _print_unscored(reading, counts, console)
    if results.costs:
        costs = []
        for name, value in results.costs.items():
            costs.append(f"{name} {value:,.6g}")
        console.print(f"Costs: {', '.join(costs)}")
    if results.benchmark.sides:
        console.print(CAUTION, style="italic")


def _print_unscored(reading: str, counts: Mapping[str, int], console: Console) -> None:
    """Say how many rows of each form a reading gave no answer to."""
    of_forms = []
    for form, count in counts.items():
        of_forms.append(f"{form} {count}")
    text = (
        f"Rows without an answer by {reading}, counted as not right: {', '.join(of_forms)} "
        f"(empty prediction:{reading} in predictions.parquet)"
    )
    console.print(text, style="bold", soft_wrap=True)


def print_parts(results: AnyResults, console: Console) -> None:
    """Print accuracy by property and variant, by fact, and over held-out relations, where there are any.

    By fact, that is the share of facts with every item right, and of those whose roles are.
    """
    print_slices(results, console)
    print_variants_of_kinds(results, console)
    for measure, title in BY_KIND_TITLES.items():
        print_by_kind(results, measure, title, console)
    if results.benchmark.holds_out:
        print_macro(results, console)


def print_readers(results: AnyResults, title: str, console: Console) -> None:
    """Print every reader's accuracy in %, one column a form, by the key of its figures.

    First what has intervals: the model, its readings, the shortcuts; then what is a mean or a constant, and
    the families of readings.
    """
    table = Table(title=title)
    table.add_column("reader")
    for form, rows in results.rows.items():
        heading = f"{form} ({rows} rows)"
        table.add_column(heading, justify="right")
    for name in _names(results.intervals, slashes=2):
        text = _reader_text(results, name)
        cells = _interval_cells(results, name)
        table.add_row(text, *cells)
    names = _names(results.metrics, slashes=2)
    for name in names:
        if name.startswith("untrained/"):
            meaning = "mean of draws"
        elif name.startswith("reference/"):
            meaning = "what the best constant answer gets"
        else:
            continue
        cells = _percent_cells(results, name)
        table.add_row(f"{name} ({meaning})", *cells)
    for name in names:
        # A family's lowest, highest and standard deviation have keys of their own, and no row of their own.
        if name.startswith("family/") and not name.endswith(("_min", "_max", "_sd")):
            cells = [family_text(results.metrics, name, form) for form in results.forms]
            table.add_row(f"{name} (mean; lowest, highest)", *cells)
    console.print(table)


def _interval_cells(results: AnyResults, name: str) -> list[str]:
    """A reader's accuracy in each form in per cent, with its interval."""
    cells = []
    for form in results.forms:
        key = f"{name}/{form}"
        cells.append(interval_text(results.intervals[key]))
    return cells


def _percent_cells(results: AnyResults, name: str) -> list[str]:
    """A measure in each form in per cent."""
    cells = []
    for form in results.forms:
        key = f"{name}/{form}"
        cells.append(percent(results.metrics[key]))
    return cells


def _names(keys: Mapping[str, object], slashes: int) -> list[str]:
    """What stands before the last slash in the keys with so many slashes, each once."""
    names = []
    for key in keys:
        if key.count("/") == slashes:
            name, _, _ = key.rpartition("/")
            names.append(name)
    return list(dict.fromkeys(names))


def _reader_text(results: AnyResults, name: str) -> str:
    """A reader's key; for an evaluated model also the reading that stands for it."""
    if name == results.accuracy_key and isinstance(results, EvaluateResults):
        return f"{name} ({results.reading})"
    return name


def print_forgetting(forgetting: ForgettingRecord, console: Console) -> None:
    """Print what the retraining cost on earlier NLI rows, one line a read-out."""
    scored = f"{forgetting.rows} NLI rows ({forgetting.score_on})"
    table = Table(title=f"Forgetting: {scored}, in %")
    table.add_column("read-out")
    for heading in ("before", "after", "drop in points", "retention", "p (McNemar)"):
        table.add_column(heading, justify="right")
    drops: dict[str, Drop] = dict(forgetting.read_outs)
    if forgetting.control is not None:
        drops["kept, against the control"] = forgetting.control
    for name, drop in drops.items():
        points = percent(drop.drop)
        interval = _range_text(drop.low, drop.high)
        retention = "-" if drop.retention is None else percent(drop.retention)
        table.add_row(
            name,
            percent(drop.before),
            percent(drop.after),
            f"{points} {interval}",
            retention,
            f"{drop.p_mcnemar:.2g}",
        )
    console.print(table)


def print_measures(results: EvaluateResults, console: Console) -> None:
    """Print what accuracy does not say of every reading that stands for itself, one line a form.

    Balance, bias, consistency, ranking, of rated rows the correlation with the ratings, calibration, and the
    intervals over facts and over properties.
    """
    measures = beyond_accuracy([results])
    table = Table(title="Beyond accuracy, in % (bias: share answered with entailment less the share that is)")
    table.add_column("reading")
    table.add_column("form")
    for heading in measures.values():
        table.add_column(heading, justify="right")
    for cluster in CLUSTERS.values():
        table.add_column(f"95 % over {cluster}", justify="right")
    for reading in results.readings:
        if reading.alone:
            for form in results.forms:
                cells = _measure_cells(results, reading, form, measures)
                table.add_row(reading.name, form, *cells)
    console.print(table)


def _measure_cells(
    results: EvaluateResults, reading: Reading, form: str, measures: Iterable[str]
) -> list[str]:
    """One reading in one form: each measure, then the interval of each bootstrap, ``-`` where it has none."""
    cells = []
    for measure in measures:
        value = results.measure(reading.name, measure, form)
        cells.append(measure_text(measure, value, reading.symmetric))
    intervals = results.clusters[reading.name][form]
    for cluster in CLUSTERS:
        if cluster in intervals:
            low, high = intervals[cluster]
            cells.append(_range_text(low, high))
        else:
            cells.append("-")
    return cells


def print_slices(results: AnyResults, console: Console) -> None:
    """Print the model's accuracy by property and by variant, if it was measured.

    Of many properties, such as those of a bank of relations, the worst are printed.
    """
    intervals = results.intervals
    first_form = results.forms[0]
    beginning = f"{results.accuracy_key}/{first_form}/"
    # What follows the form, not what follows the last slash: ids of properties may hold slashes.
    parts = []
    for key in intervals:
        part = key.removeprefix(beginning)
        if key.startswith(beginning) and _variant_and_kind(part) is None:
            parts.append(part)
    if not parts:
        return
    properties = [part for part in parts if part not in VARIANTS]
    left_out = max(len(properties) - MOST_PROPERTIES, 0)
    if left_out:
        # Sorting is stable: equal ones stay in the order of their first row.
        worst_first = sorted(properties, key=lambda part: intervals[f"{beginning}{part}"].value)
        variants = [part for part in parts if part in VARIANTS]
        parts = worst_first[:MOST_PROPERTIES] + variants
    table = Table(title="By property and variant")
    table.add_column("property or variant")
    for heading in ("rows per form", *results.forms):
        table.add_column(heading, justify="right")
    for part in parts:
        cells = []
        for form in results.forms:
            key = f"{results.accuracy_key}/{form}/{part}"
            cells.append(interval_text(intervals[key]))
        in_first_form = intervals[f"{beginning}{part}"]
        rows = str(in_first_form.rows)  # as many in every form
        table.add_row(part, rows, *cells)
    console.print(table)
    if left_out:
        console.print(f"The {MOST_PROPERTIES} worst properties; {left_out} more are in results.json.")


def print_variants_of_kinds(results: AnyResults, console: Console) -> None:
    """Print the model's accuracy by variant and kind of relation, if it was measured.

    What is counted apart, so bears on no group, is marked.
    """
    beginning = f"{results.accuracy_key}/{results.forms[0]}/"
    kinds_of: dict[str, list[str]] = {}
    for key in results.intervals:
        part = _variant_and_kind(key.removeprefix(beginning))
        if key.startswith(beginning) and part is not None:
            variant, kind = part
            kinds_of.setdefault(variant, []).append(kind)
    if not kinds_of:
        return
    table = Table(title="By variant and kind of relation (*: counted apart, in no group)")
    table.add_column("variant")
    for form in results.forms:
        table.add_column(form, justify="right")
    for variant, kinds in kinds_of.items():
        cells = []
        for form in results.forms:
            key = f"{results.accuracy_key}/{form}/{variant}"
            lines = [_kind_text(results.intervals[f"{key}/{kind}"], kind) for kind in kinds]
            cells.append("\n".join(lines))
        text = f"{variant} *" if variant in COUNTED_APART else variant
        table.add_row(text, *cells)
    console.print(table)


def _variant_and_kind(part: str) -> tuple[str, str] | None:
    """The two words of ``swap/symmetric``; None of other parts, such as a property whose id has a slash."""
    variant, _, kind = part.rpartition("/")
    if variant in VARIANTS and kind in KINDS:
        return variant, kind
    return None


def print_by_kind(results: AnyResults, measure: str, title: str, console: Console) -> None:
    """Print a share of facts by reader and form, if it was measured.

    A cell has a line for each kind of relation, the kind that the reader knows worse first.

    Args:
        results: of the run.
        measure: groups, roles or converse_roles.
        title: of the table.
        console: where to print.
    """
    table = _table_of_forms(title, results)
    # What all of seven items were right of is rare, so that the bound of its errors is of interest.
    text_of = _bounded_kind_text if measure == "groups" else _kind_text
    for reader in _names(results.intervals, slashes=2):
        cells = []
        for form in results.forms:
            beginning = f"{measure_of(reader, measure)}/{form}/"
            kinds = []
            for key, interval in results.intervals.items():
                if key.startswith(beginning):
                    kind = key.removeprefix(beginning)
                    kinds.append((interval.value, text_of(interval, kind)))
            lines = [text for _, text in sorted(kinds)]
            cells.append("\n".join(lines))
        if any(cells):
            table.add_row(measure_of(reader, measure), *cells)
    if table.row_count:
        console.print(table)


def print_macro(results: AnyResults, console: Console) -> None:
    """Print the headline of held-out relations, in which one constant answer scores 50 %."""
    title = "Mean over the kinds of the mean over their held-out properties, in %"
    table = _table_of_forms(title, results)
    readers = []
    for name in _names(results.metrics, slashes=2):
        _, measure = name.split("/")
        if measure.endswith("macro"):
            readers.append(name)
    for reader in readers:
        table.add_row(reader, *_percent_cells(results, reader))
    if readers:
        console.print(table)


def _table_of_forms(title: str, results: AnyResults) -> Table:
    """An empty table with a column for the reader and one for each form."""
    table = Table(title=title)
    table.add_column("reader")
    for form in results.forms:
        table.add_column(form, justify="right")
    return table
