"""Statements in a file: the lines of a text, or one column of a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from relsym.data.blocks import decoded, line_blocks
from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.data.sources.layout import Schema
from relsym.data.sources.rows import content_of, place_of_row, table_rows
from relsym.text_encoding import refuse_lone_returns
from relsym.visible import printable

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
        if "\0" in text:
            raise ValueError(
                f"{place}: holds a NUL character: {printable(text)}. Correct it, or leave it out."
            )
        if LONE_SURROGATE.search(text):
            raise ValueError(
                f"{place}: holds half a pair of surrogates, which is no letter: {printable(text)}."
            )
        if text.strip():
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
    schema = Schema(
        key="index",
        header_key="",
        columns={ROLE: column},
        standard=(ROLE,),
        required=(ROLE,),
        width=None,
        header=True,
    )
    for rows in table_rows(path, schema):
        broken = rows.filter(~pl.col("whole") | pl.col(ROLE).is_null())
        if "text" in rows.columns:  # blank lines are no rows
            broken = broken.filter(pl.col("text").str.strip_chars(" ").ne_missing(""))
        if broken.height:
            row = broken.row(0, named=True)
            raise ValueError(
                f"{place_of_row(path, row['kind'], row['row'])}: expected {row['expected']}, with a text in "
                f"the column {column}, got {content_of(row, [ROLE])}. Correct it, or leave it out."
            )
        good = rows.filter(pl.col("whole") & pl.col(ROLE).is_not_null())
        for row in good.select("row", "kind", ROLE).iter_rows(named=True):
            yield place_of_row(path, row["kind"], row["row"]), row[ROLE]
