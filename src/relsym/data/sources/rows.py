"""The rows of a file, block by block: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from relsym.data.blocks import LONGEST_LINE, decoded, ends_midline, line_blocks
from relsym.data.progress import progress
from relsym.data.sources.fields import check_quotes, csv_rows, tsv_rows
from relsym.data.sources.file_format import TAB, FileFormat, delimiter_name
from relsym.data.sources.json_lines import json_fault, json_object, json_rows
from relsym.data.sources.layout import Layout, Schema, shortened
from relsym.data.sources.separation import COUNT, LOOKED_AT, fields_of, refuse_quotes, separated
from relsym.text_encoding import refuse_lone_returns

BY_NAME = FileFormat()  # nothing is said: the name alone counts
LONGEST_ROW = LONGEST_LINE  # bytes; a row of CSV may be of several lines
PARSERS: dict[str, Callable[[str, Layout], pl.DataFrame]] = {
    "tsv": tsv_rows,
    "csv": csv_rows,
    "jsonl": json_rows,
}
_PARQUET_ROWS = 2**20  # rows of a block
SNIFFED = 100  # lines whose keys tell the columns of a JSONL file


def table_rows(path: Path, schema: Schema, said: FileFormat = BY_NAME) -> Iterator[pl.DataFrame]:
    """Rows of a file in blocks, each a table of strings.

    Columns: the roles of ``schema``; row (from 1, a header or a count included), whole (each field is what
    its column says), expected (what a row should be), kind and delimiter of the file, and text where there
    are lines.

    Args:
        path: the file.
        schema: its columns.
        said: its format, as far as somebody said it.

    Raises:
        ValueError: an empty or damaged file, text in another encoding, columns that are not there, another
            number of rows than the file counts.
    """
    kind = said.kind_of(path)
    if kind == "parquet":
        yield from _parquet_rows(path, schema)
        return

    blocks = line_blocks(path, encoding=schema.encoding)
    first = next(blocks, None)
    if first is None:
        raise ValueError(f"{path}: the file is empty.")
    refuse_lone_returns(first, str(path))
    form, count = said, None
    if kind != "jsonl":
        _refuse_parquet(first, path, said)
        lines = first.split(b"\n", LOOKED_AT)[:LOOKED_AT]
        form = separated(decoded(b"\n".join(lines), path, 1, schema.encoding), path, said, schema)
    if form.counted:
        first, count = _without_count(first, path, said)
    yield from _text_rows(chain([first] if first else [], blocks), path, schema, said, form, count)


def filled_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    """Rows of a file in blocks, as ``table_rows`` gives them, without blank lines.

    Args:
        path: the file.
        schema: its columns.

    Raises:
        ValueError: see ``table_rows``.
    """
    # CSV has its text only where a row is broken or blank: null, which is not "", stays.
    has_text = pl.col("text").str.strip_chars(" ").ne_missing("")
    for rows in table_rows(path, schema):
        yield rows.filter(has_text) if "text" in rows.columns else rows


def _text_rows(
    blocks: Iterator[bytes], path: Path, schema: Schema, said: FileFormat, form: FileFormat, count: int | None
) -> Iterator[pl.DataFrame]:
    """See ``table_rows``.

    Args:
        blocks: of the file, without the line of a count.
        path: the file.
        schema: its columns.
        said: its format, as far as somebody said it.
        form: its format.
        count: of its rows; None: the file has none.
    """
    kind = form.kind_of(path)
    may_have_quotes = said.delimiter is None and said.kind_of(path) == "csv" and form.delimiter == TAB
    if kind == "csv":
        blocks = closed_quotes(blocks, path)
    layout = None
    before = skipped = 0 if count is None else 1
    for block, is_last in _with_last(blocks):
        if layout is None:
            text = decoded(block, path, before + 1, schema.encoding)
            layout = _layout(kind, text, schema, path, form.delimiter or "")
        else:
            text = decoded(block, path, before + 1, schema.encoding)
        if is_last and ends_midline(path, schema.encoding):
            text = text.removesuffix("\n")
        if kind == "csv":
            check_quotes(text, path, before, layout.delimiter)
        elif may_have_quotes:
            refuse_quotes(text, path, before, said)
        rows = PARSERS[kind](text, layout)
        number = pl.col("row").cast(pl.Int64) + before
        described = {"kind": kind, "delimiter": layout.delimiter, "expected": _expected(kind, layout)}
        numbered = rows.with_columns(row=number, **{name: pl.lit(text) for name, text in described.items()})
        # Only the first block has the row of the header.
        yield numbered.filter(pl.col("row") > skipped + 1) if layout.header else numbered
        before += rows.height
    if count is not None and before - skipped != count:
        raise ValueError(
            f"{path}: the first line counts {count} rows, and {before - skipped} follow: is the file whole? "
            "Fetch it again, or correct the first line."
        )


def _without_count(block: bytes, path: Path, said: FileFormat) -> tuple[bytes, int]:
    """The first block without its first line, and the number in that line."""
    start, _, rest = block.partition(b"\n")
    line = decoded(start, path, 1)
    if not COUNT.fullmatch(line):
        raise ValueError(
            f"{path}: the first line is {shortened(line)}, and not the number of rows, as in OpenKE's files. "
            f"If the file has no such line, pass {said.prefix}format=null {said.prefix}delimiter=blanks "
            "data.order=[subject,object,property], or another order."
        )
    return rest, int(line)


def _refuse_parquet(block: bytes, path: Path, said: FileFormat) -> None:
    """Refuse a file that begins as Parquet does and is said to be text."""
    if said.prefix and block.startswith(b"PAR1"):
        raise ValueError(f"{path}: it begins as a Parquet file does. Pass {said.prefix}format=parquet.")


def place_of_row(path: Path, kind: str, row: int) -> str:
    """Where a row is in a file of this kind, for an error: its line where lines are rows."""
    lines_are_rows = kind in ("tsv", "jsonl")
    return f"{'line' if lines_are_rows else 'row'} {row} of {path}"


def _expected(kind: str, layout: Layout) -> str:
    """What a row should be, for an error."""
    if kind == "jsonl":
        return f"a JSON object with {', '.join(layout.places.values())}"
    count = layout.width or "some"
    separator = delimiter_name(layout.delimiter)
    labels = ""
    if layout.votes:
        labels = f" (after the first {layout.votes.start} labels alone, of any number of annotators)"
    return f"{count} {separator}-separated fields{labels}"


def content_of(row: Mapping[str, Any], roles: Collection[str]) -> str:
    """What stands in a row, for an error, and why it cannot be read where the text does not show it.

    Args:
        row: of ``table_rows``, or of a table that is no file.
        roles: of the schema.
    """
    text = row.get("text")
    missing = [role for role in roles if row[role] is None]
    if not text:
        values = shortened({role: row[role] for role in roles})
        return f"{values} (no {', '.join(missing)})" if missing else values
    if row.get("kind") == "tsv":
        return f"{len(fields_of(text, row['delimiter']))}: {shortened(text)}"
    if row.get("kind") == "jsonl":
        return f"{shortened(text)} ({json_fault(text, missing)})"
    return shortened(text)


def _layout(kind: str, text: str, schema: Schema, path: Path, delimiter: str) -> Layout:
    """The layout of a text file, told from its first block."""
    if kind == "jsonl":
        lines = text.split("\n", SNIFFED)[:SNIFFED]
        return _json_layout(lines, schema, path)
    if kind == "tsv":
        first_line = text.partition("\n")[0].removesuffix("\r")
        return schema.layout(fields_of(first_line, delimiter) or [""], path)._replace(delimiter=delimiter)
    try:
        first_row = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(f"row 1 of {path}: {error}.") from error
    layout = schema.layout(first_row or [""], path)._replace(delimiter=delimiter)
    if layout.width:
        return layout
    # Arrow needs a number of fields: that of the first row.
    return layout._replace(width=len(first_row))


def _json_layout(lines: list[str], schema: Schema, path: Path) -> Layout:
    """The layout of a JSONL file, told from the keys of its first lines."""
    objects = [json_object(line) for line in lines]
    if not any(objects):
        raise ValueError(f"{path}: expected a JSON object in each line, the first is {shortened(lines[0])}.")

    keys: dict[str, None] = {}  # each once, in the order of first appearance
    for value in objects:
        keys.update(dict.fromkeys(value))
    columns = schema.named(list(keys), path)

    nested = [name for name in columns.values() if _is_nested(name, objects)]
    if nested:
        raise ValueError(
            f"{path}: {', '.join(nested)}: expected strings or numbers. Name other columns in {schema.key}."
        )
    return Layout(columns, None, nullable=schema.nullable)


def _is_nested(name: str, objects: list[dict[str, Any]]) -> bool:
    """Whether one of the objects holds an object or a list under this name."""
    return any(isinstance(value.get(name), dict | list) for value in objects)


def _parquet_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    """See ``table_rows``; a Parquet file has no text."""
    try:
        file = pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: no readable Parquet file ({reason}).") from error
    with file, progress(f"reading {path.name}", file.metadata.num_rows) as advance:
        types = {field.name: field.type for field in file.schema_arrow}
        columns = schema.named(list(types), path)
        names = list(dict.fromkeys(columns.values()))  # two roles may share a column
        unfit = [f"{name} ({types[name]})" for name in names if not _is_readable(types[name])]
        if unfit:
            raise ValueError(
                f"{path}: {', '.join(unfit)}: expected columns of strings or numbers. "
                f"Name others in {schema.key}."
            )

        roles = {}
        for role, name in columns.items():
            value = _as_text(name, types[name])
            roles[role] = value.fill_null("") if role in schema.nullable else value
        before = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=names):
            rows = pl.from_arrow(batch).select(**roles)
            numbered = rows.with_row_index("row", offset=before + 1)
            yield numbered.with_columns(whole=pl.lit(True), kind=pl.lit("parquet"), expected=pl.lit("a row"))
            before += rows.height
            advance(rows.height)


def _is_readable(kind: pa.DataType) -> bool:
    """Whether a column of a Parquet file can be read as strings."""
    if pa.types.is_dictionary(kind):
        value = kind.value_type
        return _is_readable(value) and not _holds_bytes(value)
    return not (pa.types.is_nested(kind) or pa.types.is_duration(kind))


def _holds_bytes(kind: pa.DataType) -> bool:
    """Whether a column of a Parquet file holds bytes, which may be text."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)


