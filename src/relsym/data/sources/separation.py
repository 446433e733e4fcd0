"""What stands between the fields of a text file, where nobody said it: its name says, or its first lines.

A name is believed unless the first line cannot be what it says. Then the first lines are split by every
delimiter: the only one that gives rows of the right width is taken, and told in the log. Two of them are a
question to the user, and so is a first line that is a number alone, a count.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from relsym.data.sources.file_format import (
    BLANKS,
    COMMA,
    DELIMITERS,
    NAMED_BY_KIND,
    TAB,
    FileFormat,
    delimiter_name,
)
from relsym.data.sources.json_lines import json_object
from relsym.data.sources.layout import Schema, shortened

LOG = logging.getLogger(__name__)
LOOKED_AT = 100  # lines
COUNT = re.compile(r"\s*\d+\s*")
_BETWEEN = re.compile(r"[,;|\s]")
QUOTED_FIELD = re.compile(r'(?:^|\t)"', re.MULTILINE)


def separated(text: str, path: Path, said: FileFormat, schema: Schema) -> FileFormat:
    """The format of a text file with a delimiter, which nobody has to have said.

    Args:
        text: the beginning of the file, whole lines.
        path: the file.
        said: what the settings say.
        schema: the columns that the file has to have.

    Raises:
        ValueError: several delimiters, or none, give rows of the right width; a count that nobody spoke of;
            JSON.
    """
    kind = said.kind_of(path)
    named = FileFormat(kind, said.delimiter or NAMED_BY_KIND[kind], said.counted, said.prefix)
    if said.prefix is None or said.counted:
        return named
    lines = text.split("\n", LOOKED_AT)[:LOOKED_AT]
    _refuse_count(lines, path, said, schema)
    _refuse_json(lines[0], path, said)
    _refuse_conceptnet(lines[0], path, said, schema)
    if said.delimiter:
        return named

    rows = _rows(lines, named)
    first = rows[0] if rows else []
    if schema.has_names_in(first):
        return named
    others = [_with(said, delimiter) for delimiter in _alternatives(named, schema)]
    fitting = [other for other in others if _fits(_rows(lines, other), schema)]
    if any(other.delimiter == TAB for other in fitting):
        # Of one width by both, the rows are the same.
        fitting = [other for other in fitting if other.delimiter != BLANKS]
    even = [other for other in others if _is_even(_rows(lines, other), schema)]
    if len(first) >= schema.fewest_fields:
        _refuse_commas(lines, path, said, named, [*fitting, *even], schema)
        if not schema.has_right_width(first):
            _refuse_even(lines, path, said, named, even, schema)
        return named
    if len(fitting) > 1:
        raise ValueError(_question(lines[0], path, said, fitting))
    if not fitting:
        _refuse_even(lines, path, said, named, even, schema)
        of_first = [other for other in others if _fits(_rows(lines[:1], other), schema)]
        _refuse_unlike(lines[0], path, said, named, of_first)
        return named
    (form,) = fitting
    LOG.warning(
        "%s: the fields are read as %s-separated, as the first lines are, whatever the name says. "
        "%sdelimiter=%s says so, or another.",
        path.name,
        delimiter_name(form.delimiter),
        said.prefix,
        _setting(form.delimiter),
    )
    return form


def refuse_quotes(text: str, path: Path, before: int, said: FileFormat) -> None:
    """Refuse a field in quotes where tabs were found under a name that says CSV.

    Whether such quotes are a part of the field, nobody said.

    Args:
        text: a block of the file.
        path: the file.
        before: its rows before this block.
        said: what the settings say.

    Raises:
        ValueError: with the line.
    """
    quote = QUOTED_FIELD.search(text)
    if quote:
        line = before + 1 + text.count("\n", 0, quote.end())
        raise ValueError(
            f"line {line} of {path}: the fields are separated by tabs, and one begins with a quote. If "
            f"quotes enclose fields, pass {said.prefix}format=csv {said.prefix}delimiter=tab; if they are "
            f"text, pass {said.prefix}format=tsv."
        )


def fields_of(line: str, delimiter: str) -> list[str]:
    """The fields of a line without quoting."""
    return re.split(r"[ \t]+", line.strip(" \t")) if delimiter == BLANKS else line.split(delimiter)


def _with(said: FileFormat, delimiter: str) -> FileFormat:
    """The format with another delimiter than the name says; quotes enclose fields where there are commas."""
    kind = said.kind or ("tsv" if delimiter in (TAB, BLANKS) else "csv")
    return FileFormat(kind, delimiter, prefix=said.prefix)


def _alternatives(named: FileFormat, schema: Schema) -> list[str]:
    """The delimiters that a file may have in place of the one that its name says.

    Labels hold blanks, so that these do not separate any, unless somebody says so.
    """
    return [
        delimiter
        for delimiter in DELIMITERS.values()
        if delimiter != named.delimiter and not (delimiter == BLANKS and schema.width is None)
    ]


def _refuse_commas(
    lines: Sequence[str],
    path: Path,
    said: FileFormat,
    named: FileFormat,
    others: Sequence[FileFormat],
    schema: Schema,
) -> None:
    """Refuse a file called .csv whose first line has enough commas, if something else may be meant.

    A tab is hardly ever text, a comma may be. Of labels, semicolons and the like stand in many lists of
    aliases.
    """
    if named.delimiter != COMMA:
        return
    rivals = []
    for other in others:
        may_be_text = other.delimiter == BLANKS or (other.delimiter != TAB and schema.width is None)
        if not may_be_text and other not in rivals:
            rivals.append(other)
    if rivals and schema.has_right_width(_rows(lines, named)[0]):
        raise ValueError(_question(lines[0], path, said, [named, *rivals]))


def _rows(lines: Sequence[str], form: FileFormat) -> list[list[str]]:
    """The rows of some lines; none where they are no CSV."""
    if form.kind == "tsv":
        texts = [line.removesuffix("\r") for line in lines]
        return [fields_of(text, form.delimiter) for text in texts if text.strip()]
    text = io.StringIO("\n".join(lines), newline="")
    try:
        rows = [row for row in csv.reader(text, delimiter=form.delimiter) if row]
    except csv.Error:
        return []
    # The last line may be the beginning of a row of several.
    return rows[:-1] if len(lines) == LOOKED_AT else rows


def _fits(rows: Sequence[Sequence[str]], schema: Schema) -> bool:
    """Whether all rows have one width, and it is right."""
    widths = {len(row) for row in rows}
    if schema.width is None:
        return bool(rows) and min(widths) >= schema.fewest_fields
    return len(widths) == 1 and schema.has_right_width(rows[0])


def _is_even(rows: Sequence[Sequence[str]], schema: Schema) -> bool:
    """Whether all rows have one width, and it is enough."""
    widths = {len(row) for row in rows}
    return len(widths) == 1 and min(widths) >= schema.fewest_fields


def _refuse_count(lines: Sequence[str], path: Path, said: FileFormat, schema: Schema) -> None:
    """Refuse a first line that is a number alone above lines of several fields."""
    if len(lines) < 2 or not COUNT.fullmatch(lines[0]) or not _BETWEEN.search(lines[1].strip()):
        return
    begins = (
        f"{path}: the first line, {shortened(lines[0].strip())}, is a number alone and the second "
        f"{shortened(lines[1].strip())}: a count, as in OpenKE's files"
    )
    if schema.width is not None:
        raise ValueError(
            f"{begins}, whose columns are head, tail and relation in this order? Then pass "
            f"{said.prefix}format=openke (and data.order=[...] if their order is another); otherwise correct "
            "the first line."
        )
    # Labels may be missing, so that a number alone can be an id: whoever says the format is believed.
    if not said.kind:
        raise ValueError(
            f"{begins} of ids, which hold no labels? Then pass data.entity_ids=FILE in place of it. If it is "
            f"a row like the others, without a label, pass {said.prefix}format=tsv or csv."
        )


def _refuse_unlike(
    line: str, path: Path, said: FileFormat, named: FileFormat, fitting: Sequence[FileFormat]
) -> None:
    """Refuse a first line that is separated otherwise than the file's name says, if it shows by what."""
    if fitting:
        settings = " or ".join(f"{said.prefix}delimiter={_setting(form.delimiter)}" for form in fitting)
        raise ValueError(
            f"{path}: the first line, {shortened(line)}, has too few {delimiter_name(named.delimiter)}-"
            f"separated fields, and the lines that follow are of several widths by any other delimiter. "
            f"Say what stands between the fields: {settings}."
        )


