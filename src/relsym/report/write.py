"""The files of a report: one page, Markdown, tables as CSV and LaTeX, figures as PNG and SVG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
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
from relsym.report.tables.csv_file import csv_text
from relsym.report.tables.formats import latex, markdown, markdown_text
from relsym.report.tables.origins import broken_table, cells_table, missing_table, runs_table
from relsym.report.tables.readers import file_name
from relsym.report.wording import CAUTION

# Writes one file at the path that it is given.
Writer = Callable[[Path], object]


def report_files(collected: Collected, sections: Sequence[Section], out: Path) -> dict[str, Writer]:
    """Every file of a report by its path in the folder ``out``, with what writes it."""
    by_path = {run.path: run for run in collected.all}
    missing = missing_of(collected)
    tables = [*numbered(sections), runs_table(collected.all, out)]
    broken = broken_table(collected.broken)
    for table in (missing, broken):
        if table is not None:
            tables.append(table)
    section_tables: list[Table] = []
    for section in sections:
        section_tables += section.tables
    traced = cells_table(section_tables, by_path, out)
    writers: dict[str, Writer] = {}
    for table in (*tables, traced):
        path = f"tables/{table.name}.csv"
        writers[path] = _text(csv_text(table))
    # Where each cell comes from is for programs: it has no LaTeX.
    for table in tables:
        path = f"tables/{table.name}.tex"
        writers[path] = _text(latex(table.shown()))
    for name, figure in static_figures(sections).items():
        for ending in ("png", "svg"):
            path = f"figures/{name}.{ending}"
            writers[path] = partial(save_figure, figure)
    writers["report.md"] = _text(markdown_of(collected, sections, out))
    writers["report.html"] = _text(page(sections, missing, collected, out))
    return writers


def missing_of(collected: Collected) -> Table | None:
    """The jobs that have no results and should, None if there are none."""
    finished = {run.job_hash for run in collected.all}
    return missing_table(collected.jobs, finished)


def numbered(sections: Sequence[Section]) -> list[Table]:
    """The tables of every section; from the second section on a number tells their files apart."""
    tables = []
    for number, section in enumerate(sections, start=1):
        suffix = _suffix(number)
        for table in section.tables:
            tables.append(replace(table, name=f"{table.name}{suffix}"))
    return tables


def _suffix(number: int) -> str:
    """What the names of files of a section end with: nothing in the first."""
    return "" if number == 1 else f"_{number}"


def static_figures(sections: Sequence[Section]) -> dict[str, Figure]:
    """The figures of every section by name, numbered as the tables are."""
    all_figures = {}
    for number, section in enumerate(sections, start=1):
        suffix = _suffix(number)
        for title, lines in section.lines.items():
            all_figures[f"{file_name(title)}{suffix}"] = accuracy_figure(title, lines)
        for name, figure in _of_points(section.points):
            all_figures[f"{name}{suffix}"] = figure
    return all_figures


def _of_points(points: dict[str, list[Point]]) -> Iterator[tuple[str, Figure]]:
    """The figures of one section by name, those that have something to show.

    What changes with the number of samples is drawn if several were run.
    """
    accuracy = points.get("accuracy", [])
    samples = {point["samples"] for point in accuracy}
    if len(samples) > 1:
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
    """The report as Markdown: every table; of the comparisons the rows over all forms together."""
    summary = markdown_text(lead(collected))
    parts = [f"# relsym report\n\n{summary}\n\n{CAUTION}\n"]
    missing = missing_of(collected)
    for warning in (broken_table(collected.broken), missing):
        if warning is not None:
            parts.append(markdown(warning))
    for section in sections:
        for table in section.tables:
            parts.append(markdown(_pooled(table.shown())))
    forgetting_measured = any(section.points.get("forgetting") for section in sections)
    if collected.runs and not forgetting_measured:
        parts.append("Accuracy against forgetting: not measured.\n")
    parts.append(markdown(runs_table(collected.all, out)))
    return "\n".join(parts)


def _pooled(table: Table) -> Table:
    """A table of comparisons without its rows for single forms; any other table as it is."""
    if table.name not in ("comparisons", "model_differences"):
        return table
    pooled_rows = [row for row in table.rows if not row.form]
    return replace(table, rows=tuple(pooled_rows))


def _text(text: str) -> Writer:
    """What writes a text into a file."""
    return lambda path: path.write_text(text, encoding="utf-8")
