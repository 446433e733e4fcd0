"""The tables of an NLI set: files in a folder, or parts of a data set of the hub."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple, final

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from relsym.data.sources.hub_set import HubSet, described_columns, faults
from relsym.data.sources.json_lines import json_object
from relsym.data.sources.layout import Schema
from relsym.data.sources.nli_files import PARTS, find_file, find_part, round_folder
from relsym.data.sources.rows import BY_NAME, filled_rows, place_of_row


class NliTable(NamedTuple):
    """One file, or one part of a hub data set.

    name: in the ids of its pairs.
    origin, place: the table and a row of it, for errors.
    blocks: as ``table_rows`` yields them, without blank lines.
    declared: names of its numeric labels.
    """

    name: str
    origin: str
    place: Callable[[int], str]
    blocks: Iterator[pl.DataFrame]
    declared: Sequence[str] | None = None


class Tables(ABC):
    """Where the rows of a set are: in files of a folder, or in parts of a hub data set."""

    @abstractmethod
    def of(self, part: str) -> Iterator[NliTable]:
        """The tables of a part, one after the other."""

    @abstractmethod
    def where(self, part: str) -> str:
        """The names of the tables of a part, for errors."""


@final
class FolderTables(Tables):
    """Files in a folder; with rounds, in its folders R1, R2, R3.

    Args:
        folder: where the files are.
        layout, train, test: as ``find_file`` takes them.
        rounds: of ANLI; None: the folder has no rounds.
        schema: the columns.

    Raises:
        FileNotFoundError: no such folder, no folder of a round, or no file that fits.
        ValueError: several files fit.
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
                f"data.folder={folder}: no such folder. "
                "Pass data.folder=PATH of a folder with the set's JSONL, TSV, CSV or Parquet files."
            )
        folders = {"": path}
        if rounds:
            folders = {f"R{number}/": round_folder(path, number) for number in rounds}

        self.schema = schema
        # Of each part: name in the ids of its pairs -> file.
        self.files: dict[str, dict[str, Path]] = {}
        for part, pattern in zip(PARTS, (train, test), strict=True):
            self.files[part] = {}
            for prefix, place in folders.items():
                file = find_file(place, layout, part, pattern)
                self.files[part][f"{prefix}{file.name}"] = file

    def of(self, part: str) -> Iterator[NliTable]:
        """See ``Tables``."""
        for name, path in self.files[part].items():
            place = partial(place_of_row, path, BY_NAME.kind_of(path))
            blocks = filled_rows(path, self.schema)  # blank lines are no rows here
            yield NliTable(name, str(path), place, blocks, self._declared(path))

    def where(self, part: str) -> str:
        """See ``Tables``."""
        return ", ".join(map(str, self.files[part].values()))

    def _declared(self, path: Path) -> Sequence[str] | None:
        """The names that the hub's library writes into a Parquet file for the numbers in it."""
        if BY_NAME.kind_of(path) != "parquet":
            return None
        try:
            file = pa.parquet.read_schema(path)
        except (pa.ArrowInvalid, OSError):
            # A damaged file: the reader of its rows says so.
            return None
        metadata = file.metadata or {}
        described: Any = json_object(metadata.get(b"huggingface", b"{}").decode(errors="replace"))
        label = self.schema.named(file.names, path)["label"]
        for key in ("info", "features", label, "names"):
            described = described.get(key) if isinstance(described, dict) else None
        if not isinstance(described, list):
            return None
        # Anything else than names is refused where a number is looked up.
        return [str(name) for name in described]


@final
class HubTables(Tables):
    """Parts of a data set of the hub; with rounds, those that end in _r1, _r2, _r3.

    Args:
        hub, config, revision: path, name and revision of a ``HubSet``.
        layout, train, test: as ``find_part`` takes them.
        rounds, schema: as ``FolderTables`` takes them.
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
        self.layout = layout
        self.chosen = {"train": train, "test": test}
        self.schema = schema
        self.suffixes = [f"_r{number}" for number in rounds] if rounds else [""]

    @cached_property
    def _parts(self) -> dict[str, Any]:
        """All parts of the set, fetched when the first is asked for."""
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
        """One part of the set, read whole."""
        dataset = self._parts[name]
        columns = self.schema.named(list(dataset.features), origin)
        problems = faults(dataset.features, columns, ("label",))
        if problems:
            raise ValueError(
                f"{origin}: {'; '.join(problems)}. The data set has\n"
                f"{described_columns(self._parts)}\n"
                "Name other columns with data.columns.ROLE=NAME, "
                "or another configuration with data.config=NAME."
            )

        column_names = list(dict.fromkeys(columns.values()))  # two roles may share a column
        roles = {}
        for role, column in columns.items():
            value = pl.col(column).cast(pl.String)
            roles[role] = value.fill_null("") if role in self.schema.nullable else value
        rows = dataset.select_columns(column_names).to_polars()
        rows = rows.select(**roles).with_row_index("row", offset=1)
        rows = rows.with_columns(whole=pl.lit(True), expected=pl.lit("a row"))

        def place(row: int) -> str:
            return f"row {row} of {origin}"

        declared = getattr(dataset.features[columns["label"]], "names", None)
        return NliTable(name, origin, place, iter([rows]), declared=declared)
