"""Labels that were added to a finished run: ``labels/001.parquet`` and so on, in the run's folder.

Each file is a version, and holds every label that was added by then with the pairs that brought it; the
newest one counts. No version is ever changed, and nothing else in the run's folder is, so that a run whose
added labels were removed is what it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import numpy as np
import polars as pl
from jaxtyping import Float
from numpy import ndarray

from relsym.runs.disk import check_regular
from relsym.runs.files import write_atomically
from relsym.runs.layout import ADDED_LABELS, PROBE

VERSION = re.compile(r"(\d{3,})\.parquet")
COLUMN_TYPES = {
    "label": pl.String,
    "premise": pl.String,
    "hypothesis": pl.String,
    "implied": pl.List(pl.Float32),
    "probe": pl.String,
}


@dataclass(frozen=True)
class AddedLabel:
    """One label that was added.

    Attributes:
        pairs: (premise, hypothesis) of each pair that brought it.
        implied: the label embedding that each pair implies, as the run's metric says it.
    """

    pairs: tuple[tuple[str, str], ...]
    implied: Float[ndarray, "n dim"]


@dataclass(frozen=True)
class AddedLabels:
    """A version of a run's added labels.

    Attributes:
        version: from 1; 0 where none was ever added.
        labels: by name, in the order in which they were added; none where all were removed.
    """

    version: int
    labels: Mapping[str, AddedLabel]


def versions_of(run: Path) -> dict[int, Path]:
    """The files of all versions, the oldest first."""
    by_number = {}
    folder = run / ADDED_LABELS
    for path in folder.iterdir() if folder.is_dir() else ():
        match = VERSION.fullmatch(path.name)
        if match is not None:
            by_number[int(match[1])] = path
    return dict(sorted(by_number.items()))


def read_added(run: Path, dim: int | None = None) -> AddedLabels:
    """The newest version of a run's added labels.

    Args:
        run: its folder.
        dim: channels of what its pairs imply; None is not checked.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is damaged, or belongs to another run.
    """
    versions = versions_of(run)
    if not versions:
        return AddedLabels(0, {})
    version, path = list(versions.items())[-1]
    return AddedLabels(version, read_version(run, path, dim))


def read_version(run: Path, path: Path, dim: int | None = None) -> dict[str, AddedLabel]:
    """The labels of one version, by name. Args and errors as ``read_added``."""
    check_regular(path)
    advice = "Delete the file to go without what was added, or add the labels again."
    try:
        with path.open("rb") as stream:
            table = pl.read_parquet(stream, columns=list(COLUMN_TYPES)).cast(COLUMN_TYPES, strict=True)
    except PermissionError:  # nothing is known against what is in it
        raise
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ValueError(
            f"{path}: cannot be read ({str(error).splitlines()[0]}): damaged. {advice}"
        ) from error
    if sum(table.null_count().row(0)):
        raise ValueError(f"{path}: has an empty cell: damaged. {advice}")
    if set(table["probe"]) - {probe_hash(run)}:
        raise ValueError(f"{path}: its labels were added to another run than the one in {run}. {advice}")
    lengths = set(table["implied"].list.len())
    if len(lengths) > 1 or (dim is not None and lengths - {dim}):
        raise ValueError(f"{path}: its vectors have the lengths {sorted(lengths)}, needed is {dim}. {advice}")
    labels = {}
    for (label,), rows in table.partition_by("label", as_dict=True, maintain_order=True).items():
        pairs = tuple(rows.select("premise", "hypothesis").iter_rows())
        implied = np.array(rows["implied"].to_list(), np.float32)
        if not np.isfinite(implied).all():
            raise ValueError(f"{path}: a vector is not finite: damaged. {advice}")
        labels[label] = AddedLabel(pairs, implied)
    return labels


def write_added(run: Path, labels: Mapping[str, AddedLabel]) -> Path:
    """Write a new version with these labels.

    Returns:
        Its file.
    """
    probe = probe_hash(run)
    rows = []
    for label, added in labels.items():
        for (premise, hypothesis), implied in zip(added.pairs, added.implied, strict=True):
            rows.append((label, premise, hypothesis, implied.tolist(), probe))
    table = pl.DataFrame(rows, schema=COLUMN_TYPES, orient="row")
    number = max(versions_of(run), default=0) + 1
    (run / ADDED_LABELS).mkdir(exist_ok=True)
    return write_atomically(run / ADDED_LABELS / f"{number:03}.parquet", table.write_parquet)


def probe_hash(run: Path) -> str:
    """SHA-256 of what the run's own probe keeps."""
    with (run / PROBE).open("rb") as stream:
        return file_digest(stream, "sha256").hexdigest()
