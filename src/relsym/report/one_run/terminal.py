"""One run on the terminal, from its ``results.json`` alone."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from relsym.report.labels import forms_of
from relsym.runs.metric_keys import measure_of

CAUTION = ("The label of a swap pair depends on its relation alone, so a look-up of templates can score 100 % too: "
           "a score says which templates the model knows, not that it understands the relation.")

WIDTH = 130


def console() -> Console:
    """Standard output; at a fixed width where it is no terminal, so that tables in logs do not wrap at 80. Names may hold brackets."""
    return Console(markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDTH)


def interval_text(interval: dict[str, Any]) -> str:
    """``99.50 [98.90, 99.80]`` in per cent; without an error also the bound that the number of rows gives (3/n)."""
    text = f"{100 * interval['value']:.2f} [{100 * interval['low']:.2f}, {100 * interval['high']:.2f}]"
    return f"{text}, 0 errors: < {300 / interval['rows']:.2f} %" if interval["correct"] == interval["rows"] else text


def family_text(metrics: dict[str, float], name: str, form: str) -> str:
    """Mean, lowest and highest accuracy of readings that differ in one arbitrary choice."""
    mean, low, high = (100 * metrics[f"{name}{suffix}/{form}"] for suffix in ("", "_min", "_max"))
    return f"{mean:.2f} ({low:.2f}, {high:.2f})"


def print_run(results: dict[str, Any], console: Console) -> None:
    """One run: the model, the untrained encoder and every shortcut on the same rows; then the model by property."""
    print_readers(results, f"Accuracy in % with 95 % interval; {results['rows']['train']} training rows, seed {results['seed']} (one seed)",
                  console)
    print_slices(results, console)
    print_groups(results, console)
    if results["sides"] and "held out" in results["sides"]:
        print_macro(results, console)
    if "forgetting" in results:
        print_forgetting(results["forgetting"], console)
    if len(forms_of(results)) > 1:
        console.print(CAUTION, style="italic")


def print_readers(results: dict[str, Any], title: str, console: Console) -> None:
    """Every reader's accuracy."""
    forms, metrics = forms_of(results), results["metrics"]
    table = Table(title=title)
    table.add_column("reader")
    for form in forms:
        table.add_column(f"{form} ({results['rows'][form]} rows)", justify="right")
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in results["intervals"] if key.count("/") == 2):
        told = f"{name} ({results['reading']})" if name == f"{results['score_on']}/accuracy" and "reading" in results else name
        table.add_row(told, *(interval_text(results["intervals"][f"{name}/{form}"]) for form in forms))
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in metrics if key.startswith(("untrained/", "reference/"))):
        what = "mean of draws" if name.startswith("untrained/") else "what the best constant answer gets"
        table.add_row(f"{name} ({what})", *(f"{100 * metrics[f'{name}/{form}']:.2f}" for form in forms))
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in metrics if key.startswith("family/")):
        if name.count("/") == 1 and not name.endswith(("_min", "_max", "_sd")):
            table.add_row(f"{name} (mean; lowest, highest)", *(family_text(metrics, name, form) for form in forms))
    console.print(table)


def print_forgetting(found: dict[str, Any], console: Console) -> None:
    """What the retraining cost, by read-out."""
    table = Table(title=f"Forgetting: {found['rows']} NLI rows ({found['score_on']}), in %")
    for heading in ("read-out", "before", "after", "drop in points", "retention", "p (McNemar)"):
        table.add_column(heading, justify="left" if heading == "read-out" else "right")
    control = {"kept, against the control": found["control"]} if "control" in found else {}
    for name, drop in {**found["read_outs"], **control}.items():
        interval = f"[{100 * drop['low']:.2f}, {100 * drop['high']:.2f}]"
        table.add_row(name, *(f"{100 * drop[key]:.2f}" for key in ("before", "after")), f"{100 * drop['drop']:.2f} {interval}",
                      f"{100 * drop['retention']:.2f}", f"{drop['p_mcnemar']:.2g}")
    console.print(table)


def print_evaluation(results: dict[str, Any], console: Console) -> None:
    """One evaluated model: every way to read it and every shortcut on the same rows, then what accuracy alone does not say."""
    print_readers(results, f"{results['model']} ({results['kind']}): accuracy in % with 95 % interval", console)
    print_measures(results, console)
    print_slices(results, console)
    print_groups(results, console)
    if results["sides"] and "held out" in results["sides"]:
        print_macro(results, console)
    for reading, forms in results["unscored"].items():
        counts = ", ".join(f"{form} {count}" for form, count in forms.items())
        console.print(f"Rows without an answer by {reading}, counted as not right: {counts} (empty prediction:{reading} in "
                      "predictions.parquet)", style="bold", soft_wrap=True)
    if results["costs"]:
        console.print("Costs: " + ", ".join(f"{name} {value:,.6g}" for name, value in results["costs"].items()))
    if results["sides"]:
        console.print(CAUTION, style="italic")


