"""Which columns a table has to have, and where they are in a file: by name, or by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """How the rows of one file are read.

    places: role -> its column's position (CSV, TSV) or name (JSONL).
    width: fields of a row (None: any number).
    header: whether the first row holds the columns' names.
    """

    places: dict[str, Any]
    width: int | None
    header: bool = False


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
    header: whether text begins with column names; None: it does if the first row holds all of the names.
    known: other names of all roles; the first that a file has go before ``columns``.
    """

    key: str
    header_key: str
    columns: dict[str, str | int]
    standard: tuple[str, ...]
    required: tuple[str, ...]
    width: int | None
    header: bool | None
    known: tuple[dict[str, str], ...] = ()

    def named(self, available: Sequence[str], path: Path | str) -> dict[str, str]:
        """The column of each role in a file whose columns have names.

        Args:
            available: the names of the file's columns.
            path: the file, for errors.

        Raises:
            ValueError: a column is not there.
        """
        columns = self.columns
        for names in self.known:
            if set(names.values()) <= set(available):
                columns = names
                break

        missing = {role: name for role, name in columns.items() if name not in available}
        if missing:
            listed = ", ".join(map(str, missing.values()))
            columns_there = shortened(", ".join(available))
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
            return _headed(self.named(first, path), {}, first)

        names: dict[str, str] = {}
        positions: dict[str, int] = {}
        for role, column in self.columns.items():
            if isinstance(column, str):
                names[role] = column
            elif isinstance(column, int):
                positions[role] = column
        self._check_range(positions, first, path)

        present = [name for name in names.values() if name in first]
        has_all_names = bool(names) and len(present) == len(names)
        if self.header or (self.header is None and has_all_names):
            self._check_names(names, first, path)
            return _headed(names, positions, first)

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
        places = {role: self.standard.index(role) for role in names}
        width = len(first) if positions else self.width
        return Layout(places | positions, width)

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


def _headed(names: Mapping[str, str], positions: Mapping[str, int], first: Sequence[str]) -> Layout:
    """The layout of a file whose first row holds these names."""
    places = {role: first.index(name) for role, name in names.items()}
    return Layout(places | dict(positions), len(first), header=True)


def shortened(value: object) -> str:
    """The beginning of a value, for an error."""
    return repr(value)[:80]
