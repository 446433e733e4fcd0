"""Which rows a run got right, from its ``predictions.parquet``."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy import ndarray

from relsym.runs.disk import check_regular
from relsym.runs.layout import PREDICTIONS
from relsym.runs.results import AnyResults

# What the report reads of the file; it holds more.
READ_COLUMNS = ["form", "pair_id", "fact_id", "correct"]


class RowAnswers(NamedTuple):
    """One run's scored rows, in the order of the file: arrays of shape [rows].

    correct: 1 or 0, as float64.
    forms: the form of each row, such as ``lexicalised``.
    facts: the number of the fact that a row asks about, from 0; without one, of its pair.
    rows: SHA-256 of the forms and pair ids, in order.
    """

    correct: ndarray
    forms: ndarray
    facts: ndarray
    rows: str


def read_answers(run: AnyResults) -> RowAnswers | None:
    """The answers of a run; None if its file is gone.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged, or its accuracy is not that of the run.
    """
    path = run.folder / PREDICTIONS
    if not os.path.lexists(path):  # not exists(): that a link leads nowhere is said below
        return None
    check_regular(path)
    try:
        # As a stream, for polars takes no path that is not UTF-8, and reads a pattern in one such as [x].
        with path.open("rb") as stream:
            table = pl.read_parquet(stream, columns=READ_COLUMNS)
    except PermissionError:  # nothing is known against what is in it
        raise
    except (pl.exceptions.PolarsError, OSError) as error:
        columns = ", ".join(READ_COLUMNS)
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"{path}: cannot be read with the columns {columns} ({reason}): damaged, or written by another "
            "version. Run that job again, or leave it out."
        ) from error
    correct = table["correct"].to_numpy().astype(np.float64)
    forms = table["form"].to_numpy()
    for form in run.forms:
        of_form = correct[forms == form]
        # The mean of no rows is not asked for. 1e-9: the same mean, added up in another order.
        if len(of_form) != run.rows[form] or abs(of_form.mean() - run.accuracy(form)) > 1e-9:
            raise ValueError(
                f"{path}: not the answers behind results.json ({form}). Run that job again, or leave it out."
            )
    return RowAnswers(correct, forms, _fact_numbers(table), _rows_hash(table))


def _fact_numbers(table: pl.DataFrame) -> ndarray:
    """The fact of each row as a number, from 0; a row without one is a fact of its own, by its pair id."""
    has_none = pl.col("fact_id") == ""
    fact = pl.when(has_none).then("pair_id").otherwise("fact_id")
    ranks = table.select(fact.rank("dense").alias("fact"))["fact"]
    return ranks.to_numpy().astype(np.int64) - 1  # ranks start from 1


def _rows_hash(table: pl.DataFrame) -> str:
    """SHA-256 of the forms and pair ids: runs that share it answered the same rows in the same order."""
    lines = table["form"] + "\t" + table["pair_id"]
    return sha256("\n".join(lines).encode()).hexdigest()
