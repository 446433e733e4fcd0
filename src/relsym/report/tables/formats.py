"""A table as Markdown and LaTeX, and on a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as Printed

from relsym.report.tables.cells import Cell, Table
from relsym.visible import visible

# Character -> how Markdown is told to show it as it is. GitHub reads ~ and $ too.
MARKDOWN = {
    "\\": "\\\\",
    "|": "\\|",
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    "`": "\\`",
    "*": "\\*",
    "~": "\\~",
    "$": "\\$",
}
# What GitHub makes a link or a picture of though nothing says so, by the sign that makes it one: //, www.,
# a mail's address and the name of an emoji.
BARE_ADDRESS = re.compile(r":(?=//)|(?<=www)\.|(?<=\S)@(?=\S)|:(?=[\w+-]+:)", re.IGNORECASE)
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
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
}


def markdown_text(text: str) -> str:
    """Text that Markdown shows as it is, on one line: no cell ends, no markup and no link begins."""
    line = _one_line(text)
    escaped = "".join(MARKDOWN.get(character, character) for character in line)
    escaped = BARE_ADDRESS.sub(r"\\\g<0>", escaped)
    # An underscore begins emphasis at the edge of a word alone; within one, as in random_label, it is left.
    escaped = re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)
    # A closing bracket makes a link only where an address or a definition follows.
    return re.sub(r"\](?=[\[(:])", r"\\]", escaped)


def latex_text(text: str) -> str:
    """Text that LaTeX sets as it is, on one line."""
    escaped = "".join(LATEX.get(character, character) for character in _one_line(text))
    # Two hyphens would become a dash.
    return escaped.replace("--", "-{}-").replace("--", "-{}-")


def _one_line(text: str) -> str:
    """Text without what is not for showing, its line feeds and tabs as blanks."""
    return visible(re.sub(r"\r\n|[\r\n\t]", " ", text))


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
    # Brackets would end the link's text. What is escaped already is not escaped twice.
    name = re.sub(r"(\\.)|([\[\]])", lambda match: match[1] or f"\\{match[2]}", text)
    return f"[{name}]({cell.href})"


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
    line = " & ".join(latex_text(text) for text in texts)
    # The line before ends with a command that takes a bracket or a star behind it, or behind blanks, for its
    # own.
    if line.lstrip().startswith(("[", "*")):
        line = f"{{}}{line}"
    return rf"{line} \\"


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
