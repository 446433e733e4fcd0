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
PLAIN_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
# A number with a blank and something else behind it.
FOLLOWED_NUMBER = re.compile(rf"({PLAIN_NUMBER.pattern}) (.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
# How a formula begins, its sign as wide as Chinese letters too, and what spreadsheets skip in front of it.
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


class _Bare(str):
    """What stands without quotes: the writer of CSV leaves them out for whatever can be made a number."""

    def __float__(self) -> float:
        return float(str(self))


def csv_text(table: Table) -> str:
    """The table in CSV: the full headings, then the cells.

    A number is written as a number, without quotes and without a plus in front; a cell that has no figure is
    empty; any other text is in quotes, with an apostrophe before what would begin a formula. What stands
    behind the numbers of a ``followed`` column has a column of its own.
    """
    stream = io.StringIO()
    # The one way of quoting that can tell texts from numbers.
    writer = csv.writer(stream, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    headings = []
    for column in table.columns:
        headings.append(not_a_formula(column.heading))
        if column.followed:
            headings.append(not_a_formula(f"{column.heading}, note"))
    writer.writerow(headings)
    for row in table.rows:
        cells = []
        for column, cell in zip(table.columns, row.cells, strict=True):
            cells += _csv_cells(column, cell)
        writer.writerow(cells)
    return stream.getvalue()


def not_a_formula(text: str) -> str:
    """A text with an apostrophe in front where a spreadsheet would calculate it; a number as it is."""
    shown = visible(text, lines=True)
    if FORMULA.match(shown) and not PLAIN_NUMBER.fullmatch(shown):
        return f"'{shown}"
    return shown


def _csv_cells(column: Column, cell: Cell) -> list[str]:
    """One cell: its number, its text, or nothing where it has no figure; two in a ``followed`` column."""
    nothing = _Bare("")
    if cell.muted and cell.value is None:
        return [nothing, nothing] if column.followed else [nothing]
    if not column.followed:
        return [_csv_text(column, cell.text)]
    match = FOLLOWED_NUMBER.fullmatch(cell.text)
    if match is None:
        return [_csv_text(column, cell.text), nothing]
    return [_csv_text(column, match[1]), not_a_formula(match[2])]


def _csv_text(column: Column, text: str) -> str:
    """A text that is no empty cell: bare where it is a number in a column of numbers."""
    if column.number and PLAIN_NUMBER.fullmatch(text):
        return _Bare(text.removeprefix("+"))
    return not_a_formula(text)
