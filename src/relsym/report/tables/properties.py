"""Accuracy by property, at the highest number of samples of each objective."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from relsym.report.scopes import Scope
from relsym.report.tables.cells import (
    Cell,
    Table,
    TableRow,
    form_columns,
    missing,
    number_columns,
    percent_cell,
    text_cells,
    text_columns,
)
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import highest


def property_table(scope: Scope, ladders: Sequence[Ladder]) -> Table | None:
    """One line for each ladder and property; None where all rows are of one property."""
    rows = []
    for ladder in ladders:
        for property, kind in scope.kinds.items():
            row = _property_row(scope, ladder, property, kind)
            if row is not None:
                rows.append(row)
    if not rows:
        return None
    columns = (
        *text_columns("property", "kind", "objective", "model"),
        *form_columns(scope.forms),
        *number_columns("lowest seed"),
        *text_columns("n and seeds"),
    )
    return Table("properties", "Accuracy in % by property, mean over seeds", columns, tuple(rows))


def _property_row(scope: Scope, ladder: Ladder, property: str, kind: str) -> TableRow | None:
    """One property; None where no run has an accuracy of its own for it."""
    ours = highest(ladder)
    paths = tuple(run.path for run in ours.runs)
    figures = []
    lowest = []  # the accuracy of the worst seed, one for each form that has rows
    for form in scope.forms:
        accuracies = []
        for run in ours.runs:
            accuracy = run.of_property(form, property)
            if accuracy is not None:
                accuracies.append(accuracy)
        if accuracies:
            lowest.append(min(accuracies))
            figures.append(percent_cell(mean(accuracies), paths))
        else:
            figures.append(missing("-"))
    if not lowest:
        return None
    names = text_cells(property, kind, ladder.label, ladder.model)
    cells = (*names, *figures, percent_cell(min(lowest)), Cell(ours.told))
    return TableRow(cells, ladder.model, ladder.label, property=property)
