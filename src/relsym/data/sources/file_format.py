"""What is said of a file of rows beside its name: its format, and what stands between its fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from relsym.text_encoding import UNPACKERS

FILE_KINDS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "tsv",
    ".del": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
}
UNREAD_PACKINGS = (".zip", ".xz", ".zst", ".7z", ".rar", ".lz4", ".tar", ".tgz", ".xlsx", ".ods")
TABLE_KINDS = ("csv", "tsv", "jsonl", "parquet")
COMMA, TAB, SEMICOLON, PIPE = ",", "\t", ";", "|"
BLANKS = "blanks"  # any number of spaces and tabs, as one
DELIMITERS = {"comma": COMMA, "tab": TAB, "semicolon": SEMICOLON, "pipe": PIPE, BLANKS: BLANKS}
_SETTINGS = {delimiter: name for name, delimiter in DELIMITERS.items()}
_NAMES = _SETTINGS | {BLANKS: "blank"}
NAMED_BY_KIND = {"csv": COMMA, "tsv": TAB}


class KnownLayout(NamedTuple):
    """A layout of statements that many files share.

    delimiter: what stands between its fields.
    counted: whether its first line is the number of its rows.
    order: the roles of its columns; None: a column that is not read.
    """

    delimiter: str
    counted: bool
    order: tuple[str | None, ...]


LAYOUTS = {
    "openke": KnownLayout(BLANKS, True, ("subject", "object", "property")),
    "conceptnet": KnownLayout(TAB, False, (None, "property", "subject", "object", None)),
}


@dataclass(frozen=True)
class FileFormat:
    """How the fields of a file are told apart, as far as somebody said it.

    Attributes:
        kind: one of ``TABLE_KINDS``; None: the file's name says it.
        delimiter: a character, or ``BLANKS``; None: the name says it, and the first lines where it cannot be.
        counted: whether the first line is the number of rows.
        prefix: what the settings begin with in the configuration, for errors; None: there are none, and the
            name alone counts.
    """

    kind: str | None = None
    delimiter: str | None = None
    counted: bool = False
    prefix: str | None = None

    def kind_of(self, path: Path) -> str:
        """csv, tsv, jsonl or parquet, as said or by the name.

        Raises:
            ValueError: nobody says so, a packing that is not read, or Parquet in a packed file.
        """
        ending = path.suffix.lower()
        is_packed = ending in UNPACKERS
        suffix = path.with_suffix("").suffix.lower() if is_packed else ending
        kind = self.kind or FILE_KINDS.get(suffix)
        if kind is None and suffix in UNREAD_PACKINGS:
            raise ValueError(
                f"{path}: packed ({suffix}), which is not read. Unpack it, or pack it with gzip (.gz) or "
                "bzip2 (.bz2) under a name that says what it is, such as facts.tsv.gz."
            )
        # Parquet packs its own columns: a packed file of it could not be read in parts.
        if kind is None or (kind == "parquet" and is_packed):
            advice = (
                f" Or say what it is: {self.prefix}format={'|'.join(TABLE_KINDS)}." if self.prefix else ""
            )
            raise ValueError(
                f"{path}: no table by its name: expected {', '.join(FILE_KINDS)} "
                f"(text also .gz or .bz2; entities also .json).{advice}"
            )
        return kind


def file_format(prefix: str, name: str | None, delimiter: str | None) -> FileFormat:
    """What the settings ``format`` and ``delimiter`` say.

    Args:
        prefix: what they begin with, such as ``data.``.
        name: of ``TABLE_KINDS`` or ``LAYOUTS``; None: the file's name says it.
        delimiter: a key of ``DELIMITERS`` or one character; None: see ``FileFormat``.

    Raises:
        ValueError: an unknown format or delimiter, or one that does not go with the other.
    """
    if name is not None and name not in (*TABLE_KINDS, *LAYOUTS):
        raise ValueError(f"{prefix}format={name}: expected {', '.join((*TABLE_KINDS, *LAYOUTS))}.")
    between = None if delimiter is None else _delimiter(f"{prefix}delimiter", delimiter)
    layout = LAYOUTS.get(name or "")
    if layout:
        return FileFormat("tsv", between or layout.delimiter, layout.counted, prefix)
    if between is None:
        between = NAMED_BY_KIND.get(name or "")
    elif name in ("jsonl", "parquet") or (name == "csv" and between == BLANKS):
        raise ValueError(
            f"{prefix}delimiter={delimiter} does not go with {prefix}format={name}. Leave one of them out."
        )
    kind = name
    if kind is None and between is not None:
        # Quotes belong to what spreadsheets write; tabs and blanks stand between fields as they are.
        kind = "tsv" if between in (TAB, BLANKS) else "csv"
    return FileFormat(kind, between, prefix=prefix)


def delimiter_name(delimiter: str) -> str:
    """What a delimiter is called in ``3 tab-separated fields``."""
    return _NAMES.get(delimiter, repr(delimiter))


def delimiter_setting(delimiter: str) -> str:
    """What a delimiter is called in the configuration."""
    return _SETTINGS.get(delimiter, delimiter)


def ordered_columns(
    key: str, order: tuple[str | None, ...], roles: tuple[str, ...], required: tuple[str, ...]
) -> Mapping[str, str | int | None]:
    """Role -> position of its column, where all columns of a file are listed.

    Args:
        key: of the setting, for errors.
        order: the roles of the columns, in their order; None: a column that is not read.
        roles: that there are.
        required: those that have to be among them.

    Raises:
        ValueError: a role that is unknown, missing or there twice.
    """
    named = [role for role in order if role is not None]
    unknown = [role for role in named if role not in roles]
    missing = [role for role in required if role not in named]
    if unknown or missing or len(set(named)) < len(named):
        raise ValueError(
            f"{key}={list(order)}: expected each of {', '.join(required)} once, in the order of the file's "
            f"columns, and null for a column that is not read. Known: {', '.join(roles)}."
        )
    positions: dict[str, str | int | None] = {role: order.index(role) for role in named}
    return positions


def _delimiter(key: str, value: str) -> str:
    """The character of a setting, or ``BLANKS``."""
    if value in DELIMITERS:
        return DELIMITERS[value]
    if value == r"\t":
        return TAB
    if len(value) == 1 and not value.isascii():
        raise ValueError(
            f"{key}={value}: expected a character of ASCII. Replace {value} by tabs in the file, for example "
            rf"with: sed 's/{value}/\t/g' FILE > FILE.tsv"
        )
    if len(value) == 1 and not value.isalnum() and value not in "\"'\n\r":
        return value
    raise ValueError(
        f"{key}={value}: expected {', '.join(DELIMITERS)}, or a character that is no letter, digit or quote."
    )
