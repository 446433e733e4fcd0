"""Statements in a file: the lines of a text, or one column of a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from relsym.data.blocks import decoded, line_blocks
from relsym.data.sources.text_columns import read_text_columns, text_problem
from relsym.text_encoding import refuse_lone_returns

LINE_FILE, PACKINGS = ".txt", (".gz", ".bz2")
ROLE = "column"  # so that messages name the option index.column


def read_statements(path: Path, column: str) -> list[str]:
    """The statements, in their order, each as often as it stands there.

    Blanks around one are no part of it, and one of nothing else is none.

    Args:
        path: a ``.txt`` file, also packed (``.txt.gz``), with a statement on each line; or CSV, TSV, JSONL
            or Parquet.
        column: of a table: its name, or the key of JSONL.

    Raises:
        ValueError: it cannot be read, has no such column, or holds no statement; with the place.
    """
    places = _lines(path) if is_line_file(path) else _cells(path, column)
    statements = []
    for place, text in places:
        if not text.strip():
            continue
        problem = text_problem(text)
        if problem:
            raise ValueError(f"{place}: {problem}")
        statements.append(text.strip())
    if not statements:
        raise ValueError(f"{path}: holds no statement.")
    return statements


def is_line_file(path: Path) -> bool:
    """Whether a file holds a statement on each line, by its name."""
    is_packed = path.suffix.lower() in PACKINGS
    plain = path.with_suffix("") if is_packed else path
    return plain.suffix.lower() == LINE_FILE


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines, each with its place."""
    number = 0
    for block in line_blocks(path):
        if number == 0:
            refuse_lone_returns(block, str(path))
        for line in decoded(block, path, number + 1).removesuffix("\n").split("\n"):
            number += 1
            yield f"line {number} of {path}", line


def _cells(path: Path, column: str) -> Iterator[tuple[str, str]]:
    """The cells of a column, each with its place."""
    for place, (text,) in read_text_columns(path, "index", {ROLE: column}):
        yield place, text
