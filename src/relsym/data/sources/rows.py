"""The rows of a file, block by block: CSV, TSV, JSONL or Parquet."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from relsym.data.blocks import decoded, ends_midline, line_blocks
from relsym.data.progress import progress
from relsym.data.sources.layout import Layout, Schema, Votes, shortened

FILE_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
LONGEST_ROW = 2**28  # bytes
TAB = "\t"
# Python reads half of a pair of them as a character of its own, which is no text.
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_PARQUET_ROWS = 2**20  # rows of a block
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
SNIFFED = 100  # lines whose keys tell the columns of a JSONL file


def table_rows(path: Path, schema: Schema) -> Iterator[pl.DataFrame]:
    """Rows of a file in blocks, each a table of strings.

    Columns: the roles of ``schema``; row (from 1, a header included), whole (each field is what its column
    says), expected (what a row should be), and text where there are lines.

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
    for block, is_last in _with_last(blocks):
        if layout is None:
            text = decoded(block.removeprefix(_BYTE_ORDER_MARK), path, before + 1)
            layout = _layout(kind, text, schema, path)
        else:
            text = decoded(block, path, before + 1)
        if is_last and ends_midline(path):
            text = text.removesuffix("\n")
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
    labels = ""
    if layout.votes:
        labels = f" (after the first {layout.votes.start} labels alone, of any number of annotators)"
    return f"{count} {separator}-separated fields{labels}"


def content_of(row: Mapping[str, Any], roles: Collection[str], kind: str | None) -> str:
    """What stands in a row, for an error, and why it cannot be read where the text does not show it.

    Args:
        row: of ``table_rows``.
        roles: of the schema.
        kind: of the file; None where there is none.
    """
    text = row.get("text")
    missing = [role for role in roles if row[role] is None]
    if not text:
        values = shortened({role: row[role] for role in roles})
        return f"{values} (no {', '.join(missing)})" if missing else values
    if kind == "tsv":
        return f"{text.count(TAB) + 1}: {shortened(text)}"
    if kind == "jsonl":
        return f"{shortened(text)} ({_json_fault(text, missing)})"
    return shortened(text)


def _json_fault(text: str, missing: Sequence[str]) -> str:
    """Why a line of JSONL gave no row, or one in which these roles are missing."""
    value = _json_value(text)
    if value is None:
        return "no JSON"
    if not isinstance(value, dict):
        return "no object"
    lone = LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False))
    if lone:
        return f"\\u{ord(lone[0]):x} is half of a character, a lone surrogate"
    return f"no {', '.join(missing)}" if missing else "a list or an object in place of a text"


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
    return Layout(columns, None, nullable=schema.nullable)


def _object(line: str) -> dict[str, Any]:
    """The JSON object in a line; an empty one if the line is anything else."""
    value = _json_value(line)
    return value if isinstance(value, dict) else {}


def _json_value(line: str) -> Any:
    """The value in a line of JSON; None also if the line is no JSON."""

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    try:
        # Python would read NaN and Infinity, which no other reader takes.
        return json.loads(line, parse_constant=refuse)
    except (ValueError, RecursionError):  # ValueError: also a number of thousands of digits
        return None


def _is_nested(name: str, objects: list[dict[str, Any]]) -> bool:
    """Whether one of the objects holds an object or a list under this name."""
    return any(isinstance(value.get(name), dict | list) for value in objects)


# A parser takes a block of text and its layout. It returns row (from 1 in the block), whole, the roles, and
# text: the line in TSV and JSONL; in CSV, whose rows may be of several lines, that of a row broken or blank.


def _lines(text: str) -> pl.DataFrame:
    """A block's lines: row (from 1 in the block) and text."""
    lines = text.removesuffix("\n").split("\n")
    table = pl.DataFrame({"text": lines}, schema={"text": pl.String})
    table = table.with_columns(pl.col("text").str.strip_suffix("\r"))
    return table.with_row_index("row", offset=1)


def _tsv(text: str, layout: Layout) -> pl.DataFrame:
    rows = _lines(text).with_columns(fields=pl.col("text").str.split(TAB))
    return _with_roles(rows, layout, ends_midline=not text.endswith("\n"))


def _with_roles(rows: pl.DataFrame, layout: Layout, ends_midline: bool) -> pl.DataFrame:
    """Rows with ``fields`` (lists of strings) -> the same with whole and the roles in place of these.

    Args:
        rows: some of a block, in its order.
        layout: where the roles are.
        ends_midline: whether the file ends with the last of these rows, without the end of its line.
    """
    fields = pl.col("fields")
    whole = pl.lit(True)
    if layout.width:
        whole = fields.list.len() == layout.width
    if layout.votes:
        may_be_cut = (pl.int_range(pl.len()) == pl.len() - 1) & ends_midline
        whole = _votes_fit(layout.votes, whole, may_be_cut & (fields.list.len() < layout.width))
    # A row that is too short has null for the fields that it lacks.
    roles = {role: fields.list.get(place, null_on_oob=True) for role, place in layout.places.items()}
    return rows.with_columns(whole=whole, **roles).drop("fields")


