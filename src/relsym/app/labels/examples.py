"""The pairs of a label in a table."""

from __future__ import annotations

from pathlib import Path

from relsym.data.sources.text_columns import read_text_columns, text_problem


def read_examples(path: Path, premise: str, hypothesis: str) -> list[tuple[str, str]]:
    """The different pairs in a table, in their order.

    Args:
        path: CSV, TSV, JSONL or Parquet.
        premise, hypothesis: names of the columns.

    Raises:
        ValueError: it cannot be read, lacks a column or a text, or holds no pair; with the place.
    """
    pairs: dict[tuple[str, str], None] = {}
    columns = {"premise": premise, "hypothesis": hypothesis}
    for place, (first, second) in read_text_columns(path, "labels", columns):
        problem = text_problem(first) or text_problem(second)
        if problem:
            raise ValueError(f"{place}: {problem}")
        pairs[first, second] = None
    if not pairs:
        raise ValueError(f"examples={path}: holds no pair.")
    return list(pairs)
