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
from dataclasses import dataclass
from pathlib import Path

from relsym.data.sources.file_format import (
    BLANKS,
    COMMA,
    DELIMITERS,
    NAMED_BY_KIND,
    TAB,
    FileFormat,
    delimiter_name,
    delimiter_setting,
)
from relsym.data.sources.json_lines import json_object
from relsym.data.sources.layout import Schema, shortened

LOG = logging.getLogger(__name__)
LOOKED_AT = 100  # lines
COUNT = re.compile(r"\s*\d+\s*")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?', re.IGNORECASE)
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
    beginning = _Beginning(lines, path, said, named, schema)
    beginning.refuse_other_layouts()
    return named if said.delimiter else beginning.form()


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
    if delimiter == BLANKS:
        return re.split(r"[ \t]+", line.strip(" \t"))
    return line.split(delimiter)


@dataclass(frozen=True)
class _Beginning:
    """The first lines of a text file, and what is to be found in them.

    lines: the first ones.
    path: the file.
    said: its format, as far as somebody said it.
    named: its format by its name.
    schema: the columns that it has to have.
    """

    lines: Sequence[str]
    path: Path
    said: FileFormat
    named: FileFormat
    schema: Schema

    def refuse_other_layouts(self) -> None:
        """Refuse lines that show, whatever separates their fields, that they are of another layout."""
        if json_object(self.lines[0]):
            raise ValueError(f"{self._begins()}, is a JSON object. Pass {self.said.prefix}format=jsonl.")
        line_of_excel = SEPARATOR_LINE.fullmatch(self.lines[0])
        if line_of_excel:
            raise ValueError(
                f"{self._begins()}, tells Excel what stands between the fields, and is no row. Delete that "
                f"line, and pass {self.said.prefix}delimiter={delimiter_setting(line_of_excel[1])}."
            )
        self._refuse_count()
        is_plain = self.schema.width == len(self.schema.standard) and not self.schema.order_key
        if is_plain and self.lines[0].startswith("/a/[/r/"):
            raise ValueError(
                f"{self._begins()}, begins as ConceptNet's assertions do: five columns, separated by tabs. "
                f"Pass {self.said.prefix}format=conceptnet."
            )

    def form(self) -> FileFormat:
        """The format by the name, or the only other one that fits where the first line cannot be of that."""
        rows = self._rows(self.named)
        first = rows[0] if rows else []
        if self.schema.has_names_in(first):
            return self.named
        others = self._others()
        fitting = [other for other in others if self._fits(self._rows(other))]
        if any(other.delimiter == TAB for other in fitting):
            # Of one width by both, the rows are the same.
            fitting = [other for other in fitting if other.delimiter != BLANKS]
        even = [other for other in others if self._is_even(self._rows(other))]

        if len(first) >= self.schema.fewest_fields:
            has_right_width = self.schema.has_right_width(first)
            if has_right_width and self.named.delimiter == COMMA:
                self._refuse_commas([*fitting, *even])
            if not has_right_width:
                self._refuse_even(even)
            return self.named
        if len(fitting) > 1:
            raise ValueError(self._question(fitting))
        if not fitting:
            self._refuse_even(even)
            self._refuse_unlike(others)
            return self.named
        (form,) = fitting
        LOG.warning(
            "%s: the fields are read as %s-separated, as the first lines are, whatever the name says. "
            "%sdelimiter=%s says so, or another.",
            self.path.name,
            delimiter_name(form.delimiter),
            self.said.prefix,
            delimiter_setting(form.delimiter),
        )
        return form

    def _others(self) -> list[FileFormat]:
        """The formats that the file may have in place of the one that its name says."""
        others = []
        for delimiter in DELIMITERS.values():
            # Labels hold blanks, so that these do not separate any, unless somebody says so.
            is_of_labels = delimiter == BLANKS and self.schema.width is None
            if delimiter != self.named.delimiter and not is_of_labels:
                # Quotes enclose fields where there are commas and the like.
                kind = "tsv" if delimiter in (TAB, BLANKS) else "csv"
                others.append(FileFormat(self.said.kind or kind, delimiter, prefix=self.said.prefix))
        return others

    def _rows(self, form: FileFormat) -> list[list[str]]:
        """The rows of the lines; none where they are no CSV."""
        return _rows(self.lines, form)

    def _fits(self, rows: Sequence[Sequence[str]]) -> bool:
        """Whether all rows have one width, and it is right; of labels, aliases may follow."""
        if self.schema.width is None:
            return bool(rows) and min(map(len, rows)) >= self.schema.fewest_fields
        widths = {len(row) for row in rows}
        return len(widths) == 1 and self.schema.has_right_width(rows[0])

    def _is_even(self, rows: Sequence[Sequence[str]]) -> bool:
        """Whether all rows have one width, and it is enough."""
        widths = {len(row) for row in rows}
        return len(widths) == 1 and min(widths) >= self.schema.fewest_fields

    def _refuse_count(self) -> None:
        """Refuse a first line that is a number alone above lines of several fields."""
        if len(self.lines) < 2 or not COUNT.fullmatch(self.lines[0]):
            return
        second = self.lines[1].strip()
        if not _BETWEEN.search(second):
            return
        numbers = f"is a number alone and the second {shortened(second)}"
        begins = f"{self._begins()}, {numbers}: a count, as in OpenKE's files"
        prefix = self.said.prefix
        if self.schema.width is not None:
            raise ValueError(
                f"{begins}, whose columns are head, tail and relation in this order? Then pass "
                f"{prefix}format=openke (and data.order=[...] if their order is another); otherwise correct "
                "the first line."
            )
        # Labels may be missing, so that a number alone can be an id: whoever says the format is believed.
        if not self.said.kind:
            raise ValueError(
                f"{begins} of ids, which hold no labels? Then pass data.entity_ids=FILE in place of it. If "
                f"it is a row like the others, without a label, pass {prefix}format=tsv or csv."
            )

    def _refuse_commas(self, others: Sequence[FileFormat]) -> None:
        """Refuse a file called .csv whose first line has the right commas, if something else may be meant.

        A tab is hardly ever text, a comma may be. Of labels, semicolons and the like stand in many lists of
        aliases.
        """
        rivals = [self.named]
        for other in others:
            may_be_text = other.delimiter != TAB and self.schema.width is None
            if not may_be_text and other.delimiter != BLANKS and other not in rivals:
                rivals.append(other)
        if len(rivals) > 1:
            raise ValueError(self._question(rivals))

    def _refuse_even(self, others: Sequence[FileFormat]) -> None:
        """Refuse a file of another width than expected, if all rows are of one width by another delimiter."""
        for other in others:
            if other.delimiter == BLANKS:
                continue
            width = len(self._rows(other)[0])
            fields = f"{self.schema.fewest_fields} {delimiter_name(self.named.delimiter)}-separated fields"
            raise ValueError(
                f"{self._begins()}, is not of {fields}. Separated otherwise, all rows have {width} fields: "
                f"pass {self._settings([other])}, and {self.schema.key}.ROLE=NAME for columns with names, or "
                "data.order=[...] for columns without."
            )

    def _refuse_unlike(self, others: Sequence[FileFormat]) -> None:
        """Refuse a first line that is separated otherwise than the file's name says, if it shows by what."""
        fitting = [other for other in others if self._fits(_rows(self.lines[:1], other))]
        if fitting:
            raise ValueError(
                f"{self._begins()}, has too few {delimiter_name(self.named.delimiter)}-separated fields, and "
                f"the lines that follow are of several widths by any other delimiter. Say what stands "
                f"between the fields: {self._settings(fitting)}."
            )

    def _question(self, forms: Sequence[FileFormat]) -> str:
        """The message about a file that can be read in several ways."""
        return (
            f"{self.path}: the fields of its rows can be separated in several ways, and the first line, "
            f"{shortened(self.lines[0])}, does not say in which. Pass {self._settings(forms)}."
        )

    def _settings(self, forms: Sequence[FileFormat]) -> str:
        """The settings that say one of these formats."""
        return " or ".join(
            f"{self.said.prefix}delimiter={delimiter_setting(form.delimiter)}" for form in forms
        )

    def _begins(self) -> str:
        """The beginning of a message."""
        return f"{self.path}: the first line, {shortened(self.lines[0].strip())}"


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
