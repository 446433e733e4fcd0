"""A table as CSV that a spreadsheet and a program both read as it is meant.

A spreadsheet calculates what begins like a formula, and a formula may start programs or send the sheet's
content elsewhere. Names come from data and may begin like one, so an apostrophe goes before such a text: it
tells spreadsheets that the rest is text. Texts stand in quotes, so that no other sign that a spreadsheet may
split at ends a cell. Numbers are written as numbers. Source: OWASP, CSV injection.
"""

from __future__ import annotations

import csv
import io
import re

from relsym.report.tables.cells import Cell, Column, Table
from relsym.visible import visible

# What nothing but a number is, whoever reads it.
PLAIN_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# How a formula begins, its sign as wide as Chinese letters too, and what spreadsheets skip in front of it.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
NO_FIGURE = "-"


class _Bare(str):
    """What stands without quotes: the writer of CSV leaves them out for whatever can be made a number."""

    def __float__(self) -> float:
        return float(str(self))


def csv_text(table: Table) -> str:
    """The table in CSV: the full headings, then the cells.

    A number is written as a number, without quotes and without a plus in front; a cell that has no figure is
    empty; any other text is in quotes, with an apostrophe before what would begin a formula.
    """
    stream = io.StringIO()
    # The one way of quoting that can tell texts from numbers.
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow([not_a_formula(column.heading) for column in table.columns])
    for row in table.rows:
        cells = []
        for column, cell in zip(table.columns, row.cells, strict=True):
            cells.append(_csv_cell(column, cell))
        writer.writerow(cells)
    return stream.getvalue()


def not_a_formula(text: str) -> str:
    """A text with an apostrophe in front where a spreadsheet would calculate it; a number as it is."""
    shown = visible(text, lines=True)
    if FORMULA.match(shown) and not PLAIN_NUMBER.fullmatch(shown):
        return f"'{shown}"
    return shown


def _csv_cell(column: Column, cell: Cell) -> str:
    """One cell: its number, its text, or nothing where it has no figure."""
    is_missing = cell.text == NO_FIGURE or (cell.muted and cell.value is None)
    if is_missing:
        return _Bare("")
    if column.number and PLAIN_NUMBER.fullmatch(cell.text):
        return _Bare(cell.text.removeprefix("+"))
    return not_a_formula(cell.text)
