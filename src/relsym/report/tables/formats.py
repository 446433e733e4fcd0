"""A table as Markdown, CSV, LaTeX, and on a terminal."""

from __future__ import annotations

import csv
import io
import re

from rich.console import Console
from rich.table import Table as Printed

from relsym.report.tables.cells import Cell, Table

MARKDOWN = {
    "\\": "\\\\",
    "|": "\\|",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "`": "\\`",
    "*": "\\*",
    "\n": " ",
    "\r": " ",
}
LATEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "†": r"$\dagger$",
    "\n": " ",
    "\r": " ",
}


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is: no cell ends, no markup and no link begins."""
    plain = "".join(MARKDOWN.get(character, character) for character in text)
    return re.sub(r"\](?=[\[(:])", r"\\]", re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", plain))


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(LATEX.get(character, character) for character in text)


def markdown(table: Table) -> str:
    """Title, table, notes."""
    headings = [markdown_text(column.shown) for column in table.columns]
    rows = [headings, ["---"] * len(headings), *(map(_linked, row.cells) for row in table.rows)]
    told = [f"| {' | '.join(row)} |" for row in rows]
    return (
        f"{markdown_text(table.title)}\n\n"
        + "\n".join(told)
        + "\n"
        + "".join(f"\n{markdown_text(note)}\n" for note in table.notes)
    )


def _linked(cell: Cell) -> str:
    text = markdown_text(cell.text)
    return f"[{text.replace('[', '(').replace(']', ')')}]({cell.href})" if cell.href else text


def csv_text(table: Table) -> str:
    """Headings and cells, as they read."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.heading for column in table.columns])
    writer.writerows([cell.text for cell in row.cells] for row in table.rows)
    return stream.getvalue()


def latex(table: Table) -> str:
    """A ``table`` with booktabs' rules; needs the packages booktabs and, for wide ones, graphicx."""
    rows = [" & ".join(latex_text(cell.text) for cell in row.cells) + r" \\" for row in table.rows]
    heading = " & ".join(latex_text(column.shown) for column in table.columns) + r" \\"
    alignment = "".join("r" if column.number else "l" for column in table.columns)
    notes = [rf"\par\footnotesize {latex_text(note)}" for note in table.notes]
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"  # as wide as the text, unless it is narrower
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(table.title)}}}",
            rf"\resizebox{{{width}}}{{!}}{{%",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\toprule",
            heading,
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            *notes,
            r"\end{table}",
            "",
        ]
    )


def print_table(table: Table, console: Console) -> None:
    """The table on a terminal, its notes below."""
    printed = Printed(title=table.title, collapse_padding=True, pad_edge=False)
    for column in table.columns:
        printed.add_column(column.shown, justify="right" if column.number else "left", overflow="fold")
    for row in table.rows:
        printed.add_row(*(cell.text for cell in row.cells), style="bold" if row.strong else None)
    console.print(printed)
    for note in table.notes:
        console.print(note, style="italic")
