"""The ids behind the numbers of statements: OpenKE's entity2id.txt and LibKGE's entity_ids.del."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from relsym.data.blocks import decoded, line_blocks
from relsym.data.sources.fields import text_lines
from relsym.data.sources.layout import shortened
from relsym.data.sources.separation import COUNT
from relsym.text_encoding import UNSAID, TextEncoding

UNKNOWN_INDEX = "number without an id"
INDEX_SCHEMA = {"index": pl.String, "id": pl.String}
_NUMBER = r"^(?:0|[1-9]\d*)$"


def read_index(key: str, name: str | Path | None, encoding: TextEncoding = UNSAID) -> pl.DataFrame | None:
    """The numbers of a file and their ids (columns ``INDEX_SCHEMA``); None where there is no file.

    A line has two fields, separated by a tab, or by blanks in files without tabs. Which of them is the number
    follows from all lines: one of the two columns holds 0, 1, 2 ..., or numbers that come once at least. In a
    file that begins with the count of its lines it is the second where both do.

    Args:
        key: of the setting, for errors.
        name: of the file.
        encoding: of its text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line of another number of fields, another number of lines than the file counts, no
            column of numbers, or two of them.
    """
    if name is None:
        return None
    path = Path(name).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{key}={name}: no such file. Pass {key}=FILE, such as entity2id.txt.")
    lines = _lines(path, encoding)
    is_counted = lines.height > 0 and COUNT.fullmatch(lines["text"][0]) is not None
    if is_counted:
        count = int(lines["text"][0])
        lines = lines.slice(1)
        if lines.height != count:
            raise ValueError(
                f"{path}: the first line counts {count} lines, and {lines.height} follow: is the file whole? "
                "Fetch it again, or correct the first line."
            )
    first, second = _columns_of(lines, path)
    names = ("id", "index") if _index_is_second(first, second, is_counted, path) else ("index", "id")
    return pl.DataFrame(dict(zip(names, (first, second), strict=True))).select(list(INDEX_SCHEMA))


def with_ids(rows: pl.DataFrame, ids: pl.DataFrame, roles: Sequence[str]) -> pl.DataFrame:
    """Rows with ids in the place of numbers; null where a number has none.

    Args:
        rows: with a column for each role.
        ids: of ``read_index``.
        roles: the columns of numbers.
    """
    named = rows
    for role in roles:
        of_role = ids.rename({"index": role})
        joined = named.select(role).join(of_role, on=role, how="left", maintain_order="left")
        named = named.with_columns(joined["id"].alias(role))
    return named


def _lines(path: Path, encoding: TextEncoding) -> pl.DataFrame:
    """All lines that are not blank, with their numbers."""
    blocks = []
    before = 0
    for block in line_blocks(path, encoding=encoding):
        lines = text_lines(decoded(block, path, before + 1, encoding))
        blocks.append(lines.with_columns(row=pl.col("row").cast(pl.Int64) + before))
        before += lines.height
    if not blocks:
        raise ValueError(f"{path}: the file is empty.")
    return pl.concat(blocks).filter(pl.col("text").str.strip_chars() != "")


def _columns_of(lines: pl.DataFrame, path: Path) -> tuple[pl.Series, pl.Series]:
    """The two fields of each line."""
    text = pl.col("text").str.strip_chars(" \t")
    if not lines["text"].str.contains("\t").any():
        text = text.str.replace_all(" +", "\t")
    fields = lines.with_columns(fields=text.str.split("\t"))
    bad = fields.filter(pl.col("fields").list.len() != 2)
    if bad.height:
        number, line = bad.row(0)[:2]
        raise ValueError(
            f"line {number} of {path}: expected a number and an id, separated by a tab or a blank, got "
            f"{shortened(line)}."
        )
    return fields["fields"].list.get(0), fields["fields"].list.get(1)


def _index_is_second(first: pl.Series, second: pl.Series, is_counted: bool, path: Path) -> bool:
    """Whether the second column holds the numbers."""
    for are_numbers in (_are_in_sequence, _are_numbers):
        of_first, of_second = are_numbers(first), are_numbers(second)
        if of_first and of_second and is_counted:
            return True
        if of_first and of_second and not first.equals(second):
            raise ValueError(
                f"{path}: both columns hold numbers, each of them once, so that nobody can tell which are "
                "ids. In a file whose first line is the count of the others, the ids come first."
            )
        if of_first or of_second:
            return of_second
    raise ValueError(
        f"{path}: no column of numbers that come once each: the first line is "
        f"{shortened([first[0], second[0]] if len(first) else [])}."
    )


def _are_numbers(values: pl.Series) -> bool:
    """Whether all are numbers, without leading zeros, none twice."""
    return bool(values.str.contains(_NUMBER).all()) and values.is_unique().all()


def _are_in_sequence(values: pl.Series) -> bool:
    """Whether they are 0, 1, 2 ... in any order."""
    return _are_numbers(values) and values.cast(pl.Int64, strict=False).max() == len(values) - 1
