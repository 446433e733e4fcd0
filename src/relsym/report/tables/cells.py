"""One table, before it becomes Markdown, CSV, LaTeX, HTML or lines on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from relsym.report.wording import percent
from relsym.runs.results import AnyResults


@dataclass(frozen=True)
class Cell:
    """What a cell says, what it is sorted by (its text if None), and the runs (paths of their results) that
    it was made from.

    href: an address, percent-encoded.  muted: there is no figure.
    """

    text: str
    value: float | int | None = None
    runs: tuple[str, ...] = ()
    muted: bool = False
    href: str = ""


@dataclass(frozen=True)
class Column:
    """A heading; ``form`` and ``model`` say which choice of a filter the column belongs to, if to one alone.

    short: what people read where the column before says the rest; the heading itself stands in CSV files.
    """

    heading: str
    form: str = ""
    model: str = ""
    number: bool = True
    short: str = ""

    @property
    def shown(self) -> str:
        """The heading that people read."""
        return self.short or self.heading


@dataclass(frozen=True)
class TableRow:
    """Cells, and which choices of the filters they belong to (empty: to all)."""

    cells: tuple[Cell, ...]
    model: str = ""
    objective: str = ""
    form: str = ""
    property: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table with the notes below it. name: of its files."""

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> list[str]:
        """The runs behind any cell, each once."""
        return list(dict.fromkeys(path for row in self.rows for cell in row.cells for path in cell.runs))


def text_columns(*headings: str) -> tuple[Column, ...]:
    """Columns of words."""
    return tuple(Column(heading, number=False) for heading in headings)


def count(number: int) -> Cell:
    """A cell that holds a whole number."""
    return Cell(str(number), number)


def accuracy_cell(runs: Sequence[AnyResults], key: str, suffix: str = "") -> Cell:
    """Mean over runs of a metric, in per cent; empty where a run has not measured it."""
    values = [run.metrics.get(key) for run in runs]
    if None in values:
        return missing("not measured")
    value = mean(values)
    return Cell(f"{percent(value)}{suffix}", value, tuple(run.path for run in runs))


def missing(text: str = "not run") -> Cell:
    """A cell that has no runs."""
    return Cell(text, muted=True)
