"""The training pairs that a run compares with, from its ``memory.parquet``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from relsym.runs.disk import check_regular

# Fields of a row that are kept; the order of the rows is that of the vectors in ``probe.safetensors``.
COLUMNS = ("pair_id", "property", "form", "premise", "hypothesis", "label")


def memory_columns(rows: Sequence[Any]) -> dict[str, list[str]]:
    """The columns of the file.

    Args:
        rows: that the probe was fitted on, in their order.
    """
    return {name: [getattr(row, name) for row in rows] for name in COLUMNS}


def read_memory_ids(path: Path, labels: Sequence[str]) -> tuple[str, ...] | None:
    """The id of each training pair; None where there is no such file, as in runs of earlier versions.

    Args:
        path: of the file.
        labels: of the vectors that the probe keeps.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged, or of another run.
    """
    if not os.path.lexists(path):  # not exists(): that a link leads nowhere is said below
        return None
    check_regular(path)
    try:
        with path.open("rb") as stream:
            table = pl.read_parquet(stream, columns=["pair_id", "label"]).cast(pl.String, strict=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        if isinstance(error, PermissionError):  # nothing is known against what is in it
            raise
        raise ValueError(
            f"{path}: cannot be read ({str(error).splitlines()[0]}): damaged. Delete it to go without the "
            "ids of training pairs, or train again."
        ) from error
    if table["label"].to_list() != list(labels) or table["pair_id"].null_count():
        raise ValueError(
            f"{path}: names {table.height} training pairs, and they are not the {len(labels)} that are kept "
            "beside it: one of the two is of another run. Delete it to go without their ids, or train again."
        )
    return tuple(table["pair_id"].to_list())
