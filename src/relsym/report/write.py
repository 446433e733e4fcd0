"""A report's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from relsym.report import curves
from relsym.report.cells import Table
from relsym.report.collect import Collected
from relsym.report.figures import accuracy_figure, save
from relsym.report.page import page
from relsym.report.provenance import cells_table, missing_table, runs_table
from relsym.report.sections import Section
from relsym.report.summary import lead
from relsym.report.tables import CAUTION
from relsym.report.writers import csv_text, latex, markdown, markdown_text

Writer = Callable[[Path], object]


def report_files(collected: Collected, sections: Sequence[Section], out: Path) -> dict[str, Writer]:
    """Every file of a report by its path in the folder ``out``, with what writes it."""
    by_path = {run["path"]: run for run in collected.runs}
    missing = missing_of(collected)
    tables = [*numbered(sections), runs_table(collected.runs, out), *([missing] if missing else [])]
    traced = cells_table([table for section in sections for table in section.tables], by_path, out)
    found = {f"tables/{table.name}.csv": _text(csv_text(table)) for table in (*tables, traced)}
    found |= {f"tables/{table.name}.tex": _text(latex(table)) for table in tables}
    for name, figure in static_figures(sections).items():
        found |= {f"figures/{name}.{ending}": lambda path, figure=figure: save(figure, path) for ending in ("png", "svg")}
    return {**found, "report.md": _text(markdown_of(collected, sections, out)),
            "report.html": _text(page(sections, missing, collected.runs, out))}


def missing_of(collected: Collected) -> Table | None:
    """The jobs without results."""
    return missing_table(collected.jobs, {run.get("job_hash") for run in collected.runs} - {None})


def numbered(sections: Sequence[Section]) -> list[Table]:
    """Every section's tables; from the second section on a number tells the files apart."""
    return [replace(table, name=f"{table.name}{_suffix(number)}") for number, section in enumerate(sections, start=1)
            for table in section.tables]


def _suffix(number: int) -> str:
    return "" if number == 1 else f"_{number}"


def static_figures(sections: Sequence[Section]) -> dict[str, object]:
    """The figures by name."""
    found = {}
    for number, section in enumerate(sections, start=1):
        points, suffix = section.points, _suffix(number)
        for title, lines in section.lines.items():
            found[f"{title.split()[0].lower()}{suffix}"] = accuracy_figure(title, lines)
        if len({point["samples"] for point in points.get("accuracy", [])}) > 1:
            found[f"curves{suffix}"] = curves.curves_figure(points["accuracy"], points["shortcuts"])
            found[f"cost{suffix}"] = curves.cost_figure(points["cost"])
        if any(point["property"] for point in points.get("accuracy", [])):
            found[f"properties{suffix}"] = curves.heat_figure(points["accuracy"])
        if points.get("forgetting"):
            found[f"forgetting{suffix}"] = curves.forgetting_figure(points["forgetting"])
    return found


def markdown_of(collected: Collected, sections: Sequence[Section], out: Path) -> str:
    """The report as Markdown: every table; of the comparisons those of all forms together."""
    parts = [f"# relsym report\n\n{markdown_text(lead(collected.runs))}\n\n{CAUTION}\n"]
    if missing := missing_of(collected):
        parts.append(markdown(missing))
    parts += [markdown(_pooled(table)) for section in sections for table in section.tables]
    if not any(section.points.get("forgetting") for section in sections):
        parts.append("Accuracy against forgetting: not measured.\n")
    return "\n".join([*parts, markdown(runs_table(collected.runs, out))])


def _pooled(table: Table) -> Table:
    return replace(table, rows=tuple(row for row in table.rows if not row.form)) if table.name == "comparisons" else table


def _text(text: str) -> Writer:
    return lambda path: path.write_text(text, encoding="utf-8")
