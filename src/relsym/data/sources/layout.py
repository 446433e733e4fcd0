"""Which columns a table has to have, and where they are in a file: by name, or by position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Layout(NamedTuple):
    """How the rows of one file are read. places: position or name of each role's column; width: fields of a
    row (None: any number).
    """

    places: dict[str, Any]
    width: int | None
    header: bool = False


@dataclass(frozen=True)
class Schema:
    """Which columns a file has to have.

    key, header_key: their names in the configuration; without a header_key, text always begins with column
    names. columns: role -> name, or position counted from 0.  known: other names of all roles; the first that
    a file has go before ``columns``. standard: the roles in the order of a file that is read by position;
    each bears its own name unless mapped. width: fields of such a file (None: at least one).  required: roles
    that no row leaves empty.
    """

    key: str
    header_key: str
    columns: dict[str, str | int]
    standard: tuple[str, ...]
    required: tuple[str, ...]
    width: int | None
    header: bool | None
    known: tuple[dict[str, str], ...] = ()

    def named(self, found: Sequence[str], path: Path | str) -> dict[str, str]:
        """The column of each role in a file whose columns have names."""
        columns = next((names for names in self.known if set(names.values()) <= set(found)), self.columns)
        if missing := {role: name for role, name in columns.items() if name not in found}:
            raise ValueError(
                f"{path}: no column {', '.join(map(str, missing.values()))}: the file has "
                f"{shortened(', '.join(found))}. Name its columns "
                f"with {' '.join(f'{self.key}.{role}=NAME' for role in missing)}."
            )
        return dict(columns)

    def layout(self, first: Sequence[str], path: Path) -> Layout:
        """How to read a CSV or TSV file whose first row is ``first``.

        Raises:
            ValueError: it neither holds the mapped names nor can be read by position.
        """
        if not self.header_key:
            return Layout(
                {role: first.index(name) for role, name in self.named(first, path).items()},
                len(first),
                header=True,
            )
        names = {role: name for role, name in self.columns.items() if isinstance(name, str)}
        numbers = {role: place for role, place in self.columns.items() if isinstance(place, int)}
        if far := [
            f"{self.key}.{role}={place}" for role, place in numbers.items() if not 0 <= place < len(first)
        ]:
            raise ValueError(
                f"{path}: {', '.join(far)}: counted from 0, the first row has {len(first)} fields: "
                f"{shortened(first)}."
            )
        known = [name for name in names.values() if name in first]
        if self.header or (self.header is None and names and len(known) == len(names)):
            self._check_names(names, first, path)
            return Layout(
                {role: first.index(name) for role, name in names.items()} | numbers, len(first), header=True
            )
        self._check_positions(names, path)
        mapped = any(role not in self.standard or role != name for role, name in names.items())
        if self.header is None and names and (known or mapped or self.width not in (None, len(first))):
            self._check_names(names, first, path)
        return Layout(
            {role: self.standard.index(role) for role in names} | numbers,
            len(first) if numbers else self.width,
        )

    def _check_names(self, names: dict[str, str], first: Sequence[str], path: Path) -> None:
        if missing := {role: name for role, name in names.items() if name not in first}:
            raise ValueError(
                f"{path}: no column {', '.join(missing.values())}: the first row is {shortened(first)}. If "
                "these are column names, pass "
                f"{' '.join(f'{self.key}.{role}=NAME' for role in missing)}; if the file has no header, pass "
                f"{self.header_key}=false, and "
                f"positions from 0 as {self.key} unless its columns are {', '.join(self.standard)}."
            )

    def _check_positions(self, names: dict[str, str], path: Path) -> None:
        if self.header is False and (
            own := [
                f"{self.key}.{role}={name}"
                for role, name in names.items()
                if role not in self.standard or role != name
            ]
        ):
            raise ValueError(
                f"{path} is read by position ({self.header_key}=false), but a name is given: "
                f"{', '.join(own)}. "
                "Pass positions, counted from 0."
            )


def shortened(value: object) -> str:
    """The beginning of what came, for an error."""
    return repr(value)[:80]
