"""Pairs in a Parquet file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import final

import pyarrow as pa
import pyarrow.parquet as pq

from relsym.app.predict.pair_table import Answers, PairTable, Part, Wanted
from relsym.data.progress import progress


@final
class ParquetTable(PairTable):
    """See ``PairTable``; columns keep their types, and the file its metadata."""

    def __init__(self, path: Path, wanted: Wanted) -> None:
        super().__init__(path, wanted)
        try:
            self._schema = pq.read_schema(path)
        except (pa.ArrowInvalid, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: no readable Parquet file ({reason}).") from error
        wanted.check(self._schema.names, str(path))
        for name in (wanted.premise, wanted.hypothesis):
            kind = self._schema.field(name).type
            value = kind.value_type if pa.types.is_dictionary(kind) else kind
            if not (pa.types.is_string(value) or pa.types.is_large_string(value)):
                raise ValueError(f"{path}: the column {name} holds {kind}, and no texts.")

    def parts(self, rows: int, doing: str) -> Iterator[Part]:
        """See ``PairTable``; the content is an Arrow table."""
        before = 0
        with (
            pq.ParquetFile(self.path) as file,
            progress(f"{doing} {self.path.name}", file.metadata.num_rows) as advance,
        ):
            batches = file.iter_batches(batch_size=rows)
            while (batch := self._next(batches, before)) is not None:
                table, premises, hypotheses = batch
                pairs = []
                for number, texts in enumerate(zip(premises, hypotheses, strict=True), before + 1):
                    pairs.append(self.row(f"row {number} of {self.path}", *texts))
                yield Part(table, pairs)
                before += len(pairs)
                advance(len(pairs))

    def _next(
        self, batches: Iterator[pa.RecordBatch], before: int
    ) -> tuple[pa.Table, list[str | None], list[str | None]] | None:
        """The next rows and the texts in them; None at the end.

        Args:
            batches: of the file.
            before: how many rows were read already, for the message.

        Raises:
            ValueError: they cannot be read.
        """
        try:
            batch = next(batches, None)
            if batch is None:
                return None
            columns = [batch.column(name) for name in (self.wanted.premise, self.wanted.hypothesis)]
            premises, hypotheses = (column.to_pylist() for column in columns)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.path}: damaged after row {before} ({reason}).") from error
        return pa.Table.from_batches([batch], self._schema), premises, hypotheses

    def write(self, target: Path, answered: Iterable[tuple[Part, Answers]]) -> None:
        """See ``PairTable``."""
        writer = None
        try:
            for part, answers in answered:
                table: pa.Table = part.content
                for name, values in answers.items():
                    table = table.append_column(name, pa.array(values))
                if writer is None:
                    writer = pq.ParquetWriter(target, table.schema, compression=self._compression())
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()

    def _compression(self) -> str:
        """How the first column is packed: all are written so."""
        packing = pq.read_metadata(self.path).row_group(0).column(0).compression
        return "none" if packing == "UNCOMPRESSED" else packing.lower()
