"""The rows of a file, block by block: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from relsym.data.blocks import decoded, line_blocks
from relsym.data.progress import progress
from relsym.data.sources.layout import Layout, Schema, shortened

FILE_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
LONGEST_ROW = 2**28  # bytes
_PARQUET_ROWS = 2**20  # rows of a block
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SNIFFED = 100  # lines whose keys tell the columns of a JSONL file


def table_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    """Rows of a file in blocks, each a table of strings.

    Columns: the roles of ``schema``; row (from 1, a header included), whole (has the right number of fields),
    expected (what a row should be), and text where there are lines.

    Raises:
        ValueError: an empty or damaged file, text that is not UTF-8, columns that are not there.
    """
    kind = file_kind(path)
    if kind == "parquet":
        yield from _parquet_rows(path, schema)
        return

    blocks = line_blocks(path)
    if kind == "csv":
        blocks = _closed_quotes(blocks, path)
    layout = None
    before = 0
    for block in blocks:
        if layout is None:
            text = decoded(block.removeprefix(_BYTE_ORDER_MARK), path, before + 1)
            layout = _layout(kind, text, schema, path)
        else:
            text = decoded(block, path, before + 1)
        rows = PARSERS[kind](text, layout)
        number = pl.col("row").cast(pl.Int64) + before
        numbered = rows.with_columns(row=number, expected=pl.lit(_expected(kind, layout)))
        # Only the first block has a row 1.
        yield numbered.filter(pl.col("row") > 1) if layout.header else numbered
        before += rows.height
    if layout is None:
        raise ValueError(f"{path}: the file is empty.")


def file_kind(path: Path) -> str:
    """csv, tsv, jsonl or parquet, by the name.

    Raises:
        ValueError: the name tells none of them.
    """
    is_packed = path.suffix in (".gz", ".bz2")
    suffix = path.with_suffix("").suffix if is_packed else path.suffix
    kind = FILE_KINDS.get(suffix)
    # Parquet packs its own columns: a packed file of it could not be read in parts.
    if kind is None or (kind == "parquet" and is_packed):
        raise ValueError(
            f"{path}: no table by its name: expected {', '.join(FILE_KINDS)} "
            "(text also .gz or .bz2; entities also .json)."
        )
    return kind


def place_of_row(path: Path, row: int) -> str:
    """Where a row is, for an error: its line where lines are rows."""
    lines_are_rows = file_kind(path) in ("tsv", "jsonl")
    return f"{'line' if lines_are_rows else 'row'} {row} of {path}"


def _expected(kind: str, layout: Layout) -> str:
    """What a row should be, for an error."""
    if kind == "jsonl":
        return f"a JSON object with {', '.join(layout.places.values())}"
    count = layout.width or "some"
    separator = "tab" if kind == "tsv" else "comma"
    return f"{count} {separator}-separated fields"


def _layout(kind: str, text: str, schema: Schema, path: Path) -> Layout:
    """The layout of a text file, told from its first block."""
    if kind == "jsonl":
        lines = text.split("\n", SNIFFED)[:SNIFFED]
        return _json_layout(lines, schema, path)
    if kind == "tsv":
        first_line = text.partition("\n")[0].removesuffix("\r")
        return schema.layout(first_line.split("\t"), path)
    first_row = next(csv.reader(io.StringIO(text, newline="")))
    layout = schema.layout(first_row or [""], path)
    if layout.width:
        return layout
    # Arrow needs a number of fields: that of the first row.
    return layout._replace(width=len(first_row))


def _json_layout(lines: list[str], schema: Schema, path: Path) -> Layout:
    """The layout of a JSONL file, told from the keys of its first lines."""
    objects = [_object(line) for line in lines]
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
    return Layout(columns, None)


def _object(line: str) -> dict[str, Any]:
    """The JSON object in a line; an empty one if the line is anything else."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_nested(name: str, objects: list[dict[str, Any]]) -> bool:
    """Whether one of the objects holds an object or a list under this name."""
    return any(isinstance(value.get(name), dict | list) for value in objects)


