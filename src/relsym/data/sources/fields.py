"""Blocks of TSV and CSV as tables: which field of a row is what, also where rows differ in their number.

A parser takes a block of text and its layout. It returns row (from 1 in the block), whole, the roles, and
text: in TSV the line; in CSV, whose rows may be of several lines, that of a row which is broken or blank.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.csv

from relsym.data.blocks import LONGEST_LINE
from relsym.data.sources.file_format import BLANKS, COMMA, TAB
from relsym.data.sources.layout import Layout, Votes

csv.field_size_limit(LONGEST_LINE)  # Python's own limit is 128 KiB


def text_lines(text: str) -> pl.DataFrame:
    """A block's lines: row (from 1 in the block) and text."""
    lines = text.removesuffix("\n").split("\n")
    table = pl.DataFrame({"text": lines}, schema={"text": pl.String})
    table = table.with_columns(pl.col("text").str.strip_suffix("\r"))
    return table.with_row_index("row", offset=1)


def tsv_rows(text: str, layout: Layout) -> pl.DataFrame:
    """The parser of lines without quoting."""
    line = pl.col("text")
    if layout.delimiter == BLANKS:
        fields = line.str.strip_chars(" \t").str.replace_all(r"[ \t]+", TAB).str.split(TAB)
    else:
        fields = line.str.split(layout.delimiter or TAB)
    rows = text_lines(text).with_columns(fields=fields)
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
    the number of annotators that it seems to have. Its labels are of one kind (words, letters, numbers),
    since a sentence may be a number or the word "none"; labels that were not given are empty, at the end.

    Args:
        votes: where the labels are.
        has_width: whether a row has as many fields as the header.
        may_be_cut: whether a row may lack its end.
    """
    fields = pl.col("fields")
    any_kind = "|".join(votes.kinds)
    end = fields.list.len() - 1 if votes.gold_last else fields.list.len()
    labels = fields.list.slice(votes.start, end - votes.start).list.join(TAB)
    if votes.gold_last:
        gold = fields.list.last()
    else:
        gold = pl.lit("") if votes.gold is None else fields.list.get(votes.gold, null_on_oob=True)
    # In a row of the header's width the place of the row's own label is certain. What it means is looked up
    # later, where an unknown word is refused by its name.
    is_unknown = ~_matches(gold, any_kind) & has_width
    fits = pl.lit(False)
    for kind in votes.kinds:
        are_labels = labels.str.contains(rf"(?i)^(?:[^\S\t]*(?:{kind})[^\S\t]*(?:\t|$))*\s*$")
        fits = fits | (are_labels & (_matches(gold, f"{kind}|") | is_unknown))

    least = votes.start + 2 if votes.gold_last else votes.start
    is_long_enough = fields.list.len() >= least
    last_of_others = fields.list.get(votes.start - 1, null_on_oob=True)
    is_moved = _matches(last_of_others, f"{any_kind}|")
    fits_ragged = is_long_enough & ~is_moved & ~may_be_cut
    return (fits & (has_width | fits_ragged)).fill_null(False)


def _matches(field: pl.Expr, pattern: str) -> pl.Expr:
    """Whether a whole field fits a pattern, white space around it and capitals aside."""
    return field.str.strip_chars().str.contains(f"(?i)^(?:{pattern})$")


def check_quotes(text: str, path: Path, before: int, delimiter: str = COMMA) -> None:
    """Refuse a block of CSV with text behind a closing quote.

    Such a quote was perhaps not meant to open a field, or to close it: where this row ends and what belongs
    to the next one, nobody can tell, and Arrow would make one row of both.

    Args:
        text: the block.
        path: the file.
        before: rows of the file before this block.
        delimiter: what stands between its fields.

    Raises:
        ValueError: with the row's number.
    """
    if '"' not in text:
        return
    rows = before
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True):
            rows += 1
    except csv.Error as error:
        raise ValueError(
            f"row {rows + 1} of {path}: a quote is not closed where its field ends ({error}). Double the "
            "quotes inside a field and quote the whole of it (RFC 4180), or name a file without quoting .tsv "
            "and separate its fields by tabs."
        ) from error


def csv_rows(text: str, layout: Layout) -> pl.DataFrame:
    """The parser of CSV."""
    names = [str(place) for place in range(layout.width)]
    delimiter = layout.delimiter or COMMA
    fields, broken = _arrow_fields(text, names, delimiter)
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
        broken_fields = [_csv_fields(row, delimiter) for row in broken["text"]]
        broken = broken.with_columns(fields=pl.Series(broken_fields, dtype=pl.List(pl.String)))
        rows = pl.concat([sound, broken], how="diagonal_relaxed").sort("row")
        return _with_roles(rows, layout, ends_midline=not text.endswith("\n"))
    roles = {role: pl.col(str(place)) for role, place in layout.places.items()}
    sound = fields.select(row=sound_numbers, whole=pl.lit(True), text=blank_text, **roles)
    broken = broken.with_columns(whole=pl.lit(False))
    return pl.concat([sound, broken], how="diagonal").sort("row")


def _arrow_fields(text: str, names: list[str], delimiter: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that have a field for each name, under these, and row and text of the others."""
    data = text.encode()
    broken_rows = []

    def set_aside(row: pa.csv.InvalidRow) -> str:
        broken_rows.append((row.number, row.text))
        return "skip"

    table = pa.csv.read_csv(
        pa.BufferReader(data),
        # Without threads, or Arrow would not know the number of a broken row; the text is one block already.
        pa.csv.ReadOptions(use_threads=False, column_names=names, block_size=len(data) + 1),
        pa.csv.ParseOptions(
            delimiter=delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=set_aside,
        ),
        pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
    )
    schema = {"row": pl.Int64, "text": pl.String}
    broken = pl.DataFrame(broken_rows, schema=schema, orient="row")
    return pl.from_arrow(table), broken


def _csv_fields(row: str, delimiter: str) -> list[str]:
    """The fields of one row of CSV; none of a row that is no CSV by itself."""
    try:
        return next(csv.reader(io.StringIO(row, newline=""), delimiter=delimiter), [])
    except csv.Error:
        return []
