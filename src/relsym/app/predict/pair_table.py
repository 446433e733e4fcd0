"""Tables of pairs that are written again with answers beside what stood in them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from relsym.data.pairs import Row
from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.visible import printable

# The answers to the rows of a part, by the column that they get.
Answers = Mapping[str, Sequence[str | float | bool]]


class Part(NamedTuple):
    """Some rows of a table, one after the other.

    content: what stands there, as the table itself keeps it.
    rows: the pairs in it; ``pair_id`` says where each one stands.
    """

    content: Any
    rows: list[Row]


@dataclass(frozen=True)
class Wanted:
    """Which columns are read and which are added.

    premise, hypothesis: names of the columns with the two texts.
    added: names of the columns that the answers get, in their order.
    """

    premise: str
    hypothesis: str
    added: tuple[str, ...]

    def check(self, names: Sequence[str], where: str) -> None:
        """Refuse a table without the two columns, or with one that is to be added.

        Args:
            names: of the table's columns.
            where: the table, or a row with names of its own, for messages.

        Raises:
            ValueError: with the columns that there are, and the option that names others.
        """
        for key, name in (("premise", self.premise), ("hypothesis", self.hypothesis)):
            if names.count(name) != 1:
                problem = "no column" if name not in names else f"{names.count(name)} columns"
                raise ValueError(
                    f"{where}: {problem} named {printable(name)}, but {_listed(names)}. Pass "
                    f"predict.{key}=NAME of the column with the texts."
                )
        if len(set(self.added)) < len(self.added):
            raise ValueError(f"{where}: two labels of the run are shown alike: {_listed(self.added)}.")
        taken = [name for name in self.added if name in names]
        if taken:
            raise ValueError(
                f"{where}: has a column {_listed(taken)} already, which the answers would get. Pass "
                "predict.prefix=relsym_, or another beginning of their names."
            )


class PairTable(ABC):
    """A file with a premise and a hypothesis in each row.

    Args:
        path: the file.
        wanted: the columns.

    Raises:
        ValueError: it cannot be read as such a table.
    """

    def __init__(self, path: Path, wanted: Wanted) -> None:
        self.path, self.wanted = path, wanted

    @abstractmethod
    def parts(self, rows: int, doing: str) -> Iterator[Part]:
        """The rows in their order, at most so many at a time.

        Args:
            rows: of a part; some may have fewer, or none.
            doing: what is done to the file, for the progress bar.

        Raises:
            ValueError: with the place of a row that cannot be read.
        """

    @abstractmethod
    def write(self, target: Path, answered: Iterable[tuple[Part, Answers]]) -> None:
        """Write the parts with their answers as a file of the same kind."""

    def row(self, place: str, premise: Any, hypothesis: Any) -> Row:
        """The pair of one row.

        Args:
            place: of the row, for messages.
            premise: what its column holds.
            hypothesis: likewise.

        Raises:
            ValueError: one of the two is no text.
        """
        return checked_pair(place, (self.wanted.premise, premise), (self.wanted.hypothesis, hypothesis))


def checked_pair(place: str, premise: tuple[str, Any], hypothesis: tuple[str, Any]) -> Row:
    """A premise and a hypothesis as a row about nothing that is known.

    Args:
        place: where the two stand, for messages.
        premise: what it is called there, and the text.
        hypothesis: likewise.

    Raises:
        ValueError: one of the two is no text.
    """
    for name, text in (premise, hypothesis):
        problem = _problem(text)
        if problem:
            raise ValueError(f"{place}: {printable(name)} {problem}. Correct it, or leave it out.")
    return Row(place, "", "", premise[1], hypothesis[1], "")


def _problem(text: Any) -> str | None:
    """What keeps something from being a text that a model can read; None if nothing does."""
    if not isinstance(text, str):
        return f"is no text, but {printable(repr(text), 60)}"
    if not text.strip():
        return "is empty"
    if "\0" in text:
        return "holds a NUL character"
    if LONE_SURROGATE.search(text):
        return "holds half a pair of surrogates, which is no letter"
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(printable(name) for name in names)
