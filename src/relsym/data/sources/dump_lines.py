"""The lines of a Wikidata dump, as tables: decompressed in a thread of its own while the caller searches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from relsym.data.blocks import line_blocks

# Smaller than the readers' usual block: searching one block overlaps with decompressing the next, and neither
# leaves the cache.
DUMP_BLOCK = 8 * 2**20
AHEAD = 2


class Statements(NamedTuple):
    """Statements kept, and how many were not, by reason."""

    triples: pl.DataFrame
    dropped: Counter[str]


class Dump(ABC):
    """One dump file of one entity or one triple a line.

    A format says how an entity's line starts (``ENTITY_LINE``), which other lines may stand in the file
    (``OTHER_LINE``), and how to find the statements and the labels. Any further line is a bad row, and so is
    one that is not UTF-8. ``bad_rows`` holds the line numbers of those met so far, by either pass.
    """

    ENTITY_LINE: ClassVar[str]
    OTHER_LINE: ClassVar[str]
    EXPECTED: ClassVar[str]

    def __init__(self, path: Path, skip_bad_rows: bool) -> None:
        self.path, self.skip_bad_rows = path, skip_bad_rows
        self.bad_rows: set[int] = set()

    @abstractmethod
    def statements(self, properties: Collection[str]) -> Statements:
        """First pass: the statements of these properties, in the file's order."""

    @abstractmethod
    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: the label of each of these items (columns entity, label) in the first of ``languages``
        that it has.
        """

    def tables(self) -> Iterator[pl.DataFrame]:
        """Tables of entity lines: number (from 1), line.

        Raises:
            ValueError: no line is an entity's; a bad row, unless skipped; a damaged file.
        """
        read = found = 0
        for block in ahead(line_blocks(self.path, DUMP_BLOCK)):
            table = self._table(block, read + 1)
            read += table.height
            entities = table.filter(pl.col("line").str.contains(self.ENTITY_LINE))
            if entities.height < table.height:
                self._check_others(table.filter(~pl.col("line").str.contains(self.ENTITY_LINE)))
            found += entities.height
            yield entities
        if not found:
            raise ValueError(
                f"{self.path}: none of its {read} lines is an entity's; expected {self.EXPECTED}. "
                "Is this the dump you meant, and data.format its format?"
            )

    def bad_row(self, number: int, line: str | bytes, problem: str = "") -> None:
        """Stop at this line, or remember it."""
        if not self.skip_bad_rows:
            raise ValueError(
                f"line {number} of {self.path}: expected {self.EXPECTED}, got "
                f"{line[:80]!r}{problem and f' ({problem})'}. "
                "Pass data.on_bad_row=skip to drop and count such rows."
            )
        self.bad_rows.add(number)

    def _check_others(self, table: pl.DataFrame) -> None:
        for number, line in table.filter(~pl.col("line").str.contains(self.OTHER_LINE)).iter_rows():
            self.bad_row(number, line)

    def _table(self, block: bytes, first: int) -> pl.DataFrame:
        try:
            table = pl.read_lines(block, row_index_name="number")
        except pl.exceptions.ComputeError:
            table = pl.read_lines(self._text_only(block, first), row_index_name="number")
        return table.with_columns(pl.col("number").cast(pl.Int64) + first)

    def _text_only(self, block: bytes, first: int) -> bytes:
        """The block with an empty line for each that is not UTF-8."""
        lines = block.split(b"\n")
        for place, line in enumerate(lines):
            try:
                line.decode()
            except UnicodeDecodeError:
                self.bad_row(first + place, line, "not UTF-8")
                lines[place] = b""
        return b"\n".join(lines)


def ahead(blocks: Generator[bytes, None, None], depth: int = AHEAD) -> Iterator[bytes]:
    """The same blocks, fetched by a thread that stays at most ``depth`` blocks ahead."""
    with ThreadPoolExecutor(1, "decompress") as pool:
        waiting = deque(pool.submit(next, blocks, None) for _ in range(depth))
        try:
            while block := waiting.popleft().result():
                waiting.append(pool.submit(next, blocks, None))
                yield block
        finally:
            for future in waiting:
                future.cancel()
            pool.submit(blocks.close)


class ItemSet:
    """Items to look up by the thousand: their numbers in order."""

    def __init__(self, items: pl.Series) -> None:
        self.numbers = np.unique(_numbers(items, missing=-1))

    def holds(self, ids: pl.Series) -> pl.Series:
        """Which of these ids (any entity's, or null) are among the items."""
        numbers = _numbers(ids, missing=0)
        return pl.Series(
            self.numbers.take(np.searchsorted(self.numbers, numbers), mode="clip") == numbers,
            dtype=pl.Boolean,
        )


def _numbers(ids: pl.Series, missing: int) -> np.ndarray:
    return ids.str.extract(r"^Q([1-9]\d*)$").cast(pl.Int64, strict=False).fill_null(missing).to_numpy()