def _as_text(column: str, kind: pa.DataType) -> pl.Expr:
    """A column of a Parquet file as strings; what is no text and no number becomes null, and so a bad row."""
    if _holds_bytes(kind):
        return pl.col(column).map_elements(_text_of_bytes, return_dtype=pl.String)
    if pa.types.is_floating(kind):
        # Whole numbers become fractions in a program that has no other place for a missing one.
        number = pl.col(column).fill_nan(None)
        whole = number.cast(pl.Int64, strict=False)
        is_whole = (whole == number).fill_null(False)
        return pl.when(is_whole).then(whole.cast(pl.String)).otherwise(number.cast(pl.String))
    return pl.col(column).cast(pl.String)


def _text_of_bytes(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def _with_last(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and whether it is the last one."""
    before = next(blocks, None)
    if before is None:
        return
    for block in blocks:
        yield before, False
        before = block
    yield before, True


def closed_quotes(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Blocks that end with a row, though a quoted field may hold line ends.

    A whole row has an even number of quotes, as a quote inside a field is doubled.
    """
    # In parts: joined one by one they would be copied again and again.
    pending: list[bytes] = []
    size = 0  # bytes of all that is pending
    start = 0  # its first byte
    is_open = False
    for block in blocks:
        pending.append(block)
        size += len(block)
        if block.count(b'"') % 2:
            is_open = not is_open
        if not is_open:
            yield b"".join(pending)
            pending = []
            start += size
            size = 0
        elif size > LONGEST_ROW:
            break
    if pending:
        raise ValueError(
            f"{path}: a quoted field is never closed (odd number of quotes in the {size:,} bytes from byte "
            f"{start:,} on). "
            "Double the quotes inside a field (RFC 4180), "
            "or name a file without quoting .tsv and separate its fields by tabs."
        )
