"""A table as Markdown, CSV and LaTeX, and on a terminal."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as Printed

from relsym.report.tables.cells import Cell, Table

# Character -> how Markdown is told to show it as it is; a line break would end the row.
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
# Character -> how LaTeX is told to set it as it is.
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
    escaped = "".join(MARKDOWN.get(character, character) for character in text)
    # An underscore begins emphasis at the edge of a word alone; within one, as in random_label, it is left.
    escaped = re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", escaped)
    # A closing bracket makes a link only where an address or a definition follows.
    return re.sub(r"\](?=[\[(:])", r"\\]", escaped)


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(LATEX.get(character, character) for character in text)


def markdown(table: Table) -> str:
    """The table in Markdown: its title, its lines and its notes, with an empty line between them."""
    headings = [markdown_text(column.shown) for column in table.columns]
    lines = [_markdown_line(headings), _markdown_line(["---"] * len(headings))]
    for row in table.rows:
        cells = [_linked(cell) for cell in row.cells]
        lines.append(_markdown_line(cells))
    notes = [markdown_text(note) for note in table.notes]
    paragraphs = [markdown_text(table.title), "\n".join(lines), *notes]
    return "\n\n".join(paragraphs) + "\n"


def _markdown_line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _linked(cell: Cell) -> str:
    """A cell's text for Markdown, as a link where the cell has an address."""
    text = markdown_text(cell.text)
    if not cell.href:
        return text
    name = text.replace("[", "(").replace("]", ")")  # brackets would end the link's text
    return f"[{name}]({cell.href})"


def csv_text(table: Table) -> str:
    """The table in CSV: the full headings, then the cells as they read."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([column.heading for column in table.columns])
    for row in table.rows:
        writer.writerow([cell.text for cell in row.cells])
    return stream.getvalue()


def latex(table: Table) -> str:
    """A ``table`` with booktabs' rules; needs the packages booktabs and, for wide ones, graphicx."""
    alignment = "".join("r" if column.number else "l" for column in table.columns)
    width = r"\ifdim\width>\linewidth\linewidth\else\width\fi"  # as wide as the text, unless it is narrower
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(table.title)}}}",
        rf"\resizebox{{{width}}}{{!}}{{%",
        rf"\begin{{tabular}}{{{alignment}}}",
        r"\toprule",
    ]
    lines.append(_latex_line(column.shown for column in table.columns))
    lines.append(r"\midrule")
    for row in table.rows:
        lines.append(_latex_line(cell.text for cell in row.cells))
    # The second brace closes the argument of resizebox.
    lines += [r"\bottomrule", r"\end{tabular}}"]
    for note in table.notes:
        lines.append(rf"\par\footnotesize {latex_text(note)}")
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def _latex_line(texts: Iterable[str]) -> str:
    """One line of a tabular."""
    return " & ".join(latex_text(text) for text in texts) + r" \\"


def print_table(table: Table, console: Console) -> None:
    """Print the table on a terminal, its notes below."""
    printed = Printed(title=table.title, collapse_padding=True, pad_edge=False)
    for column in table.columns:
        justify = "right" if column.number else "left"
        printed.add_column(column.shown, justify=justify, overflow="fold")
    for row in table.rows:
        texts = [cell.text for cell in row.cells]
        printed.add_row(*texts, style="bold" if row.strong else None)
    console.print(printed)
    for note in table.notes:
        console.print(note, style="italic")
