"""The tables of an NLI set: files in a folder, or parts of a data set of the hub."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, final

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from relsym.data.sources.hub_set import HubSet, described_columns, faults
from relsym.data.sources.layout import Schema
from relsym.data.sources.nli_files import PARTS, find_file, find_part, round_folder
from relsym.data.sources.rows import file_kind, place_of_row, table_rows


class NliTable(NamedTuple):
    """One file, or one part of a hub data set.

    name: in the ids of its pairs.  origin, place: the table and a row of it, for errors.  declared: names of
    its numeric labels. blocks: row (as ``place`` takes it), premise, hypothesis and label, as strings, null
    where there is none.
    """

    name: str
    origin: str
    place: Callable[[int], str]
    blocks: Iterator[pl.DataFrame]
    declared: Sequence[str] | None = None


class Tables(ABC):
    """Where the rows of a set are."""

    @abstractmethod
    def of(self, part: str) -> Iterator[NliTable]:
        """The tables of a part, one after the other."""

    @abstractmethod
    def where(self, part: str) -> str:
        """What holds a part, for errors."""


@final
class FolderTables(Tables):
    """Files in a folder; with rounds, in its folders R1, R2, R3.

    Args:
        layout, train, test: as ``find_file`` takes them.  rounds: of ANLI; None: the folder has no rounds.
        schema: the columns.
    """

    def __init__(
        self,
        folder: str,
        layout: str,
        train: str | None,
        test: str | None,
        rounds: Sequence[int] | None,
        schema: Schema,
    ) -> None:
        path = Path(folder).expanduser()
        if not path.is_dir():
            raise FileNotFoundError(
                f"data.folder={folder}: no such folder. Pass data.folder=PATH of a folder with the set's "
                "JSONL, TSV, "
                "CSV or Parquet files."
            )
        folders = {f"R{number}/": round_folder(path, number) for number in rounds} if rounds else {"": path}
        self.schema, self.files = schema, {part: {} for part in PARTS}
        for part, pattern in zip(PARTS, (train, test), strict=True):
            for prefix, place in folders.items():
                file = find_file(place, layout, part, pattern)
                self.files[part][f"{prefix}{file.name}"] = file

    def of(self, part: str) -> Iterator[NliTable]:
        """See ``Tables``."""
        for name, path in self.files[part].items():
            yield NliTable(
                name,
                str(path),
                lambda row, path=path: place_of_row(path, row),
                self._blocks(path),
                self._declared(path),
            )

    def where(self, part: str) -> str:
        """See ``Tables``."""
        return ", ".join(map(str, self.files[part].values()))

    def _declared(self, path: Path) -> Sequence[str] | None:
        """The names that the hub's library writes into a Parquet file for the numbers in it."""
        if file_kind(path) != "parquet":
            return None
        try:
            found = pa.parquet.read_schema(path)
        except (pa.ArrowInvalid, OSError):  # told by whoever reads the rows
            return None
        features = (
            json.loads((found.metadata or {}).get(b"huggingface", b"{}")).get("info", {}).get("features", {})
        )
        return features.get(self.schema.named(found.names, path)["label"], {}).get("names")

    def _blocks(self, path: Path) -> Iterator[pl.DataFrame]:
        for rows in table_rows(path, self.schema):
            # Blank lines are no rows; CSV has its text only where a row is broken.
            yield (
                rows.filter(pl.col("text").str.strip_chars(" ").ne_missing(""))
                if "text" in rows.columns
                else rows
            )


@final
class HubTables(Tables):
    """Parts of a data set of the hub; with rounds, those that end in _r1, _r2, _r3.

    Args:
        hub, config, revision: as ``HubSet`` takes them.  layout, train, test: as ``find_part`` does.  rounds,
        schema: as ``FolderTables``.
    """

    def __init__(
        self,
        hub: str,
        config: str | None,
        revision: str | None,
        layout: str,
        train: str | None,
        test: str | None,
        rounds: Sequence[int] | None,
        schema: Schema,
    ) -> None:
        self.set = HubSet(hub, config, revision, "data.hub", "data.config")
        self.layout, self.chosen, self.schema = layout, {"train": train, "test": test}, schema
        self.suffixes = [f"_r{number}" for number in rounds] if rounds else [""]

    @cached_property
    def _parts(self) -> dict[str, Any]:
        return dict(self.set.parts())

    def of(self, part: str) -> Iterator[NliTable]:
        """See ``Tables``."""
        for suffix in self.suffixes:
            name = find_part(self._parts, self.layout, part, self.chosen[part], suffix)
            yield self._table(name, f"part {name} of data.hub={self.set.path}")

    def where(self, part: str) -> str:
        """See ``Tables``."""
        return ", ".join(table.origin for table in self.of(part))

    def _table(self, name: str, origin: str) -> NliTable:
        dataset = self._parts[name]
        columns = self.schema.named(list(dataset.features), origin)
        if wrong := faults(dataset.features, columns, ("label",)):
            raise ValueError(
                f"{origin}: {'; '.join(wrong)}. The data set has\n"
                f"{described_columns(self._parts)}\nName other columns with "
                "data.columns.ROLE=NAME, or another configuration with data.config=NAME."
            )
        rows = dataset.select_columns(list(dict.fromkeys(columns.values()))).to_polars()
        rows = rows.select(
            **{role: pl.col(column).cast(pl.String) for role, column in columns.items()}
        ).with_row_index("row", offset=1)
        declared = getattr(dataset.features[columns["label"]], "names", None)
        return NliTable(name, origin, lambda row: f"row {row} of {origin}", iter([rows]), declared)
