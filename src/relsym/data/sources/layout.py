"""Which columns a table has to have, and where they are in a file: by name, or by position."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from relsym.data.sources.column_names import read_like_column_names
from relsym.text_encoding import UNSAID, TextEncoding

LONGEST_LIST = 600  # characters of the columns that a file has, among which one is looked for


@dataclass(frozen=True)
class Annotators:
    """Columns at a row's end of which there may be more or fewer than the header names: the annotators'.

    column: pattern of their names.
    kinds: patterns of what stands in them; all labels of a row are of one kind, that of the row itself too.
    gold: the one column that may follow them.
    """

    column: str
    kinds: tuple[str, ...]
    gold: str


class Votes(NamedTuple):
    """Where a file's rows hold the labels of their annotators, however many these are.

    start: position of the first one; from there on every field is a label.
    kinds: patterns of labels; see ``Annotators``.
    gold: position of the row's own label in the header; None: the file has none.
    gold_last: whether the last label is no annotator's but that of the row.
    """

    start: int
    kinds: tuple[str, ...]
    gold: int | None
    gold_last: bool


class Layout(NamedTuple):
    """How the rows of one file are read.

    places: role -> its column's position (CSV, TSV; -1: the last) or name (JSONL).
    width: fields of a row (None: any number).
    header: whether the first row holds the columns' names.
    nullable: roles that may be null, which is read as an empty string.
    votes: the annotators' labels, where a row may have more or fewer than ``width`` says.
    delimiter: what stands between the fields of text; see ``FileFormat``.
    """

    places: dict[str, Any]
    width: int | None
    header: bool = False
    nullable: tuple[str, ...] = ()
    votes: Votes | None = None
    delimiter: str = ""


@dataclass(frozen=True)
class Schema:
    """Which columns a file has to have.

    key, header_key: their names in the configuration; without a header_key, text always begins with column
        names.
    columns: role -> name, or position counted from 0.
    standard: the roles in the order of a file that is read by position; each bears its own name unless
        mapped.
    required: roles that no row leaves empty.
    width: fields of a file that is read by position (None: at least one).
    header: whether text begins with column names; None: it does if the first row holds all of the names, and
        a first row that reads like other names is refused.
    known: other names of all roles; the first that a file has go before ``columns``.
    nullable: roles that may be null where columns have types or keys; null is then an empty string.
    annotators: columns of which a row may have more or fewer than the header names.
    order_key: the setting that lists all columns in their order, so that ``width`` is theirs; None: there is
        no such list.
    encoding: of a file of text.
    """

    key: str
    header_key: str
    columns: dict[str, str | int]
    standard: tuple[str, ...]
    required: tuple[str, ...]
    width: int | None
    header: bool | None
    known: tuple[dict[str, str], ...] = ()
    nullable: tuple[str, ...] = ()
    annotators: Annotators | None = None
    order_key: str | None = None

    @property
    def fewest_fields(self) -> int:
        """How many fields a row has at least that can be read by position."""
        if self.width is None:
            return len(self.columns)
        positions = [column for column in self.columns.values() if isinstance(column, int)]
        return max([self.width, *(position + 1 for position in positions)])

    def has_names_in(self, first: Sequence[str]) -> bool:
        """Whether the first row holds all names of columns that are looked for."""
        names = [column for column in self.columns.values() if isinstance(column, str)]
        return bool(names) and all(name in first for name in names)

    def has_right_width(self, first: Sequence[str]) -> bool:
        """Whether a file with this first row has as many columns as it is to have, as far as one can say."""
        if self.has_names_in(first):
            return True
        are_positions = any(isinstance(column, int) for column in self.columns.values())
        if self.width is None or (are_positions and not self.order_key):
            return len(first) >= self.fewest_fields
        return len(first) == self.fewest_fields

    encoding: TextEncoding = UNSAID

    def named(self, available: Sequence[str], path: Path | str) -> dict[str, str]:
        """The column of each role in a file whose columns have names.

        Args:
            available: the names of the file's columns.
            path: the file, for errors.

        Raises:
            ValueError: a column is not there, or is there twice.
        """

        def absent(names: Mapping[str, Any]) -> int:
            return sum(name not in available for name in names.values())

        complete = [names for names in self.known if not absent(names)]
        # Where none is complete, those that lack the fewest are what the file most likely was to have.
        columns = complete[0] if complete else min([self.columns, *self.known], key=absent)
        self._check_unique(columns.values(), available, path)
        if self.order_key and any(isinstance(column, int) for column in columns.values()):
            raise ValueError(
                f"{path}: its columns have names, {shortened(', '.join(available))}, so that their order "
                f"says nothing. Leave {self.order_key} out, and pass {self._advice(self.standard)} where "
                "they are called otherwise."
            )
        missing = {role: name for role, name in columns.items() if name not in available}
        if missing:
            listed = ", ".join(map(str, missing.values()))
            columns_there = shortened(", ".join(available), LONGEST_LIST)
            raise ValueError(
                f"{path}: no column {listed}: the file has {columns_there}. "
                f"Name its columns with {self._advice(missing)}."
            )
        return dict(columns)

    def layout(self, first: Sequence[str], path: Path) -> Layout:
        """How to read a CSV or TSV file whose first row is ``first``.

        Raises:
            ValueError: it neither holds the mapped names nor can be read by position.
        """
        if not self.header_key:
            return self._headed(self.named(first, path), {}, first)

        names: dict[str, str] = {}
        positions: dict[str, int] = {}
        for role, column in self.columns.items():
            if isinstance(column, str):
                names[role] = column
            elif isinstance(column, int):
                positions[role] = column
        if self.order_key and len(first) != self.width:
            raise ValueError(
                f"{path}: {self.order_key} has {self.width} columns, the first row {len(first)}: "
                f"{shortened(list(first))}."
            )
        self._check_range(positions, first, path)

        present = [name for name in names.values() if name in first]
        has_all_names = bool(names) and len(present) == len(names)
        if self.header or (self.header is None and has_all_names):
            self._check_names(names, first, path)
            self._check_unique(names.values(), first, path)
            return self._headed(names, positions, first)

        chosen = self._chosen(names)
        if self.header is False and chosen:
            raise ValueError(
                f"{path} is read by position ({self.header_key}=false), "
                f"but a name is given: {', '.join(chosen)}. "
                "Pass positions, counted from 0."
            )
        # The user does not say whether there is a header, and not all names are there. So the file is read by
        # position, unless a misspelt name is more likely than no header: where some of the names are there,
        # where the user chose names, or where a row has another number of fields.
        has_other_width = self.width not in (None, len(first))
        if self.header is None and names and (present or chosen or has_other_width):
            self._check_names(names, first, path)
        places = {role: self.standard.index(role) for role in names} | positions
        if self.header is None:
            self._check_no_names(places, first, path)
        width = len(first) if positions else self.width
        return Layout(places, width)

    def _headed(self, names: Mapping[str, str], positions: Mapping[str, int], first: Sequence[str]) -> Layout:
        """The layout of a file whose first row holds these names."""
        places = {role: first.index(name) for role, name in names.items()} | dict(positions)
        votes = self._votes(places, first)
        last = len(first) - 1
        if votes and votes.gold_last:
            # Counted from the end, since the number of fields before it may be any.
            places = {role: -1 if place == last else place for role, place in places.items()}
        return Layout(places, len(first), header=True, nullable=self.nullable, votes=votes)

    def _votes(self, places: Mapping[str, int], first: Sequence[str]) -> Votes | None:
        """The annotators' labels; None where a field of a ragged row could not be named with certainty.

        They have to be a row's last columns, but for the gold label, and no role's column may be among them.
        """
        if self.annotators is None:
            return None
        columns = [place for place, name in enumerate(first) if re.fullmatch(self.annotators.column, name)]
        if not columns:
            return None
        start = columns[0]
        end = start + len(columns)
        is_one_stretch = columns == list(range(start, end))
        following = list(first[end:])
        gold_last = following == [self.annotators.gold]
        is_at_end = gold_last or not following
        # The gold label is found from the end of a row, all other roles from its beginning.
        from_beginning = [place for place in places.values() if not (gold_last and place == end)]
        are_before = max(from_beginning) < start
        if is_one_stretch and is_at_end and are_before:
            gold = first.index(self.annotators.gold) if self.annotators.gold in first else None
            return Votes(start, self.annotators.kinds, gold, gold_last)
        return None

    def _check_unique(self, names: Iterable[Any], available: Sequence[str], path: Path | str) -> None:
        """Refuse a name that two columns of a file bear, since it does not say which is meant."""
        times = Counter(available)
        repeated = sorted({name for name in names if times[name] > 1})
        if repeated:
            raise ValueError(
                f"{path}: several columns are called {', '.join(repeated)}, so that it is not clear which is "
                f"meant. Rename all but one, or name another in {self.key}."
            )

    def _check_no_names(self, places: Mapping[str, int], first: Sequence[str], path: Path) -> None:
        """Refuse a first row that reads like column names, which would count as a statement."""
        # A field that is not there is found when the row is read.
        fields = {role: first[places[role]] for role in self.standard if places[role] < len(first)}
        if len(fields) < len(self.standard) or not read_like_column_names(fields):
            return
        named = " ".join(f"{self.key}.{role}={field}" for role, field in fields.items())
        # What lists all columns says where they are, with names above them or without.
        settings = f"{self.header_key}=true" + ("" if self.order_key else f" {named}")
        raise ValueError(
            f"{path}: the first row, {shortened(list(first))}, reads like column names. "
            f"If it holds them, pass {settings}; "
            f"if it is a row like the others, pass {self.header_key}=false."
        )

    def _check_range(self, positions: Mapping[str, int], first: Sequence[str], path: Path) -> None:
        """Refuse positions beyond the first row."""
        beyond = []
        for role, position in positions.items():
            if not 0 <= position < len(first):
                beyond.append(f"{self.key}.{role}={position}")
        if beyond:
            raise ValueError(
                f"{path}: {', '.join(beyond)}: counted from 0, the first row has {len(first)} fields: "
                f"{shortened(first)}."
            )

    def _check_names(self, names: Mapping[str, str], first: Sequence[str], path: Path) -> None:
        """Refuse a first row that lacks one of these names."""
        missing = {role: name for role, name in names.items() if name not in first}
        if missing:
            listed = ", ".join(missing.values())
            advice = self._advice(missing)
            standard = ", ".join(self.standard)
            raise ValueError(
                f"{path}: no column {listed}: the first row is {shortened(first)}. "
                f"If these are column names, pass {advice}; "
                f"if the file has no header, pass {self.header_key}=false, "
                f"and positions from 0 as {self.key} unless its columns are {standard}."
            )

    def _chosen(self, names: Mapping[str, str]) -> list[str]:
        """Those names that the user chose, as settings.

        They are other than their role's, or of a role that is not standard.
        """
        settings = []
        for role, name in names.items():
            if role not in self.standard or role != name:
                settings.append(f"{self.key}.{role}={name}")
        return settings

    def _advice(self, roles: Iterable[str]) -> str:
        """The settings that name the columns of these roles."""
        return " ".join(f"{self.key}.{role}=NAME" for role in roles)


def shortened(value: object, length: int = 80) -> str:
    """The beginning of a value, for an error."""
    return repr(value)[:length]
