"""Tables that a person reads; made from ``results.json`` alone."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from relsym.report.collect import Line

CAUTION = ("The label of a swap pair depends on its relation alone, so a look-up of templates can score 100 % too: "
           "a score says which templates the model knows, not that it understands the relation.")

WIDTH = 130


def console() -> Console:
    """Standard output; at a fixed width where it is no terminal, so that tables in logs do not wrap at 80."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


def interval_text(interval: dict[str, Any]) -> str:
    """``99.50 [98.90, 99.80]`` in per cent; without an error also the bound that the number of rows gives (3/n)."""
    text = f"{100 * interval['value']:.2f} [{100 * interval['low']:.2f}, {100 * interval['high']:.2f}]"
    return f"{text}, 0 errors: < {300 / interval['rows']:.2f} %" if interval["correct"] == interval["rows"] else text


def forms_of(results: dict[str, Any]) -> list[str]:
    """The forms that were scored, in order."""
    return [form for form in results["rows"] if form != "train"]


def print_run(results: dict[str, Any], console: Console) -> None:
    """One run: the model, the untrained encoder and every shortcut on the same rows; then the model by property."""
    forms, metrics = forms_of(results), results["metrics"]
    table = Table(title=f"Accuracy in % with 95 % interval; {results['rows']['train']} training rows, seed {results['seed']} (one seed)")
    table.add_column("reader")
    for form in forms:
        table.add_column(f"{form} ({results['rows'][form]} rows)", justify="right")
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in results["intervals"] if key.count("/") == 2):
        table.add_row(name, *(interval_text(results["intervals"][f"{name}/{form}"]) for form in forms))
    for name in dict.fromkeys(key.rsplit("/", 1)[0] for key in metrics if key.startswith("untrained/")):
        table.add_row(f"{name} (mean of draws)", *(f"{100 * metrics[f'{name}/{form}']:.2f}" for form in forms))
    console.print(table)
    print_properties(results, console)
    if len(forms) > 1:
        console.print(CAUTION, style="italic")


def print_properties(results: dict[str, Any], console: Console) -> None:
    """The model's accuracy by property, where there are several."""
    forms, model = forms_of(results), f"{results['score_on']}/accuracy"
    found = {key: interval for key, interval in results["intervals"].items() if key.startswith(f"{model}/") and key.count("/") == 3}
    if not found:
        return
    table = Table(title="By property")
    for heading in ("property", "rows per form", *forms):
        table.add_column(heading, justify="left" if heading == "property" else "right")
    for property in dict.fromkeys(key.rsplit("/", 1)[1] for key in found):
        cells = [found[f"{model}/{form}/{property}"] for form in forms]
        table.add_row(property, str(cells[0]["rows"]), *map(interval_text, cells))
    console.print(table)


def print_lines(title: str, lines: list[Line], console: Console) -> None:
    """A report's table on the terminal."""
    table = Table(title=f"Accuracy in %, {title}")
    for number, heading in enumerate(_header(lines)):
        table.add_column(heading, justify="right" if number > 1 else "left")
    for line in lines:
        table.add_row(*_cells(line), style="bold" if line.retrained else None)
    console.print(table)


def markdown_lines(title: str, lines: list[Line]) -> str:
    """The same table as Markdown."""
    rows = [_header(lines), *([["---"] * len(_header(lines))]), *(_cells(line) for line in lines)]
    return f"Accuracy in %, {title}\n\n" + "\n".join(f"| {' | '.join(cells)} |" for cells in rows) + f"\n\n{CAUTION}\n"


def _header(lines: list[Line]) -> list[str]:
    return ["reader", "model", *lines[0].values, "samples", "seeds"]


def _cells(line: Line) -> list[str]:
    return [line.reader, line.model, *(line.cell(form) for form in line.values), str(line.samples), str(len(line.seeds))]