def _votes_fit(votes: Votes, has_width: pl.Expr, may_be_cut: pl.Expr) -> pl.Expr:
    """Whether every field of a row can be named, though its number of annotators' labels may be any.

    A tab inside a sentence moves the fields behind it, so that one that is no label stands among the labels;
    a field too few moves a label to where the last of the others should be. Where neither is so, the row has
    the number of annotators that it seems to have.
    """
    fields = pl.col("fields")
    is_label = pl.element().str.strip_chars().str.contains(f"(?i)^(?:{votes.value})$")
    labels = fields.list.slice(votes.start).list.eval(is_label)
    # What the gold label means is looked up later, and refused by name where it is unknown.
    of_annotators = labels.list.slice(0, labels.list.len() - 1) if votes.gold_last else labels
    least = votes.start + 2 if votes.gold_last else votes.start
    before = fields.list.get(votes.start - 1, null_on_oob=True)
    before_is_label = before.str.strip_chars().str.contains(f"(?i)^(?:{votes.value})$")
    is_long_enough = fields.list.len() >= least
    has_other_width = is_long_enough & labels.list.all() & ~before_is_label & ~may_be_cut
    return pl.when(has_width).then(of_annotators.list.all()).otherwise(has_other_width).fill_null(False)


def _jsonl(text: str, layout: Layout) -> pl.DataFrame:
    roles = {}
    for role, name in layout.places.items():
        # JSONPath takes a name in either kind of quotes, but has no escape for a quote inside.
        quoted = f"'{name}'" if '"' in name else f'"{name}"'
        roles[role] = pl.col("text").str.json_path_match(f"$[{quoted}]")
    rows = _lines(text).with_columns(whole=pl.lit(True), **roles)

    # A key that is not there gives null as a null does, and an object or a list gives its JSON as a text does
    # that begins like one. Which of the two it is, the line says.
    names = list(layout.places)
    is_doubtful = pl.any_horizontal(pl.col(names).is_null() | pl.col(names).str.contains(r"^[\[{]"))
    doubtful = rows.filter(is_doubtful)
    if doubtful.is_empty():
        return rows
    settled = [_settled(row, layout) for row in doubtful.iter_rows(named=True)]
    return pl.concat([rows.filter(~is_doubtful), pl.DataFrame(settled, schema=rows.schema)]).sort("row")


def _settled(row: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """The row with an empty string where a role that may be null is, and not whole where one is no text."""
    value = _object(row["text"])
    for role, name in layout.places.items():
        if isinstance(value.get(name), dict | list):
            row["whole"] = False
        if role in layout.nullable and name in value and value[name] is None:
            row[role] = ""
    return row


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
    # Arrow reads a blank line as a row of empty fields; such a row has its text, so that it can be told.
    is_blank = pl.all_horizontal(pl.col(names) == "")
    blank_text = pl.when(is_blank).then(pl.lit("")).otherwise(None)
    if layout.votes:
        sound = fields.select(row=sound_numbers, text=blank_text, fields=pl.concat_list(names))
        split = [_csv_fields(line) for line in broken["text"]]
        broken = broken.with_columns(fields=pl.Series(split, dtype=pl.List(pl.String)))
        rows = pl.concat([sound, broken], how="diagonal_relaxed").sort("row")
        return _with_roles(rows, layout, ends_midline=not text.endswith("\n"))

    roles = {role: pl.col(str(place)) for role, place in layout.places.items()}
    sound = fields.select(row=sound_numbers, whole=pl.lit(True), text=blank_text, **roles)
    broken = broken.with_columns(whole=pl.lit(False))
    return pl.concat([sound, broken], how="diagonal").sort("row")


def _csv_fields(row: str) -> list[str]:
    """The fields of one row of CSV; none of a row that is no CSV by itself."""
    try:
        return next(csv.reader(io.StringIO(row, newline="")), [])
    except csv.Error:
        return []


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

        roles = {}
        for role, name in columns.items():
            value = _as_text(name, types[name])
            roles[role] = value.fill_null("") if role in schema.nullable else value
        before = 0
        for batch in file.iter_batches(batch_size=_PARQUET_ROWS, columns=names):
            rows = pl.from_arrow(batch).select(**roles)
            numbered = rows.with_row_index("row", offset=before + 1)
            yield numbered.with_columns(whole=pl.lit(True), expected=pl.lit("a row"))
            before += rows.height
            advance(rows.height)


def _as_text(column: str, kind: pa.DataType) -> pl.Expr:
    """A column of a Parquet file as strings; bytes that are no text become null, and so a bad row."""
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pl.col(column).map_elements(_text_of_bytes, return_dtype=pl.String)
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
