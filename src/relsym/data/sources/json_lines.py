"""Blocks of JSONL as tables, and what is wrong with a line that gives no row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import polars as pl

from relsym.data.sources.fields import text_lines
from relsym.data.sources.layout import Layout

# Python reads half of a pair of them as a character of its own, which is no text.
_REWRITTEN_NUMBER = r"^-?\d+\.\d|^-?\d+(?:\.\d+)?e|^-?\d{15}"
LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def json_rows(text: str, layout: Layout) -> pl.DataFrame:
    """The parser of JSONL, as those in ``fields``; a row's text is its line."""
    roles = {}
    for role, name in layout.places.items():
        # JSONPath takes a name in either kind of quotes, but has no escape for a quote inside.
        quoted = f"'{name}'" if '"' in name else f'"{name}"'
        roles[role] = pl.col("text").str.json_path_match(f"$[{quoted}]")
    rows = text_lines(text).with_columns(whole=pl.lit(True), **roles)

    # A key that is not there gives null as a null does, and an object or a list gives its JSON as a text does
    # that begins like one. Which of the two it is, the line says; and whether a key stands in it twice.
    names = list(layout.places)
    is_doubtful = pl.any_horizontal(pl.col(names).is_null() | pl.col(names).str.contains(r"^[\[{]"))
    for name in layout.places.values():
        is_doubtful = is_doubtful | (pl.col("text").str.count_matches(rf'"{re.escape(name)}"\s*:') > 1)
    # A number comes out as JSONPath takes it: 1e5 as 100000.0, and without the last of many digits.
    is_doubtful = is_doubtful | pl.any_horizontal(pl.col(names).str.contains(_REWRITTEN_NUMBER))
    doubtful = rows.filter(is_doubtful)
    if doubtful.is_empty():
        return rows
    settled = [_settled(row, layout) for row in doubtful.iter_rows(named=True)]
    settled_rows = pl.DataFrame(settled, schema=rows.schema)
    return pl.concat([rows.filter(~is_doubtful), settled_rows]).sort("row")


def _settled(row: dict[str, Any], layout: Layout) -> dict[str, Any]:
    """The row with an empty string where a role that may be null is, and not whole where one is no text."""
    value = _object_with_numbers(row["text"])
    if not value:  # no object, or one with a key twice
        row["whole"] = False
    for role, name in layout.places.items():
        if isinstance(value.get(name), dict | list):
            row["whole"] = False
        if isinstance(value.get(name), _Number):
            row[role] = value[name]
        if role in layout.nullable and name in value and value[name] is None:
            row[role] = ""
    return row


class _Number(str):
    """A number as it is written."""


def _object_with_numbers(line: str) -> dict[str, Any]:
    """As ``json_object``, with each number as a ``_Number``."""
    try:
        value = parsed_json(line, _Number, _Number)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def json_object(line: str) -> dict[str, Any]:
    """The JSON object in a line; an empty one if the line is anything else."""
    value = _json_value(line)
    return value if isinstance(value, dict) else {}


class RepeatedKey(ValueError):
    """An object holds a key twice."""


def _json_value(line: str) -> Any:
    """The value in a line of JSON; None also if the line is no JSON, or holds a key twice."""
    try:
        return parsed_json(line)
    except (ValueError, RecursionError):  # ValueError: also a number of thousands of digits
        return None


def parsed_json(
    line: str, parse_int: Callable[[str], Any] = int, parse_float: Callable[[str], Any] = float
) -> Any:
    """The value in a line of JSON. Raises ValueError, of keys that stand twice RepeatedKey.

    Args:
        line: of a file.
        parse_int, parse_float: make values of the texts of numbers.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no JSON")

    # Python would read NaN and Infinity, which no other reader takes, and the last of two equal keys.
    return json.loads(
        line,
        parse_constant=refuse,
        parse_int=parse_int,
        parse_float=parse_float,
        object_pairs_hook=_object_of,
    )


def _object_of(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; a key that stands in it twice does not say which value is meant."""
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise RepeatedKey(f"the key {repeated} twice")
    return value


def json_fault(text: str, missing: Sequence[str]) -> str:
    """Why a line of JSONL gave no row, or one in which these roles are missing."""
    try:
        value = parsed_json(text)
    except RepeatedKey as error:
        return str(error)
    except (ValueError, RecursionError):
        return "no JSON"
    if not isinstance(value, dict):
        return "no object"
    lone = LONE_SURROGATE.search(json.dumps(value, ensure_ascii=False))
    if lone:
        return f"\\u{ord(lone[0]):x} is half of a character, a lone surrogate"
    return f"no {', '.join(missing)}" if missing else "a list or an object in place of a text"
