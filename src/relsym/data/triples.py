"""What every source of triples returns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import polars as pl

ENTITY_ID = re.compile(r"Q[1-9]\d*")
PROPERTY_ID = re.compile(r"P[1-9]\d*")
TRIPLE_SCHEMA = {"subject": pl.String, "property": pl.String, "object": pl.String}
DETAIL_SCHEMA = {**TRIPLE_SCHEMA, "rank": pl.String, "qualifiers": pl.UInt32}
LABEL_SCHEMA = {"entity": pl.String, "label": pl.String}
CC0 = "CC0-1.0"


class Triple(NamedTuple):
    """One statement, by the ids of its parts: in Wikidata Q-ids of entities and the P-id of a property."""

    subject: str
    property: str
    object: str


@dataclass(frozen=True)
class TripleSource:
    """What a reader returns.

    ``read == len(triples) + dropped.total()``: no statement is lost without a reason.

    Attributes:
        triples: statements of the chosen properties (columns ``TRIPLE_SCHEMA``), in the source's order.
        labels: one row per entity that has a label (columns ``LABEL_SCHEMA``); may hold more entities than
            the triples name.
        read: statements read.
        dropped: how many of them are not in ``triples``, by reason ("other property", "bad row" ...).
        origin: where it comes from, in one line, without paths of this machine.
        licence: SPDX id of the data's licence.
        notes: further counts worth printing.
        labelled: False if the source has no labels by its nature, so that ids stand in for them.
        named_by_ids: whether the labels are made of the ids, so that one that equals its id is no fault, and
            rows with ids would name the entities too.
        language: of the labels.
        wikidata: whether the statements are read from Wikidata, whose biases they have then.
        other_properties: values that stood in the place of a property and are none of the chosen ones, with
            the number of their statements; empty where a reader does not see them.
        made_up: whether the statements are made up, so that other data do not hold them.
    """

    triples: pl.DataFrame
    labels: pl.DataFrame
    read: int
    dropped: Counter[str]
    origin: str
    licence: str = CC0
    notes: Counter[str] = field(default_factory=Counter)
    labelled: bool = True
    language: str = "en"
    wikidata: bool = True
    other_properties: Counter[str] = field(default_factory=Counter)
    named_by_ids: bool = False
    made_up: bool = False

    def __post_init__(self) -> None:
        # A fault of the reader, not of its data: hence no ValueError with advice.
        accounted_for = self.triples.height + self.dropped.total()
        if self.read != accounted_for:
            raise AssertionError(
                f"{self.origin}: {self.read} statements read, but {accounted_for} kept or dropped for a "
                "reason."
            )


@dataclass(frozen=True)
class StatementDetails:
    """What a source says of statements beside their three parts.

    Attributes:
        statements: a row for each statement of the properties that were asked for, those included that
            ``TripleSource.triples`` leaves out for their rank, and those that say that there is no value, or
            an unknown one, whose object is null (columns ``DETAIL_SCHEMA``).
        exceptions: of each property whose own page has a symmetric constraint, the items that it leaves out.
        items: those among the named ones that have a page in the source.
    """

    statements: pl.DataFrame
    exceptions: dict[str, frozenset[str]]
    items: frozenset[str]


@runtime_checkable
class TripleReader(Protocol):
    """What every source offers."""

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of these properties and the labels of their entities."""


@runtime_checkable
class DetailedReader(TripleReader, Protocol):
    """A source that knows ranks, qualifiers and exceptions too."""

    def read_detailed(
        self, properties: Collection[str], detailed: Collection[str]
    ) -> tuple[TripleSource, StatementDetails]:
        """As ``read``, with the details of some of the properties.

        Raises:
            ValueError: this file has none, or is not whole.
        """


def triple_frame(triples: Iterable[tuple[str, str, str]]) -> pl.DataFrame:
    """The table of statements (columns ``TRIPLE_SCHEMA``) of tuples (subject, property, object)."""
    return pl.DataFrame(list(triples), schema=TRIPLE_SCHEMA, orient="row")


def label_frame(labels: dict[str, str]) -> pl.DataFrame:
    """The table of labels (columns ``LABEL_SCHEMA``) of a mapping entity id -> label."""
    columns = {"entity": list(labels.keys()), "label": list(labels.values())}
    return pl.DataFrame(columns, schema=LABEL_SCHEMA)


class BadRows:
    """What becomes of rows that cannot be read, as ``data.on_bad_row`` says.

    Args:
        on_bad_row: "error" (the first one ends the command) or "skip" (they are dropped and counted).
        key: what the setting is called in the configuration, for errors.
    """

    def __init__(self, on_bad_row: str, key: str = "data.on_bad_row") -> None:
        check_choice(key, on_bad_row, ("error", "skip"))
        self.skip = on_bad_row == "skip"
        self.key = key

    def settle(
        self, number: int, first: Callable[[], str], counts: Counter[str], reason: str = "bad row"
    ) -> None:
        """Count some bad rows under ``reason``, or refuse the first of them.

        Args:
            number: how many there are; there may be none.
            first: says where the first one is, what was expected there, and what came instead.
            counts: counts by reason.

        Raises:
            ValueError: there are some, and they are not skipped.
        """
        if number and not self.skip:
            raise ValueError(f"{first()}. Pass {self.key}=skip to drop and count such rows.")
        counts[reason] += number


def skips_bad_rows(on_bad_row: str) -> bool:
    """What ``data.on_bad_row`` says: drop and count bad rows, or stop at the first."""
    check_choice("data.on_bad_row", on_bad_row, ("error", "skip"))
    return on_bad_row == "skip"


def entities_of(triples: pl.DataFrame) -> pl.Series:
    """The entities that statements name, as a column ``entity``, in the order of first appearance."""
    subjects = triples["subject"].alias("entity")
    objects = triples["object"].alias("entity")
    return pl.concat([subjects, objects]).unique(maintain_order=True)


def check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    """Refuse an unknown word in the configuration.

    Raises:
        ValueError: naming the key and the words it may have.
    """
    if value not in choices:
        raise ValueError(f"{key}={value}: expected {' or '.join(choices)}.")
