"""Runs -> the sections of a report, one for each benchmark, with its tables and the points of its figures."""

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
from relsym.report.tables.cells import Cell, Column, Table, TableRow, count, text_columns, word_cell
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
from relsym.visible import visible_values


@dataclass(frozen=True)
class Best:
    """One objective beside the best shortcut, at the highest number of samples it was run with.

    told: samples and seeds, in words.  accuracies: form, mean accuracy in %, title of the best shortcut, its
    mean accuracy in %.  solved: samples to 100 %; "" where the rows are not the whole benchmark's.
    """

    objective: str
    model: str
    told: str
    accuracies: list[tuple[str, str, str, str]]
    solved: str


@dataclass(frozen=True)
class Section:
    """What a report says about the runs of one benchmark.

    sizes: scored rows by form.  lines: the readers of each static figure, by its title.  points: what the
    other figures draw, by their names.
    """

    title: str
    runs: list[AnyResults]
    sizes: dict[str, int] = field(default_factory=dict)
    best: list[Best] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    lines: dict[str, list[Line]] = field(default_factory=dict)
    points: dict[str, list[Point]] = field(default_factory=dict)


def sections(collected: Collected) -> list[Section]:
    """The sections of a report.

    First one of trainings for each benchmark, split and set of scored rows, then one for each family of
    folds, then one of evaluated models for each benchmark.
    """
    by_path = {run.path: run for run in collected.all}  # cells name their runs by path
    of_trainings = [_section(scope, collected, by_path) for scope in scopes(collected.runs)]
    of_folds = []
    for title, lines in headlines(collected.runs).items():
        of_folds.append(_folds(title, lines, by_path))
    of_models = [_models(scope, by_path) for scope in scopes(collected.evaluations)]
    return of_trainings + of_folds + of_models


def _folds(title: str, lines: list[Line], by_path: Runs) -> Section:
    """The section of one family of folds: their mean alone, in one table."""
    paths: dict[str, None] = {}  # a run stands behind several lines
    for line in lines:
        paths |= dict.fromkeys(line.runs)
    runs = [by_path[path] for path in paths]
    table = marked(reader_table(title, lines), by_path)
    return Section(title, runs, lines={title: lines}, tables=[table])


def _models(scope: Scope, by_path: Runs) -> Section:
    """The section of the evaluated models of one benchmark."""
    tables_or_none = [
        models_table(scope),
        beyond_table(scope),
        by_property_table(scope),
        differences_table(scope),
    ]
    points = visible_values({"models": reading_points(scope), "reliability": reliability_points(scope)})
    return Section(
        title=f"Models on {scope.title}",
        runs=scope.runs,
        sizes=scope.rows,
        tables=_marked_tables(tables_or_none, by_path),
        points=points,
    )


def _section(scope: Scope, collected: Collected, by_path: Runs) -> Section:
    """The section of the trainings of one benchmark."""
    lines = tables(scope.title, scope.runs)
    scope_ladders = ladders(scope, collected.jobs)
    tables_or_none = _training_tables(scope, scope_ladders, collected)
    for title, readers in lines.items():
        tables_or_none.append(reader_table(title, readers))
    points = {
        "accuracy": accuracy_points(scope, scope_ladders),
        "shortcuts": shortcut_points(scope),
        "cost": cost_points(scope_ladders),
        "forgetting": forgetting_points(scope_ladders),
    }
    best = [_best(scope, ladder) for ladder in scope_ladders]
    return Section(
        title=scope.title,
        runs=scope.runs,
        sizes=scope.rows,
        best=best,
        tables=_marked_tables(tables_or_none, by_path),
        lines=lines,
        points=visible_values(points),
    )


def _training_tables(
    scope: Scope, scope_ladders: Sequence[Ladder], collected: Collected
) -> list[Table | None]:
    """The tables of trainings but those of readers, in their order; None for one that has nothing to say."""
    tables_or_none = [
        comparison_table(scope, scope_ladders),
        property_table(scope, scope_ladders),
        forgetting_table(scope_ladders),
    ]
    # On one fold, or on validation rows, neither the thresholds nor the paper's tables mean anything.
    if not scope.whole:
        return tables_or_none
    before = [solved_table(scope, scope_ladders)]
    if set(PAPERS_FORMS) <= set(scope.forms):
        before.append(table2(scope, scope_ladders, collected.jobs))
        before.append(table4(scope_ladders, collected.jobs))
    return [*before, *tables_or_none, by_seed_table(scope_ladders)]


def _marked_tables(tables_or_none: Sequence[Table | None], by_path: Runs) -> list[Table]:
    """The tables that there are, with marks on cells whose runs are of several versions or commits."""
    return [marked(table, by_path) for table in tables_or_none if table is not None]


def _best(scope: Scope, ladder: Ladder) -> Best:
    """One objective at its highest number of samples, beside the shortcut that is best on the same rows."""
    ours = highest(ladder)
    accuracies = []
    for form in scope.forms:
        name, value = best_shortcut(ours.runs, form)
        level = mean(run.accuracy(form) for run in ours.runs)
        accuracies.append((form, percent(level), name, percent(value)))
    solved = ""
    if scope.whole:
        solved = solved_cell(ladder, 1.0, seeds=False).text
    return Best(ladder.label, ladder.model, ours.told, accuracies, solved)


def reader_table(title: str, lines: Sequence[Line]) -> Table:
    """Every reader, retrained or not, on the same rows: its mean accuracy in % by form, samples and seeds."""
    forms = list(lines[0].values)
    # "lexicalised, symmetric" is a column of the form "lexicalised" to the page's filter.
    form_columns = [Column(form, form.partition(",")[0], followed=True) for form in forms]
    columns = (*text_columns("reader", "model"), *form_columns, Column("samples"), Column("seeds"))
    rows = tuple(_reader_row(line, forms) for line in lines)
    return Table(file_name(title), title, columns, rows, (CAUTION,))


def _reader_row(line: Line, forms: Sequence[str]) -> TableRow:
    """One reader: its names, its mean accuracy by form, numbers of samples and seeds."""
    names = [Cell(line.reader), word_cell(line.model)]
    accuracies = []
    for form in forms:
        level = mean(line.values[form])
        accuracies.append(Cell(line.cell(form), level, line.runs))
    numbers = [count(line.samples), count(len(line.seeds))]
    cells = (*names, *accuracies, *numbers)
    # A shortcut has no model: it belongs to all of them, so that no choice of one hides it.
    return TableRow(cells, line.model, line.objective, strong=line.retrained)
