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
        try:
            with (
                pq.ParquetFile(self.path) as file,
                progress(f"{doing} {self.path.name}", file.metadata.num_rows) as advance,
            ):
                for batch in file.iter_batches(batch_size=rows):
                    premises, hypotheses = (
                        batch.column(name).to_pylist()
                        for name in (self.wanted.premise, self.wanted.hypothesis)
                    )
                    pairs = []
                    for number, texts in enumerate(zip(premises, hypotheses, strict=True), before + 1):
                        pairs.append(self.row(f"row {number} of {self.path}", *texts))
                    yield Part(pa.Table.from_batches([batch], self._schema), pairs)
                    before += len(pairs)
                    advance(len(pairs))
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.path}: damaged or cut short ({reason}).") from error

    def write(self, target: Path, answered: Iterable[tuple[Part, Answers]]) -> None:
        """See ``PairTable``."""
        writer = None
        try:
            for part, answers in answered:
                table: pa.Table = part.content
                for name, values in answers.items():
                    table = table.append_column(name, pa.array(values))
                if writer is None:
                    writer = pq.ParquetWriter(target, table.schema)
                writer.write_table(table)
        finally:
            if writer is not None:
                writer.close()
