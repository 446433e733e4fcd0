"""Pairs in a text: CSV, TSV, or a JSON object in each line."""

from __future__ import annotations

import codecs
import csv
import io
import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple, final

from relsym.app.predict.pair_table import Answers, PairTable, Part, Wanted
from relsym.data.blocks import LONGEST_LINE, decoded, ends_midline, line_blocks
from relsym.data.pairs import Row
from relsym.data.sources.file_format import COMMA, SEMICOLON, TAB
from relsym.data.sources.rows import closed_quotes
from relsym.report.tables.csv_file import FORMULA, PLAIN_NUMBER
from relsym.text_encoding import UTF8, refuse_lone_returns, told_encoding
from relsym.visible import printable

_BLOCK = 2**18  # bytes: small, so that the progress bar moves


class Record(NamedTuple):
    """One row as it stands in the text.

    line: number of its first line.
    text: without the end of its last line.
    end: of that line.
    fields: of a row of cells.
    """

    line: int
    text: str
    end: str
    fields: list[str]


class TextTable(PairTable):
    """See ``PairTable``; what stood in the text stays, letter by letter, and blank lines stay blank.

    Args:
        path, wanted: as there.
        safe: put an apostrophe before each cell that a spreadsheet would take for a formula.

    Raises:
        ValueError: also a text that is not in UTF-8.
    """

    def __init__(self, path: Path, wanted: Wanted, safe: bool = False) -> None:
        super().__init__(path, wanted)
        self.safe = safe
        with open(path, "rb") as file:
            start = file.read(4)
        encoding, _ = told_encoding(start)
        if encoding != UTF8:
            raise ValueError(f"{path}: in {encoding}, and answers are added to UTF-8. Convert it first.")
        self._mark = codecs.BOM_UTF8 if start.startswith(codecs.BOM_UTF8) else b""

    def parts(self, rows: int, doing: str) -> Iterator[Part]:
        """See ``PairTable``; the content is the records, each with whether it is a row."""
        records: list[tuple[Record, bool]] = []
        pairs: list[Row] = []
        for record in self._records(doing):
            pair = self._pair(record)
            records.append((record, pair is not None))
            if pair is not None:
                pairs.append(pair)
            if len(records) == rows:
                yield Part(records, pairs)
                records, pairs = [], []
        if records:
            yield Part(records, pairs)

    def write(self, target: Path, answered: Iterable[tuple[Part, Answers]]) -> None:
        """See ``PairTable``."""
        with open(target, "wb") as file:
            for text in self.texts(answered):
                file.write(text)

    def texts(self, answered: Iterable[tuple[Part, Answers]]) -> Iterator[bytes]:
        """What ``write`` writes, in parts."""
        before = self._mark + self._head().encode()
        for part, answers in answered:
            yield before
            lines = []
            columns = zip(*answers.values(), strict=True)
            for record, is_row in part.content:
                text = self._with(record, next(columns)) if is_row else record.text
                lines.append(text + record.end)
            before = "".join(lines).encode()
        # The reader of lines has given the last one an end.
        yield before.removesuffix(b"\n") if ends_midline(self.path) else before

    def _records(self, doing: str) -> Iterator[Record]:
        """The records behind the head."""
        line = 1
        for block in self._blocks(doing):
            text = decoded(block, self.path, line)
            yield from self._records_in(text, line)
            line += text.count("\n")

    def _blocks(self, doing: str) -> Iterator[bytes]:
        """The text in blocks of whole records.

        Raises:
            ValueError: an empty file, or one without line feeds.
        """
        blocks = line_blocks(self.path, _BLOCK, doing=doing)
        first = next(blocks, None)
        if first is None:
            raise ValueError(f"{self.path}: the file is empty.")
        refuse_lone_returns(first, str(self.path))
        return chain([first], blocks)

    def _place(self, record: Record) -> str:
        return f"line {record.line} of {self.path}"

    def _head(self) -> str:
        """What stands before the rows, with the names of the new columns."""
        return ""

    @abstractmethod
    def _records_in(self, text: str, first: int) -> Iterator[Record]:
        """The records of a block that begins with line ``first``, but for the head."""

    @abstractmethod
    def _pair(self, record: Record) -> Row | None:
        """The pair of a record; None of a blank line."""

    @abstractmethod
    def _with(self, record: Record, values: Sequence[str | float | bool]) -> str:
        """The record's text with the values of the new columns."""


