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
SNIFFED = 100  # lines whose keys tell the columns of a JSONL file


def table_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    """Rows of a file in blocks: the roles of ``schema``, row (from 1, a header included), whole (has the
    right number of fields), expected (what a row should be), and text where there are lines.

    Raises:
        ValueError: an empty or damaged file, text that is not UTF-8, columns that are not there.
    """
    if (kind := file_kind(path)) == "parquet":
        yield from _parquet_rows(path, schema)
        return
    before, layout = 0, None
    for block in _closed_quotes(line_blocks(path), path) if kind == "csv" else line_blocks(path):
        text = decoded(block if layout else block.removeprefix(b"\xef\xbb\xbf"), path, before + 1)
        layout = layout or _layout(kind, text, schema, path)
        rows = PARSERS[kind](text, layout)
        numbered = rows.with_columns(
            row=pl.col("row").cast(pl.Int64) + before, expected=pl.lit(_expected(kind, layout))
        )
        yield numbered.filter(pl.col("row") > 1) if layout.header else numbered
        before += rows.height
    if layout is None:
        raise ValueError(f"{path}: the file is empty.")


def file_kind(path: Path) -> str:
    """csv, tsv, jsonl or parquet, by the name."""
    suffix = path.with_suffix("").suffix if path.suffix in (".gz", ".bz2") else path.suffix
    if suffix not in FILE_KINDS or (FILE_KINDS[suffix] == "parquet" and suffix != path.suffix):
        raise ValueError(
            f"{path}: no table by its name: expected {', '.join(FILE_KINDS)} (text also .gz or "
            ".bz2; entities also .json)."
        )
    return FILE_KINDS[suffix]


def place_of_row(path: Path, row: int) -> str:
    """Where a row is, for an error: its line where lines are rows."""
    return f"{'line' if file_kind(path) in ('tsv', 'jsonl') else 'row'} {row} of {path}"


def _expected(kind: str, layout: Layout) -> str:
    if kind == "jsonl":
        return f"a JSON object with {', '.join(layout.places.values())}"
    return f"{layout.width or 'some'} {'tab' if kind == 'tsv' else 'comma'}-separated fields"


def _layout(kind: str, text: str, schema: Schema, path: Path) -> Layout:
    if kind == "jsonl":
        return _json_layout(text.split("\n", SNIFFED)[:SNIFFED], schema, path)
    if kind == "tsv":
        return schema.layout(text.partition("\n")[0].removesuffix("\r").split("\t"), path)
    layout = schema.layout(next(csv.reader(io.StringIO(text, newline=""))) or [""], path)
    return (
        layout
        if layout.width
        else layout._replace(width=len(next(csv.reader(io.StringIO(text, newline="")))))
    )


def _json_layout(lines: list[str], schema: Schema, path: Path) -> Layout:
    objects = [_object(line) for line in lines]
    if not any(objects):
        raise ValueError(f"{path}: expected a JSON object in each line, the first is {shortened(lines[0])}.")
    columns = schema.named(list(dict.fromkeys(key for value in objects for key in value)), path)
    if nested := [
        name
        for name in columns.values()
        if any(isinstance(value.get(name), dict | list) for value in objects)
    ]:
        raise ValueError(
            f"{path}: {', '.join(nested)}: expected strings or numbers. Name other columns in {schema.key}."
        )
    return Layout(columns, None)


def _object(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _lines(text: str) -> pl.DataFrame:
    lines = pl.DataFrame({"text": text.removesuffix("\n").split("\n")}, schema={"text": pl.String})
    return lines.with_columns(pl.col("text").str.strip_suffix("\r")).with_row_index("row", offset=1)


def _tsv(text: str, layout: Layout) -> pl.DataFrame:
    fields = pl.col("text").str.split("\t")
    whole = fields.list.len() == layout.width if layout.width else pl.lit(True)
    return _lines(text).with_columns(
        whole=whole, **{role: fields.list.get(i, null_on_oob=True) for role, i in layout.places.items()}
    )


def _jsonl(text: str, layout: Layout) -> pl.DataFrame:
    quoted = {role: f"'{name}'" if '"' in name else f'"{name}"' for role, name in layout.places.items()}
    values = {role: pl.col("text").str.json_path_match(f"$[{name}]") for role, name in quoted.items()}
    return _lines(text).with_columns(whole=pl.lit(True), **values)


def _csv(text: str, layout: Layout) -> pl.DataFrame:
    names, odd, data = [str(i) for i in range(layout.width)], [], text.encode()
    table = pa.csv.read_csv(
        pa.BufferReader(data),
        pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        pa.csv.ParseOptions(
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=lambda row: odd.append(row) or "skip",
        ),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    fields = pl.from_arrow(table)
    broken = pl.DataFrame(
        {"row": [r.number for r in odd], "text": [r.text for r in odd]},
        schema={"row": pl.Int64, "text": pl.String},
    )
    numbers = pl.int_range(1, fields.height + broken.height + 1, eager=True)
    sound = fields.select(
        row=numbers.filter(~numbers.is_in(broken["row"].to_list())),
        whole=pl.lit(True),
        **{role: pl.col(str(i)) for role, i in layout.places.items()},
    )
    return pl.concat([sound, broken.with_columns(whole=pl.lit(False))], how="diagonal").sort("row")


PARSERS: dict[str, Callable[[str, Layout], pl.DataFrame]] = {"tsv": _tsv, "jsonl": _jsonl, "csv": _csv}


def _parquet_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    try:
        file = pa.parquet.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"{path}: no readable Parquet file ({str(error).splitlines()[0]}).") from error
    with file, progress(f"reading {path.name}", file.metadata.num_rows) as advance:
        types = {field.name: field.type for field in file.schema_arrow}
        columns = schema.named(list(types), path)
        if nested := [
            f"{name} ({types[name]})" for name in columns.values() if pa.types.is_nested(types[name])
        ]:
            raise ValueError(
                f"{path}: {', '.join(nested)}: expected columns of strings or numbers. Name others in "
                f"{schema.key}."
            )
        before = 0
        for batch in file.iter_batches(batch_size=2**20, columns=list(dict.fromkeys(columns.values()))):
            rows = pl.from_arrow(batch).select(
                **{role: pl.col(name).cast(pl.String) for role, name in columns.items()}
            )
            yield rows.with_row_index("row", offset=before + 1).with_columns(
                whole=pl.lit(True), expected=pl.lit("a row")
            )
            before += rows.height
            advance(rows.height)


def _closed_quotes(blocks: Iterator[bytes], path: Path) -> Iterator[bytes]:
    """Blocks that end with a row, though a quoted field may hold line ends: a whole row has an even number of
    quotes.
    """
    pending, odd = b"", 0
    for block in blocks:
        pending, odd = pending + block, odd ^ block.count(b'"') % 2
        if not odd:
            yield pending
            pending = b""
        elif len(pending) > LONGEST_ROW:
            break
    if pending:
        raise ValueError(
            f"{path}: a quoted field is never closed (odd number of quotes). Double the quotes inside a "
            "field (RFC 4180), or "
            "name a file without quoting .tsv and separate its fields by tabs."
        )
