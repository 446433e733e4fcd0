"""One run on the terminal, from its ``results.json`` alone."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from relsym.report.labels import forms_of

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


def print_run(results: dict[str, Any], console: Console) -> None:
    """One run: the model, the untrained encoder and every shortcut on the same rows; then the model by property."""
    forms, metrics = forms_of(results), results["metrics"]
    table = Table(title=f"Accuracy in % with 95 % interval; {results['rows']['train']} training rows, seed {results['seed']} (one seed)")
    table.add_column("reader")
    for form in forms:
        table.add_column(f"{form} ({results['rows'][form]} rows)", justify="right")
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in results["intervals"] if key.count("/") == 2):
        table.add_row(name, *(interval_text(results["intervals"][f"{name}/{form}"]) for form in forms))
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in metrics if key.startswith(("untrained/", "reference/"))):
        what = "mean of draws" if name.startswith("untrained/") else "what the best constant answer gets"
        table.add_row(f"{name} ({what})", *(f"{100 * metrics[f'{name}/{form}']:.2f}" for form in forms))
    console.print(table)
    print_slices(results, console)
    print_groups(results, console)
    if results["sides"] and "held out" in results["sides"]:
        print_macro(results, console)
    if len(forms) > 1:
        console.print(CAUTION, style="italic")


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
