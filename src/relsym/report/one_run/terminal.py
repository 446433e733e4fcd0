"""One run on the terminal, from its results alone."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from relsym.report.wording import BEYOND_ACCURACY, CAUTION, measure_text
from relsym.runs.results import AnyResults, Drop, EvaluateResults, ForgettingRecord, Interval, TrainResults

WIDTH = 130
# The bootstraps that draw whole clusters of rows.
CLUSTERS = {"fact": "facts", "property": "properties"}


def console() -> Console:
    """Standard output; at a fixed width where it is no terminal, so that tables in logs do not wrap at 80.

    Names may hold brackets.
    """
    return Console(markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDTH)


def interval_text(interval: Interval) -> str:
    """``99.50 [98.90, 99.80]`` in per cent; without an error also the bound that the number of rows gives
    (3/n).
    """
    text = f"{100 * interval.value:.2f} [{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
    return f"{text}, 0 errors: < {300 / interval.rows:.2f} %" if interval.correct == interval.rows else text


def family_text(metrics: Mapping[str, float], name: str, form: str) -> str:
    """Mean, lowest and highest accuracy of readings that differ in one arbitrary choice."""
    mean, low, high = (100 * metrics[f"{name}{suffix}/{form}"] for suffix in ("", "_min", "_max"))
    return f"{mean:.2f} ({low:.2f}, {high:.2f})"


def print_run(results: TrainResults, console: Console) -> None:
    """One training: the model, the untrained encoder and every shortcut on the same rows; then the model by
    property.
    """
    title = (
        f"Accuracy in % with 95 % interval; {results.train_rows} training rows, "
        f"seed {results.seed} (one seed)"
    )
    print_readers(results, title, console)
    print_parts(results, console)
    if results.forgetting is not None:
        print_forgetting(results.forgetting, console)
    if len(results.forms) > 1:
        console.print(CAUTION, style="italic")


def print_evaluation(results: EvaluateResults, console: Console) -> None:
    """One evaluation: every reading and every shortcut on the same rows, then what accuracy alone does not
    say.
    """
    print_readers(results, f"{results.model} ({results.kind}): accuracy in % with 95 % interval", console)
    print_measures(results, console)
    print_parts(results, console)
    for reading, forms in results.unscored.items():
        counts = ", ".join(f"{form} {count}" for form, count in forms.items())
        text = (
            f"Rows without an answer by {reading}, counted as not right: {counts} "
            f"(empty prediction:{reading} in predictions.parquet)"
        )
        console.print(text, style="bold", soft_wrap=True)
    if results.costs:
        console.print("Costs: " + ", ".join(f"{name} {value:,.6g}" for name, value in results.costs.items()))
    if results.benchmark.sides:
        console.print(CAUTION, style="italic")


def print_parts(results: AnyResults, console: Console) -> None:
    """By property and variant, by fact, and the mean over held-out relations, where there are any."""
    print_slices(results, console)
    print_groups(results, console)
    if results.benchmark.holds_out:
        print_macro(results, console)


def print_readers(results: AnyResults, title: str, console: Console) -> None:
    """Every reader's accuracy, by the key of its figures."""
    forms, metrics = results.forms, results.metrics
    table = Table(title=title)
    table.add_column("reader")
    for form in forms:
        table.add_column(f"{form} ({results.rows[form]} rows)", justify="right")
    for name in _names(results.intervals, slashes=2):
        table.add_row(
            _reader_text(results, name),
            *(interval_text(results.intervals[f"{name}/{form}"]) for form in forms),
        )
    for name in _names(metrics, slashes=2):
        if name.startswith(("untrained/", "reference/")):
            what = "mean of draws" if name.startswith("untrained/") else "what the best constant answer gets"
            table.add_row(f"{name} ({what})", *(f"{100 * metrics[f'{name}/{form}']:.2f}" for form in forms))
    for name in _names(metrics, slashes=2):
        if name.startswith("family/") and not name.endswith(("_min", "_max", "_sd")):
            table.add_row(
                f"{name} (mean; lowest, highest)", *(family_text(metrics, name, form) for form in forms)
            )
    console.print(table)


def _names(keys: Mapping[str, object], slashes: int) -> list[str]:
    """What stands before the form in the keys that have so many slashes, each once."""
    names = [key.rsplit("/", 1)[0] for key in keys if key.count("/") == slashes]
    return list(dict.fromkeys(names))


def _reader_text(results: AnyResults, name: str) -> str:
    """A reader's key; of an evaluated model also the reading that stands for it."""
    if name == results.accuracy_key and isinstance(results, EvaluateResults):
        return f"{name} ({results.reading})"
    return name


