"""Runs -> the sections of a report: one for each benchmark, each with its tables and what its
figures draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean

from relsym.report.collect import Collected
from relsym.report.figures.models import reading_points, reliability_points
from relsym.report.figures.points import (
    Point,
    accuracy_points,
    best_shortcut,
    cost_points,
    forgetting_points,
    shortcut_points,
)
from relsym.report.scopes import Scope, scopes
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns
from relsym.report.tables.forgetting import forgetting_table
from relsym.report.tables.ladders import Ladder, ladders
from relsym.report.tables.model_differences import differences_table
from relsym.report.tables.models import beyond_table, by_property_table, models_table
from relsym.report.tables.objective_differences import comparison_table
from relsym.report.tables.origins import Runs, marked
from relsym.report.tables.paper import PAPERS_FORMS, table2, table4
from relsym.report.tables.paper_cells import highest
from relsym.report.tables.properties import property_table
from relsym.report.tables.readers import Line, file_name, headlines, tables
from relsym.report.tables.samples import by_seed_table, solved_cell, solved_table
from relsym.report.wording import CAUTION, percent
from relsym.runs.results import AnyResults


@dataclass(frozen=True)
class Best:
    """One objective beside the best shortcut, at the highest number of samples it was run with."""

    objective: str
    model: str
    told: str
    accuracies: list[tuple[str, str, str, str]]
    solved: str


@dataclass(frozen=True)
class Section:
    """What is told about the runs of one benchmark. sizes: scored rows by form; lines: readers by title, for
    the static figure.
    """

    title: str
    runs: list[AnyResults]
    sizes: dict[str, int] = field(default_factory=dict)
    best: list[Best] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)


def sections(collected: Collected) -> list[Section]:
    """One for each benchmark, split and set of scored rows; then one for each family of folds."""
    by_path = {run.path: run for run in collected.all}
    made = [_section(scope, collected, by_path) for scope in scopes(collected.runs)]
    for title, lines in headlines(collected.runs).items():
        paths = dict.fromkeys(path for line in lines for path in line.runs)
        table = marked(reader_table(title, lines), by_path)
        made.append(Section(title, [by_path[path] for path in paths], lines={title: lines}, tables=[table]))
    return made + [_models(scope, by_path) for scope in scopes(collected.evaluations)]


def _models(scope: Scope, by_path: Runs) -> Section:
    made = [models_table(scope), beyond_table(scope), by_property_table(scope), differences_table(scope)]
    points = {"models": reading_points(scope), "reliability": reliability_points(scope)}
    kept = [marked(table, by_path) for table in made if table is not None]
    return Section(f"Models on {scope.title}", scope.runs, scope.rows, tables=kept, points=points)


def _section(scope: Scope, collected: Collected, by_path: Runs) -> Section:
    lines = tables(scope.title, scope.runs)
    found = ladders(scope, collected.jobs)
    made = [comparison_table(scope, found), property_table(scope, found), forgetting_table(found)]
    if scope.whole:
        both = set(PAPERS_FORMS) <= set(scope.forms)
        papers = [table2(scope, found, collected.jobs), table4(found, collected.jobs)] if both else []
        made = [solved_table(scope, found), *papers, *made, by_seed_table(found)]
    made += [reader_table(title, of) for title, of in lines.items()]
    points = {
        "accuracy": accuracy_points(scope, found),
        "shortcuts": shortcut_points(scope),
        "cost": cost_points(found),
        "forgetting": forgetting_points(found),
    }
    return Section(
        scope.title,
        scope.runs,
        scope.rows,
        [_best(scope, ladder) for ladder in found],
        [marked(table, by_path) for table in made if table is not None],
        lines,
        points,
    )


def _best(scope: Scope, ladder: Ladder) -> Best:
    ours = highest(ladder)
    accuracies = []
    for form in scope.forms:
        name, value = best_shortcut(ours.runs, form)
        level = mean(run.accuracy(form) for run in ours.runs)
        accuracies.append((form, percent(level), name, percent(value)))
    solved = solved_cell(ladder, 1.0, seeds=False).text if scope.whole else ""
    return Best(ladder.label, ladder.model, ours.told, accuracies, solved)


def reader_table(title: str, lines: Sequence[Line]) -> Table:
    """Every reader, retrained or not, on the same rows."""
    forms = list(lines[0].values)
    columns = (
        *text_columns("reader", "model"),
        *(Column(form, form.partition(",")[0]) for form in forms),
        Column("samples"),
        Column("seeds"),
    )
    rows = []
    for line in lines:
        figures = [Cell(line.cell(form), mean(line.values[form]), line.runs) for form in forms]
        cells = (Cell(line.reader), Cell(line.model), *figures, count(line.samples), count(len(line.seeds)))
        model = "" if line.model == "-" else line.model
        rows.append(TableRow(cells, model, line.objective, strong=line.retrained))
    return Table(file_name(title), title, columns, tuple(rows), (CAUTION,))
