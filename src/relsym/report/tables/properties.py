"""Accuracy by property, at the highest number of samples of each objective."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Table, TableRow, missing, text_columns
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import highest
from relsym.report.wording import percent


def property_table(scope: Scope, found: Sequence[Ladder]) -> Table | None:
    """One line for each ladder and property; None where all rows are of one property."""
    rows = []
    for ladder in found:
        for property, kind in scope.kinds.items():
            row = _property_row(scope, ladder, property, kind)
            if row is not None:
                rows.append(row)
    if not rows:
        return None
    forms = (Column(form, form) for form in scope.forms)
    columns = (
        *text_columns("property", "kind", "objective", "model"),
        *forms,
        Column("lowest seed"),
        Column("n and seeds", number=False),
    )
    return Table("properties", "Accuracy in % by property, mean over seeds", columns, tuple(rows))


def _property_row(scope: Scope, ladder: Ladder, property: str, kind: str) -> TableRow | None:
    """One property; None where no run has rows of it apart."""
    ours = highest(ladder)
    paths = tuple(run.path for run in ours.runs)
    figures, lowest = [], []
    for form in scope.forms:
        accuracies = [run.of_property(form, property) for run in ours.runs]
        values = [accuracy for accuracy in accuracies if accuracy is not None]
        if values:
            lowest.append(min(values))
            figures.append(Cell(percent(mean(values)), mean(values), paths))
        else:
            figures.append(missing("-"))
    if not lowest:
        return None
    names = [Cell(text) for text in (property, kind, ladder.label, ladder.model)]
    cells = (*names, *figures, Cell(percent(min(lowest)), min(lowest)), Cell(ours.told))
    return TableRow(cells, ladder.model, ladder.label, property=property)