# A parser takes a block of text and its layout. It returns row (from 1 in the block), whole, the roles, and
# text: the line in TSV and JSONL; in CSV, whose rows may be of several lines, only that of a broken row.


def _lines(text: str) -> pl.DataFrame:
    """A block's lines: row (from 1 in the block) and text."""
    lines = text.removesuffix("\n").split("\n")
    table = pl.DataFrame({"text": lines}, schema={"text": pl.String})
    table = table.with_columns(pl.col("text").str.strip_suffix("\r"))
    return table.with_row_index("row", offset=1)


def _tsv(text: str, layout: Layout) -> pl.DataFrame:
    fields = pl.col("text").str.split("\t")
    whole = pl.lit(True)
    if layout.width:
        whole = fields.list.len() == layout.width
    # A row that is too short has null for the fields that it lacks.
    roles = {role: fields.list.get(place, null_on_oob=True) for role, place in layout.places.items()}
    return _lines(text).with_columns(whole=whole, **roles)


def _jsonl(text: str, layout: Layout) -> pl.DataFrame:
    roles = {}
    for role, name in layout.places.items():
        # JSONPath takes a name in either kind of quotes, but has no escape for a quote inside.
        quoted = f"'{name}'" if '"' in name else f'"{name}"'
        roles[role] = pl.col("text").str.json_path_match(f"$[{quoted}]")
    return _lines(text).with_columns(whole=pl.lit(True), **roles)


def _csv(text: str, layout: Layout) -> pl.DataFrame:
    data = text.encode()
    names = [str(place) for place in range(layout.width)]
    broken_rows = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        broken_rows.append(row)
        return "skip"

    table = pa.csv.read_csv(
        pa.BufferReader(data),
        # Without threads, or Arrow would not know the number of a broken row; the text is one block already.
        pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=set_aside),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    fields = pl.from_arrow(table)
    broken = pl.DataFrame(
        [(row.number, row.text) for row in broken_rows],
        schema={"row": pl.Int64, "text": pl.String},
        orient="row",
    )

    # Arrow numbers the broken rows only; the sound ones have the numbers that are left, in order.
    height = fields.height + broken.height
    numbers = pl.int_range(1, height + 1, eager=True)
    is_broken = numbers.is_in(broken["row"].to_list())
    sound_numbers = numbers.filter(~is_broken)
    roles = {role: pl.col(str(place)) for role, place in layout.places.items()}
    sound = fields.select(row=sound_numbers, whole=pl.lit(True), **roles)
    broken = broken.with_columns(whole=pl.lit(False))
    return pl.concat([sound, broken], how="diagonal").sort("row")


PARSERS: dict[str, Callable[[str, Layout], pl.DataFrame]] = {"tsv": _tsv, "jsonl": _jsonl, "csv": _csv}


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
        nested = []
        for name in columns.values():
            if pa.types.is_nested(types[name]):
                nested.append(f"{name} ({types[name]})")
        if nested:
            raise ValueError(
                f"{path}: {', '.join(nested)}: expected columns of strings or numbers. "
                f"Name others in {schema.key}."
            )

        roles = {role: pl.col(name).cast(pl.String) for role, name in columns.items()}
        before = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=names):
            rows = pl.from_arrow(batch).select(**roles)
            numbered = rows.with_row_index("row", offset=before + 1)
            yield numbered.with_columns(whole=pl.lit(True), expected=pl.lit("a row"))
            before += rows.height
            advance(rows.height)


def _closed_quotes(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Blocks that end with a row, though a quoted field may hold line ends.

    A whole row has an even number of quotes, as a quote inside a field is doubled.
    """
    pending = b""
    is_open = False
    for block in blocks:
        pending += block
        if block.count(b'"') % 2:
            is_open = not is_open
        if not is_open:
            yield pending
            pending = b""
        elif len(pending) > LONGEST_ROW:
            break
    if pending:
        raise ValueError(
            f"{path}: a quoted field is never closed (odd number of quotes). "
            "Double the quotes inside a field (RFC 4180), "
            "or name a file without quoting .tsv and separate its fields by tabs."
        )
