"""Accuracy by property, at the highest number of samples of each objective."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from relsym.report.labels import percent
from relsym.report.scopes import Scope
from relsym.report.tables.cells import Cell, Column, Row, Table, missing, text_columns
from relsym.report.tables.ladders import Ladder
from relsym.report.tables.paper_cells import highest


def property_table(scope: Scope, found: Sequence[Ladder]) -> Table | None:
    """One line for each ladder and property; None where all rows are of one property."""
    kinds = {property: kind for run in scope.runs for property, kind in run["kinds"].items()}
    rows = [row for ladder in found for row in _rows(scope, ladder, kinds)]
    columns = (*text_columns("property", "kind", "objective", "model"), *(Column(form, form) for form in scope.forms),
               Column("lowest seed"), Column("n and seeds", number=False))
    return Table("properties", "Accuracy in % by property, mean over seeds", columns, tuple(rows)) if rows else None


def _rows(scope: Scope, ladder: Ladder, kinds: dict[str, str]) -> list[Row]:
    ours, rows = highest(ladder), []
    for property, kind in kinds.items():
        keys = {form: f"{ours.runs[0]['score_on']}/accuracy/{form}/{property}" for form in scope.forms}
        by_form = {form: [run["metrics"][key] for run in ours.runs if key in run["metrics"]] for form, key in keys.items()}
        if not any(by_form.values()):
            continue
        paths, lowest = tuple(run["path"] for run in ours.runs), min(min(values) for values in by_form.values() if values)
        figures = [Cell(percent(mean(values)), mean(values), paths) if values else missing("-") for values in by_form.values()]
        cells = (*map(Cell, (property, kind, ladder.label, ladder.model)), *figures, Cell(percent(lowest), lowest), Cell(ours.told))
        rows.append(Row(cells, ladder.model, ladder.label, property=property))
    return rows