def print_forgetting(forgetting: ForgettingRecord, console: Console) -> None:
    """What the retraining cost, by read-out."""
    table = Table(title=f"Forgetting: {forgetting.rows} NLI rows ({forgetting.score_on}), in %")
    for heading in ("read-out", "before", "after", "drop in points", "retention", "p (McNemar)"):
        table.add_column(heading, justify="left" if heading == "read-out" else "right")
    drops: dict[str, Drop] = dict(forgetting.read_outs)
    if forgetting.control is not None:
        drops["kept, against the control"] = forgetting.control
    for name, drop in drops.items():
        interval = f"[{100 * drop.low:.2f}, {100 * drop.high:.2f}]"
        table.add_row(
            name,
            f"{100 * drop.before:.2f}",
            f"{100 * drop.after:.2f}",
            f"{100 * drop.drop:.2f} {interval}",
            "-" if drop.retention is None else f"{100 * drop.retention:.2f}",
            f"{drop.p_mcnemar:.2g}",
        )
    console.print(table)


def print_measures(results: EvaluateResults, console: Console) -> None:
    """Balance, bias, consistency, ranking, calibration and cluster intervals of every reading, a line for
    each form.
    """
    table = Table(title="Beyond accuracy, in % (bias: share answered with entailment less the share that is)")
    for heading in (
        "reading",
        "form",
        *BEYOND_ACCURACY.values(),
        *(f"95 % over {cluster}" for cluster in CLUSTERS.values()),
    ):
        table.add_column(heading, justify="left" if heading in ("reading", "form") else "right")
    for reading in results.readings:
        if not reading.alone:
            continue
        for form in results.forms:
            cells = []
            for measure in BEYOND_ACCURACY:
                cells.append(
                    measure_text(measure, results.measure(reading.name, measure, form), reading.symmetric)
                )
            clusters = results.clusters[reading.name][form]
            for cluster in CLUSTERS:
                low, high = clusters.get(cluster, (None, None))
                cells.append("-" if low is None else f"[{100 * low:.2f}, {100 * high:.2f}]")
            table.add_row(reading.name, form, *cells)
    console.print(table)


def print_slices(results: AnyResults, console: Console) -> None:
    """The model's accuracy by property and by variant, where there are several."""
    forms, intervals = results.forms, results.intervals
    beginning = f"{results.accuracy_key}/{forms[0]}/"
    parts = [
        key.removeprefix(beginning) for key in intervals if key.startswith(beginning)
    ]  # ids may hold slashes
    if not parts:
        return
    table = Table(title="By property and variant")
    for heading in ("property or variant", "rows per form", *forms):
        table.add_column(heading, justify="left" if heading.startswith("property") else "right")
    for part in parts:
        cells = [intervals[f"{results.accuracy_key}/{form}/{part}"] for form in forms]
        table.add_row(part, str(cells[0].rows), *map(interval_text, cells))
    console.print(table)


def print_groups(results: AnyResults, console: Console) -> None:
    """Of every reader, the share of facts with every item right, each kind apart, the one it knows worse
    first.
    """
    by_reader: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for key, interval in results.intervals.items():
        reader = key.rsplit("/", 2)[0]
        if key.count("/") == 3 and reader.endswith("groups"):
            _, form, kind = key.rsplit("/", 2)
            text = f"{interval_text(interval)} {kind}"
            by_reader.setdefault(reader, {}).setdefault(form, []).append((interval.value, text))
    if not by_reader:
        return
    table = Table(title="Group accuracy in %: facts with every item right, the worse kind first")
    table.add_column("reader")
    for form in results.forms:
        table.add_column(form, justify="right")
    for reader, forms in by_reader.items():
        cells = ["\n".join(text for _, text in sorted(forms[form])) for form in results.forms]
        table.add_row(reader, *cells)
    console.print(table)


def print_macro(results: AnyResults, console: Console) -> None:
    """The headline of held-out relations: one constant answer scores 50 %."""
    table = Table(title="Mean over the kinds of the mean over their held-out properties, in %")
    table.add_column("reader")
    for form in results.forms:
        table.add_column(form, justify="right")
    readers = [name for name in _names(results.metrics, slashes=2) if name.split("/")[1].endswith("macro")]
    for reader in readers:
        table.add_row(reader, *(f"{100 * results.metrics[f'{reader}/{form}']:.2f}" for form in results.forms))
    if readers:
        console.print(table)
