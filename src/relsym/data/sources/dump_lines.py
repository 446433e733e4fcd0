"""The lines of a Wikidata dump, as tables.

A thread of its own decompresses the next block while the caller searches the last one.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Collection, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import polars as pl

from relsym.data.blocks import line_blocks

LOG = logging.getLogger(__name__)

# Smaller than the readers' usual block: searching one block overlaps with decompressing the next, and neither
# leaves the cache.
DUMP_BLOCK = 8 * 2**20
AHEAD = 2


class Statements(NamedTuple):
    """The first pass over a dump.

    triples: the statements kept (columns ``TRIPLE_SCHEMA``).
    dropped: how many were not, by reason.
    """

    triples: pl.DataFrame
    dropped: Counter[str]


class Dump(ABC):
    """One dump file of one entity or one triple a line.

    A format says how an entity's line starts (``ENTITY_LINE``), which other lines may stand in the file
    (``OTHER_LINE``), and how to find the statements and the labels; ``EXPECTED`` says in an error what a line
    should be. Any further line is a bad row, and so is one that is not UTF-8. ``bad_rows`` holds the line
    numbers of those met so far, by either pass.
    """

    ENTITY_LINE: ClassVar[str]
    OTHER_LINE: ClassVar[str]
    # Lines before and after all entities, where a format has them: a file with the first alone lacks its end.
    OPENING: ClassVar[str | None] = None
    CLOSING: ClassVar[str | None] = None
    EXPECTED: ClassVar[str]

    def __init__(self, path: Path, skip_bad_rows: bool) -> None:
        self.path = path
        self.skip_bad_rows = skip_bad_rows
        # A set, because both passes meet the same bad rows.
        self.bad_rows: set[int] = set()
        self.lacks_end = False
        # Of the entities that the second pass looks for, those with a line that could be read.
        self.met: set[str] = set()

    @abstractmethod
    def statements(self, properties: Collection[str]) -> Statements:
        """First pass: the statements of these properties, in the file's order."""

    @abstractmethod
    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: the label of each of these items, in the first of ``languages`` that it has.

        Columns ``LABEL_SCHEMA``; an item without a label in any of them has no row.
        """

    def tables(self) -> Iterator[pl.DataFrame]:
        """Tables of entity lines: number (from 1), line.

        Raises:
            ValueError: no line is an entity's; a damaged file; a bad row or a missing end, unless skipped.
        """
        lines_read = 0
        entities_read = 0
        is_open = False
        is_entity = pl.col("line").str.contains(self.ENTITY_LINE)
        for block in ahead(line_blocks(self.path, DUMP_BLOCK)):
            table = self._table(block, first=lines_read + 1)
            lines_read += table.height
            entities = table.filter(is_entity)
            # Nearly every block holds entities alone: the lines are not searched a second time for nothing.
            if entities.height < table.height:
                others = table.filter(~is_entity)
                self._check_others(others)
                is_open = self._is_open(others, is_open)
            entities_read += entities.height
            yield entities
        if is_open:
            self._missing_end(lines_read)
        if not entities_read:
            raise ValueError(
                f"{self.path}: none of its {lines_read} lines is an entity's; expected {self.EXPECTED}. "
                "Is this the dump you meant, and data.format its format?"
            )

    def _missing_end(self, lines: int) -> None:
        """Refuse a file whose bracket is never closed, or warn of it if bad rows are skipped."""
        problem = f"{self.path}: cut short: its {lines} lines begin with a bracket that is never closed."
        if not self.skip_bad_rows:
            raise ValueError(
                f"{problem} Fetch it again, or pass data.on_bad_row=skip to read the entities that are there."
            )
        if not self.lacks_end:
            LOG.warning("%s The entities that are there are read.", problem)
        self.lacks_end = True

    def _is_open(self, others: pl.DataFrame, was_open: bool) -> bool:
        """Whether the bracket around all entities is open after these lines, which are no entities."""
        if self.OPENING is None or self.CLOSING is None:
            return False
        lines = others["line"]
        opened, closed = lines.str.contains(self.OPENING).any(), lines.str.contains(self.CLOSING).any()
        return (was_open or opened) and not closed

    def bad_row(self, number: int, line: str | bytes, problem: str = "") -> None:
        """Stop at this line, or remember its number if bad rows are skipped.

        Raises:
            ValueError: bad rows are not skipped.
        """
        if self.skip_bad_rows:
            self.bad_rows.add(number)
            return
        reason = f" ({problem})" if problem else ""
        raise ValueError(
            f"line {number} of {self.path}: expected {self.EXPECTED}, got {line[:80]!r}{reason}. "
            "Pass data.on_bad_row=skip to drop and count such rows."
        )

    def _check_others(self, table: pl.DataFrame) -> None:
        """Of lines that are no entity's: those that may not stand in the file either are bad rows."""
        unexpected = table.filter(~pl.col("line").str.contains(self.OTHER_LINE))
        for number, line in unexpected.iter_rows():
            self.bad_row(number, line)

    def _table(self, block: bytes, first: int) -> pl.DataFrame:
        """The lines of a block with their numbers; ``first`` is the number of its first line."""
        try:
            table = pl.read_lines(block, row_index_name="number")
        except pl.exceptions.ComputeError:
            # Some line is not UTF-8. To look at each line in Python is slow, hence only in such a block.
            table = pl.read_lines(self._text_only(block, first), row_index_name="number")
        return table.with_columns(pl.col("number").cast(pl.Int64) + first)

    def _text_only(self, block: bytes, first: int) -> bytes:
        """The block with an empty line for each that is not UTF-8, which is a bad row."""
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
    # One worker: a generator must not be advanced by two threads at once.
    with ThreadPoolExecutor(1, "decompress") as pool:
        waiting = deque(pool.submit(next, blocks, None) for _ in range(depth))
        try:
            # None stands for the end; a block is never empty.
            while block := waiting.popleft().result():
                waiting.append(pool.submit(next, blocks, None))
                yield block
        finally:
            for future in waiting:
                future.cancel()
            # Closes the file even if the caller stops early; in the pool's thread, after what runs there.
            pool.submit(blocks.close)


class ItemSet:
    """Items to look up by the thousand: the numbers of their Q-ids, sorted."""

    def __init__(self, items: pl.Series) -> None:
        self.numbers = np.unique(_numbers(items, missing=-1))

    def holds(self, ids: pl.Series) -> pl.Series:
        """Which of these ids (any entity's, or null) are among the items, as one Boolean each."""
        # What is no item is -1 among the items but 0 here, and no item has the number 0: the two never meet.
        numbers = _numbers(ids, missing=0)
        # A number above all items has its place behind the last; "clip" compares it with the last.
        places = np.searchsorted(self.numbers, numbers)
        nearest = self.numbers.take(places, mode="clip")
        return pl.Series(nearest == numbers, dtype=pl.Boolean)


def _numbers(ids: pl.Series, missing: int) -> np.ndarray:
    """The number of each Q-id; ``missing`` for whatever is no Q-id."""
    digits = ids.str.extract(r"^Q([1-9]\d*)$")
    return digits.cast(pl.Int64, strict=False).fill_null(missing).to_numpy()
