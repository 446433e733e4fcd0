"""Which rows a run got right, from its ``predictions.parquet``."""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy import ndarray

from relsym.runs.layout import PREDICTIONS
from relsym.runs.results import AnyResults

# What the report reads of the file; it holds more.
READ_COLUMNS = ["form", "pair_id", "fact_id", "correct"]


class RowAnswers(NamedTuple):
    """One run's scored rows, in the order of the file.

    correct: 1 or 0 for each row.  forms: each row's.  facts: each row's, as a number.  rows: SHA-256 of their
    forms and pair ids.
    """

    correct: ndarray
    forms: ndarray
    facts: ndarray
    rows: str


def read_answers(run: AnyResults) -> RowAnswers | None:
    """The answers of a run; None if its file is gone.

    Raises:
        ValueError: the file is damaged, or its accuracy is not that of the run.
    """
    path = run.folder / PREDICTIONS
    if not path.exists():
        return None
    try:
        table = pl.read_parquet(path, columns=READ_COLUMNS, glob=False)  # a folder may be called [x]
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(
            f"{path}: cannot be read with the columns {', '.join(READ_COLUMNS)} "
            f"({str(error).splitlines()[0]}): damaged, or "
            "written by another version. Run that job again, or leave it out."
        ) from error
    correct, forms = table["correct"].to_numpy().astype(np.float64), table["form"].to_numpy()
    for form in run.forms:
        of_form = correct[forms == form]
        if len(of_form) != run.rows[form] or abs(of_form.mean() - run.accuracy(form)) > 1e-9:
            raise ValueError(
                f"{path}: not the answers behind results.json ({form}). Run that job again, or leave it out."
            )
    fact = pl.when(pl.col("fact_id") == "").then("pair_id").otherwise("fact_id").rank("dense").alias("fact")
    facts = table.select(fact)["fact"].to_numpy().astype(np.int64) - 1
    rows = sha256("\n".join(table["form"] + "\t" + table["pair_id"]).encode()).hexdigest()
    return RowAnswers(correct, forms, facts, rows)
