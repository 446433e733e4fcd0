"""A report's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from matplotlib.figure import Figure

from relsym.report.collect import Collected
from relsym.report.figures import curves
from relsym.report.figures.models import models_figure, reliability_figure
from relsym.report.figures.points import Point
from relsym.report.figures.readers import accuracy_figure, save_figure
from relsym.report.page.page import page
from relsym.report.sections import Section
from relsym.report.summary import lead
from relsym.report.tables.cells import Table
from relsym.report.tables.formats import csv_text, latex, markdown, markdown_text
from relsym.report.tables.origins import cells_table, missing_table, runs_table
from relsym.report.tables.readers import file_name
from relsym.report.wording import CAUTION

Writer = Callable[[Path], object]


def report_files(collected: Collected, sections: Sequence[Section], out: Path) -> dict[str, Writer]:
    """Every file of a report by its path in the folder ``out``, with what writes it."""
    by_path = {run.path: run for run in collected.all}
    missing = missing_of(collected)
    tables = [*numbered(sections), runs_table(collected.all, out), *([missing] if missing else [])]
    traced = cells_table([table for section in sections for table in section.tables], by_path, out)
    found = {f"tables/{table.name}.csv": _text(csv_text(table)) for table in (*tables, traced)}
    found |= {f"tables/{table.name}.tex": _text(latex(table)) for table in tables}
    for name, figure in static_figures(sections).items():
        found |= {
            f"figures/{name}.{ending}": lambda path, figure=figure: save_figure(figure, path)
            for ending in ("png", "svg")
        }
    return {
        **found,
        "report.md": _text(markdown_of(collected, sections, out)),
        "report.html": _text(page(sections, missing, collected, out)),
    }


def missing_of(collected: Collected) -> Table | None:
    """The jobs without results."""
    return missing_table(collected.jobs, {run.job_hash for run in collected.all})


def numbered(sections: Sequence[Section]) -> list[Table]:
    """Every section's tables; from the second section on a number tells the files apart."""
    return [
        replace(table, name=f"{table.name}{_suffix(number)}")
        for number, section in enumerate(sections, start=1)
        for table in section.tables
    ]


def _suffix(number: int) -> str:
    return "" if number == 1 else f"_{number}"


def static_figures(sections: Sequence[Section]) -> dict[str, Figure]:
    """The figures by name."""
    found = {}
    for number, section in enumerate(sections, start=1):
        suffix = _suffix(number)
        found |= {
            f"{file_name(title)}{suffix}": accuracy_figure(title, lines)
            for title, lines in section.lines.items()
        }
        found |= {f"{name}{suffix}": figure for name, figure in _of_points(section.points)}
    return found


def _of_points(points: dict[str, list[Point]]) -> Iterator[tuple[str, Figure]]:
    """What changes with the number of samples, if several were run; forgetting and evaluated models, if there
    are any.
    """
    accuracy = points.get("accuracy", [])
    if len({point["samples"] for point in accuracy}) > 1:
        yield "curves", curves.curves_figure(accuracy, points["shortcuts"])
        if any(point["property"] for point in accuracy):
            yield "properties", curves.heat_figure(accuracy)
        if points["cost"]:
            yield "cost", curves.cost_figure(points["cost"])
    if points.get("forgetting"):
        yield "forgetting", curves.forgetting_figure(points["forgetting"])
    if points.get("models"):
        yield "models", models_figure(points["models"])
    if points.get("reliability"):
        yield "reliability", reliability_figure(points["reliability"])


def markdown_of(collected: Collected, sections: Sequence[Section], out: Path) -> str:
    """The report as Markdown: every table; of the comparisons those of all forms together."""
    parts = [f"# relsym report\n\n{markdown_text(lead(collected))}\n\n{CAUTION}\n"]
    if missing := missing_of(collected):
        parts.append(markdown(missing))
    parts += [markdown(_pooled(table)) for section in sections for table in section.tables]
    if collected.runs and not any(section.points.get("forgetting") for section in sections):
        parts.append("Accuracy against forgetting: not measured.\n")
    return "\n".join([*parts, markdown(runs_table(collected.all, out))])


def _pooled(table: Table) -> Table:
    compares = table.name in ("comparisons", "model_differences")
    return replace(table, rows=tuple(row for row in table.rows if not row.form)) if compares else table


def _text(text: str) -> Writer:
    return lambda path: path.write_text(text, encoding="utf-8")
