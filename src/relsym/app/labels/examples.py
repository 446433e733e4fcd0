"""The pairs of a label in a table."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.data.sources.layout import Schema
from relsym.data.sources.rows import content_of, place_of_row, table_rows
from relsym.visible import printable

PAIR_ROLES = ("premise", "hypothesis")  # so that messages name the options labels.premise and hypothesis


def read_examples(path: Path, premise: str, hypothesis: str) -> list[tuple[str, str]]:
    """The different pairs in a table, in their order.

    Args:
        path: CSV, TSV, JSONL or Parquet.
        premise, hypothesis: names of the columns.

    Raises:
        ValueError: it cannot be read, lacks a column or a text, or holds no pair; with the place.
    """
    schema = Schema(
        key="labels",
        header_key="",
        columns={"premise": premise, "hypothesis": hypothesis},
        standard=PAIR_ROLES,
        required=PAIR_ROLES,
        width=None,
        header=True,
    )
    pairs: dict[tuple[str, str], None] = {}
    for rows in table_rows(path, schema):
        has_texts = pl.all_horizontal(pl.col(role).str.strip_chars().ne_missing("") for role in PAIR_ROLES)
        broken = rows.filter(
            ~(pl.col("whole") & has_texts & pl.all_horizontal(pl.col(*PAIR_ROLES).is_not_null()))
        )
        if "text" in rows.columns:  # blank lines are no rows
            broken = broken.filter(pl.col("text").str.strip_chars(" ").ne_missing(""))
        if broken.height:
            row = broken.row(0, named=True)
            raise ValueError(
                f"{place_of_row(path, row['kind'], row['row'])}: expected {row['expected']}, with a premise "
                f"and a hypothesis, got {content_of(row, PAIR_ROLES)}. Correct it, or leave it out."
            )
        for pair in rows.filter("whole").select(*PAIR_ROLES).drop_nulls().iter_rows():
            _check_texts(pair, path)
            pairs[pair] = None
    if not pairs:
        raise ValueError(f"examples={path}: holds no pair.")
    return list(pairs)


def _check_texts(pair: tuple[str, str], path: Path) -> None:
    """Refuse what is no text."""
    for text in pair:
        if "\0" in text or LONE_SURROGATE.search(text):
            raise ValueError(
                f"{path}: {printable(text)} holds a NUL character or half a pair of surrogates. Correct it."
            )