MEASURES = {"balanced": "balanced accuracy", "bias": "entailment bias", "consistency": "same if swapped", "auroc": "AUROC", "ece": "ECE"}
# The bootstraps that draw whole clusters of rows.
CLUSTERS = {"fact": "facts", "property": "properties"}


def print_measures(results: dict[str, Any], console: Console) -> None:
    """Balance, bias, consistency, ranking, calibration and cluster intervals of every reading, a line for each form."""
    table = Table(title="Beyond accuracy, in % (bias: share answered with entailment less the share that is)")
    for heading in ("reading", "form", *MEASURES.values(), *(f"95 % over {cluster}" for cluster in CLUSTERS.values())):
        table.add_column(heading, justify="left" if heading in ("reading", "form") else "right")
    for reading in (reading for reading in results["readings"] if reading["alone"]):
        key = f"{results['score_on']}/accuracy" if reading["name"] == results["reading"] else f"reading/{reading['name']}"
        for form in forms_of(results):
            values = {name: results["metrics"].get(f"{measure_of(key, name)}/{form}") for name in MEASURES}
            clusters = results["clusters"][reading["name"]][form]
            table.add_row(reading["name"], form, *(measure_text(name, value, reading) for name, value in values.items()),
                          *("[{:.2f}, {:.2f}]".format(*(100 * bound for bound in clusters[name])) if name in clusters else "-"
                            for name in CLUSTERS))
    console.print(table)


def measure_text(name: str, value: float | None, reading: dict[str, Any]) -> str:
    """One of ``MEASURES`` in per cent; said where a reading cannot tell the texts' order."""
    if value is None:
        return "-"
    sign = "+" if name == "bias" else ""
    return f"{100 * value:{sign}.2f}" + (" by construction" if name == "consistency" and reading["symmetric"] else "")


def print_slices(results: dict[str, Any], console: Console) -> None:
    """The model's accuracy by property and by variant, where there are several."""
    forms, model = forms_of(results), f"{results['score_on']}/accuracy"
    found = results["intervals"]
    parts = [key.removeprefix(f"{model}/{forms[0]}/") for key in found if key.startswith(f"{model}/{forms[0]}/")]  # ids may hold slashes
    if not parts:
        return
    table = Table(title="By property and variant")
    for heading in ("property or variant", "rows per form", *forms):
        table.add_column(heading, justify="left" if heading.startswith("property") else "right")
    for part in parts:
        cells = [found[f"{model}/{form}/{part}"] for form in forms]
        table.add_row(part, str(cells[0]["rows"]), *map(interval_text, cells))
    console.print(table)


def print_groups(results: dict[str, Any], console: Console) -> None:
    """Of every reader, the share of facts with every item right, each kind apart, the one it knows worse first."""
    by_reader: dict[str, dict[str, list[tuple[float, str]]]] = {}
    for key, interval in results["intervals"].items():
        if key.count("/") == 3 and (reader := key.rsplit("/", 2)[0]).endswith("groups"):
            _, form, kind = key.rsplit("/", 2)
            by_reader.setdefault(reader, {}).setdefault(form, []).append((interval["value"], f"{interval_text(interval)} {kind}"))
    if not by_reader:
        return
    table = Table(title="Group accuracy in %: facts with every item right, the worse kind first")
    table.add_column("reader")
    for form in forms_of(results):
        table.add_column(form, justify="right")
    for reader, forms in by_reader.items():
        table.add_row(reader, *("\n".join(text for _, text in sorted(forms[form])) for form in forms_of(results)))
    console.print(table)


def print_macro(results: dict[str, Any], console: Console) -> None:
    """The headline of held-out relations: one constant answer scores 50 %."""
    table = Table(title="Mean over the kinds of the mean over their held-out properties, in %")
    table.add_column("reader")
    for form in forms_of(results):
        table.add_column(form, justify="right")
    readers = [key.rsplit("/", 1)[0] for key in results["metrics"] if key.count("/") == 2 and key.split("/")[1].endswith("macro")]
    for reader in dict.fromkeys(readers):
        table.add_row(reader, *(f"{100 * results['metrics'][f'{reader}/{form}']:.2f}" for form in forms_of(results)))
    if readers:
        console.print(table)