def _refuse_json(line: str, path: Path, said: FileFormat) -> None:
    """Refuse JSONL that is said to be something else."""
    if json_object(line):
        raise ValueError(
            f"{path}: the first line, {shortened(line)}, is a JSON object. Pass {said.prefix}format=jsonl."
        )


def _refuse_conceptnet(line: str, path: Path, said: FileFormat, schema: Schema) -> None:
    """Refuse ConceptNet's assertions where nobody said which of their five columns is which."""
    if line.startswith("/a/[/r/") and schema.width == len(schema.standard) and not schema.order_key:
        raise ValueError(
            f"{path}: the first line, {shortened(line)}, begins as ConceptNet's assertions do: five columns, "
            f"separated by tabs. Pass {said.prefix}format=conceptnet."
        )


def _refuse_even(
    lines: Sequence[str],
    path: Path,
    said: FileFormat,
    named: FileFormat,
    even: Sequence[FileFormat],
    schema: Schema,
) -> None:
    """Refuse a file of another width than expected, whose rows are all of one width by another delimiter."""
    for other in even:
        if other.delimiter != BLANKS:
            width = len(_rows(lines, other)[0])
            raise ValueError(
                f"{path}: the first line, {shortened(lines[0])}, is not of {schema.fewest_fields} "
                f"{delimiter_name(named.delimiter)}-separated fields. Separated otherwise, all rows have "
                f"{width} fields: pass {said.prefix}delimiter={_setting(other.delimiter)}, and "
                f"{schema.key}.ROLE=NAME for columns with names, or data.order=[...] for columns without."
            )


def _question(line: str, path: Path, said: FileFormat, forms: Sequence[FileFormat]) -> str:
    """The message about a file that can be read in several ways."""
    settings = " or ".join(f"{said.prefix}delimiter={_setting(form.delimiter)}" for form in forms)
    return (
        f"{path}: the fields of its rows can be separated in several ways, and the first line, "
        f"{shortened(line)}, does not say in which. Pass {settings}."
    )


def _setting(delimiter: str) -> str:
    """What a delimiter is called in the configuration."""
    return next(name for name, value in DELIMITERS.items() if value == delimiter)