class CellTable(TextTable):
    """A text of cells under a head that names the columns."""

    delimiter: str

    def __init__(self, path: Path, wanted: Wanted, safe: bool = False) -> None:
        super().__init__(path, wanted, safe)
        self._header: Record | None = None
        self._header = next(self._records(""))
        self._names = self._header.fields
        wanted.check(self._names, str(path))

    def _head(self) -> str:
        return self._with(self._header, self.wanted.added) + self._header.end

    def _pair(self, record: Record) -> Row | None:
        if not record.text.strip(" "):  # tabs part cells
            return None
        place = self._place(record)
        if len(record.fields) != len(self._names):
            raise ValueError(
                f"{place}: {len(record.fields)} fields, and the first line names {len(self._names)} columns: "
                f"{printable(record.text)}"
            )
        cells = dict(zip(self._names, record.fields, strict=True))
        return self.row(place, cells[self.wanted.premise], cells[self.wanted.hypothesis])

    def _with(self, record: Record, values: Sequence[str | float | bool]) -> str:
        cells = [cell_text(value) for value in values]
        if self.safe:
            return self._joined([_harmless(cell) for cell in [*record.fields, *cells]])
        return record.text + self.delimiter + self._joined(cells)

    @abstractmethod
    def _joined(self, cells: Sequence[str]) -> str:
        """Cells as they stand in a line."""


@final
class TsvTable(CellTable):
    """Cells between tabs, without quotes."""

    delimiter = TAB

    def _records_in(self, text: str, first: int) -> Iterator[Record]:
        for number, line in enumerate(io.StringIO(text, newline="\n"), first):
            body, end = _split_end(line)
            if number > 1 or self._header is None:
                yield Record(number, body, end, body.split(TAB))

    def _joined(self, cells: Sequence[str]) -> str:
        return TAB.join(cell.replace(TAB, " ") for cell in cells)


@final
class CsvTable(CellTable):
    """Cells between commas, or semicolons or tabs where these are what parts the two columns."""

    def __init__(self, path: Path, wanted: Wanted, safe: bool = False) -> None:
        csv.field_size_limit(LONGEST_LINE)
        self.delimiter = COMMA
        for delimiter in (SEMICOLON, TAB):
            if self._parts_the_columns(path, wanted, delimiter):
                self.delimiter = delimiter
        super().__init__(path, wanted, safe)

    def _parts_the_columns(self, path: Path, wanted: Wanted, delimiter: str) -> bool:
        """Whether the first line has both columns if its cells are parted by this."""
        with open(path, "rb") as file:
            line = file.readline(LONGEST_LINE).removeprefix(codecs.BOM_UTF8).decode(errors="replace")
        names = [cell.strip('"') for cell in line.rstrip("\r\n").split(delimiter)]
        return wanted.premise in names and wanted.hypothesis in names

    def _blocks(self, doing: str) -> Iterator[bytes]:
        return closed_quotes(super()._blocks(doing), self.path)

    def _records_in(self, text: str, first: int) -> Iterator[Record]:
        lines = io.StringIO(text, newline="\n").readlines()
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        before = 0
        try:
            for fields in reader:
                body, end = _split_end("".join(lines[before : reader.line_num]))
                if first + before > 1 or self._header is None:
                    yield Record(first + before, body, end, fields)
                before = reader.line_num
        except csv.Error as error:
            raise ValueError(f"line {first + before} of {self.path}: no row of CSV ({error}).") from error

    def _joined(self, cells: Sequence[str]) -> str:
        line = io.StringIO()
        # Its writer quotes the characters of the line's end, so they have to be both of them.
        # Whatever parts cells for a spreadsheet, it does not part one that is in quotes.
        quoting = csv.QUOTE_ALL if self.safe else csv.QUOTE_MINIMAL
        csv.writer(line, delimiter=self.delimiter, lineterminator="\r\n", quoting=quoting).writerow(cells)
        return line.getvalue().removesuffix("\r\n")


@final
class JsonTable(TextTable):
    """A JSON object in each line; what is added stands last in it."""

    def _records_in(self, text: str, first: int) -> Iterator[Record]:
        for number, line in enumerate(io.StringIO(text, newline="\n"), first):
            yield Record(number, *_split_end(line), [])

    def _pair(self, record: Record) -> Row | None:
        if not record.text.strip():
            return None
        place = self._place(record)
        try:
            # Numbers are not read, and may have any number of digits.
            value = json.loads(record.text, parse_int=float, object_pairs_hook=_Pairs)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{place}: no JSON ({error}): {printable(record.text)}") from error
        if not isinstance(value, _Pairs):
            raise ValueError(f"{place}: expected a JSON object, got {printable(record.text)}")
        self.wanted.check([name for name, _ in value], place)
        value = dict(value)
        return self.row(place, value[self.wanted.premise], value[self.wanted.hypothesis])

    def _with(self, record: Record, values: Sequence[str | float | bool]) -> str:
        before, _, after = record.text.rpartition("}")
        added = json.dumps(dict(zip(self.wanted.added, values, strict=True)), ensure_ascii=False)
        return f"{before}, {added.removeprefix('{')}{after}"


def cell_text(value: str | float | bool) -> str:
    """What is added, as a cell: numbers with the digits that single precision has, and true or false."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else value


def _split_end(line: str) -> tuple[str, str]:
    """A line, and how it ends; programs that write CRLF twice over make it CR CR LF."""
    body = line.removesuffix("\n").rstrip("\r") if line.endswith("\n") else line
    return body, line[len(body) :]


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    is_formula = FORMULA.match(cell) and not PLAIN_NUMBER.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


class _Pairs(list):
    """The names and values of a JSON object, as they stand there."""
