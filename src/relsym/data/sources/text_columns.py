"""Texts in the columns of a table that a user names, each with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.data.sources.layout import Schema
from relsym.data.sources.rows import content_of, place_of_row, table_rows
from relsym.visible import printable


def read_text_columns(
    path: Path, key: str, columns: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The texts of some columns, row by row, each row with its place.

    Args:
        path: CSV, TSV, JSONL or Parquet.
        key: of the options that name the columns, for messages: ``KEY.ROLE``.
        columns: role -> name of the column.

    Raises:
        ValueError: it cannot be read, or lacks a column or a text; with the place.
    """
    roles = tuple(columns)
    schema = Schema(
        key=key, header_key="", columns=dict(columns), standard=roles, required=roles, width=None, header=True
    )
    has_texts = pl.col("whole") & pl.all_horizontal(pl.col(*roles).is_not_null())
    named = ", ".join(columns.values())
    for rows in table_rows(path, schema):
        broken = rows.filter(~has_texts)
        if "text" in rows.columns:  # blank lines are no rows
            broken = broken.filter(pl.col("text").str.strip_chars(" ").ne_missing(""))
        if broken.height:
            row = broken.row(0, named=True)
            place = place_of_row(path, row["kind"], row["row"])
            wanted = f"{row['expected']}, with a text in the column{'s' * (len(roles) > 1)} {named}"
            raise ValueError(
                f"{place}: expected {wanted}, got {content_of(row, roles)}. Correct it, or leave it out."
            )
        for row in rows.filter(has_texts).iter_rows(named=True):
            place = place_of_row(path, row["kind"], row["row"])
            yield place, tuple(row[role] for role in roles)


def text_problem(text: str) -> str:
    """What is wrong with a text, as a sentence; empty where nothing is."""
    if not text.strip():
        return "a text is empty. Correct it, or leave it out."
    if "\0" in text:
        return f"holds a NUL character: {printable(text)}. Correct it, or leave it out."
    if LONE_SURROGATE.search(text):
        return f"holds half a pair of surrogates, which is no letter: {printable(text)}."
    return ""
