"""One table, before it becomes Markdown, CSV, LaTeX, HTML or lines on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import mean

from relsym.report.wording import percent
from relsym.runs.results import AnyResults


@dataclass(frozen=True, slots=True)  # a report of many models has millions
class Cell:
    """One cell of a table, with what it is sorted by and the runs that it was made from.

    text: what it says.
    value: what it is sorted by; None sorts it by its text.
    runs: the paths of the results that its figure was made from.
    muted: it has no figure, and is shown paler.
    href: a percent-encoded address that the text links to; "" for none.
    """

    text: str
    value: float | int | None = None
    runs: tuple[str, ...] = ()
    muted: bool = False
    href: str = ""


@dataclass(frozen=True)
class Column:
    """The head of a column.

    heading: its title, as it stands in CSV files.
    form, model: the choice of a filter that the column belongs to, if it belongs to one alone.
    number: whether its cells are numbers, which stand on the right.
    followed: whether something may stand behind its numbers, such as a spread or a mark. In CSV that is a
        column of its own, so that a negative number stays a number: no text may begin with a minus there.
    short: the title for people, where the column before says the rest; "" takes the heading.
    """

    heading: str
    form: str = ""
    model: str = ""
    number: bool = True
    followed: bool = False
    short: str = ""

    @property
    def shown(self) -> str:
        """The heading that people read."""
        return self.short or self.heading


@dataclass(frozen=True, slots=True)
class TableRow:
    """The cells of one row, and the choices of the filters that it belongs to; an empty one belongs to all.

    strong: whether the row is set in bold.
    """

    cells: tuple[Cell, ...]
    model: str = ""
    objective: str = ""
    form: str = ""
    property: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A table with the notes below it; its files are called ``name``.

    shown_rows: what people are shown instead of rows that are too many to read; None where they are shown
        all. Files for programs hold ``rows``.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    notes: tuple[str, ...] = ()
    shown_rows: tuple[TableRow, ...] | None = None

    def shown(self) -> Table:
        """The table as people are shown it: on the page, in Markdown and in LaTeX."""
        if self.shown_rows is None:
            return self
        return replace(self, rows=self.shown_rows, shown_rows=None)

    @property
    def runs(self) -> list[str]:
        """The paths of the results behind all cells, each once, in the order of the cells."""
        # A dictionary rather than a set, which would lose the order.
        paths: dict[str, None] = {}
        for row in self.rows:
            for cell in row.cells:
                paths.update(dict.fromkeys(cell.runs))
        return list(paths)


def text_columns(*headings: str) -> tuple[Column, ...]:
    """Columns of words."""
    return tuple(Column(heading, number=False) for heading in headings)


def number_columns(*headings: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(heading) for heading in headings)


def followed_columns(*headings: str) -> tuple[Column, ...]:
    """Columns of numbers with something behind them, see ``Column``."""
    return tuple(Column(heading, followed=True) for heading in headings)


def form_columns(forms: Iterable[str], followed: bool = False) -> tuple[Column, ...]:
    """One column of numbers for each form, which a filter by form hides or shows.

    Args:
        followed: something may stand behind the numbers, see ``Column``.
    """
    return tuple(Column(form, form, followed=followed) for form in forms)


def text_cells(*texts: str) -> tuple[Cell, ...]:
    """Cells that hold words and no figure."""
    return tuple(Cell(text) for text in texts)


def word_cell(text: str | None) -> Cell:
    """A cell that holds words; ``-``, muted, where there are none."""
    return Cell(text) if text else missing("-")


def count(number: int) -> Cell:
    """A cell that holds a whole number."""
    return Cell(str(number), number)


def percent_cell(value: float | None, paths: tuple[str, ...] = ()) -> Cell:
    """A figure in per cent; ``-`` where there is none.

    Args:
        value: in [0, 1], or in [-1, 1] for a difference.
        paths: of the results that it was made from.
    """
    if value is None:
        return missing("-")
    return Cell(percent(value), value, paths)


def accuracy_cell(runs: Sequence[AnyResults], key: str, suffix: str = "") -> Cell:
    """Mean over the runs of the metric ``key``, in per cent; "not measured" where a run does not have it.

    Args:
        suffix: what stands behind the figure.
    """
    values = [run.metrics.get(key) for run in runs]
    if None in values:
        return missing("not measured")
    value = mean(values)
    paths = tuple(run.path for run in runs)
    return Cell(f"{percent(value)}{suffix}", value, paths)


def missing(text: str = "not run") -> Cell:
    """A cell without a figure, which says why."""
    return Cell(text, muted=True)
