"""The ids behind the numbers of statements: OpenKE's entity2id.txt and LibKGE's entity_ids.del."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from relsym.data.blocks import decoded, line_blocks
from relsym.data.sources.fields import text_lines
from relsym.data.sources.iris import with_plain_ids
from relsym.data.sources.layout import shortened
from relsym.data.sources.separation import COUNT
from relsym.text_encoding import UNSAID, TextEncoding, refuse_lone_returns

LOG = logging.getLogger(__name__)
UNKNOWN_INDEX = "number without an id"
INDEX_SCHEMA = {"index": pl.String, "id": pl.String}
_FIELDS = ("first", "second")  # of a line
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
            column of numbers, or two of them; a number, or an id, that stands there twice.
    """
    if name is None:
        return None
    path = Path(name).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{key}={name}: no such file. Pass {key}=FILE, such as entity2id.txt.")
    lines = _lines(path, encoding)
    # A number before a tab is that of an entity whose id is missing.
    is_counted = COUNT.fullmatch(lines["text"][0]) is not None and "\t" not in lines["text"][0]
    if is_counted:
        count = int(lines["text"][0])
        lines = lines.slice(1)
        if lines.height != count:
            raise ValueError(
                f"{path}: the first line counts {count} lines, and {lines.height} follow: is the file whole? "
                "Fetch it again, or correct the first line."
            )
    fields = _columns_of(lines, path)
    names = ("id", "index") if _index_is_second(fields, is_counted, path) else ("index", "id")
    ids = fields.rename(dict(zip(_FIELDS, names, strict=True))).select(list(INDEX_SCHEMA))
    _refuse_repeated_ids(ids, key, path)
    return ids


def numbered_labels(labels: pl.DataFrame, ids: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Labels by id, where a file gives them by number, as LibKGE's entity_strings.del may do.

    They are by number if all of their entities are numbers of ``ids`` and none is an id there.

    Args:
        labels: entity and label.
        ids: of ``read_index``.
        origin: the labels' file, for the log.
    """
    entities = labels["entity"]
    known, numbers = ids["id"].implode(), ids["index"].implode()
    if not labels.height or entities.is_in(known).any() or not entities.is_in(numbers).all():
        return labels
    LOG.info("%s: its entities are the numbers of data.entity_ids", origin)
    return with_ids(labels, ids, ["entity"])


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
        refuse_lone_returns(block, str(path))
        lines = text_lines(decoded(block, path, before + 1, encoding))
        blocks.append(lines.with_columns(row=pl.col("row").cast(pl.Int64) + before))
        before += lines.height
    lines = pl.concat(blocks).filter(pl.col("text").str.strip_chars() != "") if blocks else pl.DataFrame()
    if not lines.height:
        raise ValueError(f"{path}: the file is empty.")
    return lines


def _columns_of(lines: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The two fields of each line under ``_FIELDS``, and its number in row."""
    text = pl.col("text").str.strip_chars(" \t")
    if not lines["text"].str.contains("\t").any():
        text = text.str.replace_all(" +", "\t")
    fields = lines.with_columns(fields=text.str.split("\t"))
    bad = fields.filter(pl.col("fields").list.len() != 2)
    if bad.height:
        number, line = bad.select("row", "text").row(0)
        raise ValueError(
            f"line {number} of {path}: expected a number and an id, separated by a tab or a blank, got "
            f"{shortened(line)}."
        )
    # Blanks beside the tab are no part of a field.
    columns = {name: pl.col("fields").list.get(i).str.strip_chars() for i, name in enumerate(_FIELDS)}
    return fields.select("row", **columns)


def _index_is_second(fields: pl.DataFrame, is_counted: bool, path: Path) -> bool:
    """Whether the second column holds the numbers."""
    first, second = (fields[name] for name in _FIELDS)
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
    repeating = [name for name in _FIELDS if fields[name].str.contains(_NUMBER).all()]
    if len(repeating) == 1:
        _refuse_repeated_number(fields, repeating[0], path)
    begins = shortened([first[0], second[0]] if len(first) else [])
    raise ValueError(f"{path}: no column of numbers that come once each: the first line is {begins}.")


def _refuse_repeated_number(fields: pl.DataFrame, column: str, path: Path) -> None:
    """Refuse a number that stands twice in the only column of numbers."""
    again = fields.filter(~pl.col(column).is_first_distinct())
    if again.height:
        line, number = again.select("row", column).row(0)
        before = fields.filter(pl.col(column) == number)["row"][0]
        raise ValueError(
            f"line {line} of {path}: the number {number} stands in line {before} too, so that nobody can "
            "tell which id it means. Correct the file."
        )


def _refuse_repeated_ids(ids: pl.DataFrame, key: str, path: Path) -> None:
    """Refuse an id that stands under two numbers: two things would be read as one."""
    plain = with_plain_ids(ids, ["id"])
    repeated = plain.filter(~pl.col("id").is_unique())
    if not repeated.height:
        return
    name = repeated["id"][0]
    numbers = ", ".join(repeated.filter(pl.col("id") == name)["index"].head(3))
    advice = "Correct the file."
    if key == "data.entity_ids":
        advice = f"Are these labels? Then pass them as data.entities={path}, and the file of ids as {key}."
    raise ValueError(
        f"{key}={path}: {repeated['id'].n_unique()} ids stand under several numbers, such as "
        f"{shortened(name)} ({numbers}), and would be read as one. {advice}"
    )


def _are_numbers(values: pl.Series) -> bool:
    """Whether all are numbers, without leading zeros, none twice."""
    return bool(values.str.contains(_NUMBER).all()) and values.is_unique().all()


def _are_in_sequence(values: pl.Series) -> bool:
    """Whether they are 0, 1, 2 ... in any order."""
    return _are_numbers(values) and values.cast(pl.Int64, strict=False).max() == len(values) - 1
