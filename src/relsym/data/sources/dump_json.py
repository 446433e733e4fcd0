"""Wikidata's JSON dump: ``[``, an entity a line, each but the last with a comma behind it, ``]``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any, Literal, final

import msgspec
import polars as pl
from msgspec import Struct, defstruct

from relsym.data.sources.dump_lines import Dump, ItemSet, Statements
from relsym.data.sources.json_lines import json_fault
from relsym.data.triples import DETAIL_SCHEMA, ENTITY_ID, LABEL_SCHEMA, TRIPLE_SCHEMA

# How an entity's line starts in every dump of the last years. A line that starts otherwise is parsed.
USUAL_ID = r'^\s*\{\s*"type"\s*:\s*"[a-z]+"\s*,\s*"id"\s*:\s*"([A-Z]\d+)"'
# A merged item, which has neither statements nor labels: not in Wikimedia's dumps, but in some others.
REDIRECT = re.compile(rb'\s*\{\s*"entity"\s*:\s*"[A-Z]\d+"\s*,\s*"redirect"\s*:\s*"[A-Z]\d+"\s*\}\s*,?\s*')
_WITHOUT_VALUE = {"novalue": "no value", "somevalue": "some value"}

# What a property's own page says: its constraints, which of them says that it is symmetric, and the qualifier
# that names exceptions.
CONSTRAINT, SYMMETRIC_CONSTRAINT, EXCEPTION = "P2302", "Q21510862", "P2303"

# The structs name only the fields that are read: msgspec passes over all others, qualifiers and references
# among them. gc=False spares the garbage collector millions of objects that cannot form a cycle.


class EntityValue(Struct, rename="kebab", gc=False):
    """The value of a snak that names an entity. Dumps from before 2017 have no id."""

    id: str | None = None
    entity_type: str | None = None
    numeric_id: int | None = None

    def item(self) -> str | None:
        """The Q-id; None for what is no item."""
        if self.id is not None:
            return self.id if ENTITY_ID.fullmatch(self.id) else None
        if self.entity_type == "item" and self.numeric_id is not None:
            return f"Q{self.numeric_id}"
        return None


class DataValue(Struct, gc=False):
    """The datavalue of a snak: an entity, a date, a text ..."""

    value: EntityValue | str | bool | int | float | list | None = None


class Snak(Struct, gc=False):
    """A value, or the statement that there is none or that it is unknown."""

    snaktype: Literal["value", "novalue", "somevalue"]
    datavalue: DataValue | None = None


class Statement(Struct, gc=False):
    """One statement: its value and its rank."""

    mainsnak: Snak
    rank: Literal["preferred", "normal", "deprecated"]


class DetailedStatement(Statement, gc=False):
    """A statement with its qualifiers: by property, a list of values. PHP writes an empty map as ``[]``."""

    qualifiers: dict[str, tuple[Snak, ...]] | list | None = None

    def number_of_qualifiers(self) -> int:
        """Values, over all properties of qualifiers."""
        if not isinstance(self.qualifiers, dict):
            return 0
        return sum(len(snaks) for snaks in self.qualifiers.values())


class Label(Struct, gc=False):
    """An entity's label in one language."""

    value: str


@final
class JsonDump(Dump):
    """``latest-all.json``: a line is searched for a chosen property's id in quotes, and parsed if it has one.

    A line passed over is not proven to be JSON. (A property's id spelt with ``\\u`` escapes would be missed;
    no serialiser does that.)
    """

    ENTITY_LINE = r"^\s*\{"
    OTHER_LINE = r"^\s*[\[\]]?\s*$"
    OPENING, CLOSING = r"^\s*\[\s*$", r"^\s*\]\s*$"
    EXPECTED = "an entity as JSON on a line of its own, or the bracket before or after them all"

    def statements(self, properties: Collection[str]) -> Statements:
        """First pass; statements are dropped for the reasons of ``drop_reason``, and as "bad row"."""
        return self._statements(properties, entity_with_claims(properties), lambda entities: entities)

    def detailed_statements(
        self, properties: Collection[str], detailed: Collection[str]
    ) -> tuple[Statements, pl.DataFrame, dict[str, frozenset[str]]]:
        """First pass, with the ranks and qualifiers of some properties, which take longer to read.

        Returns:
            The statements, their details (columns ``DETAIL_SCHEMA``), and the exceptions of constraints.
        """
        noted = _Details(detailed)
        entity = entity_with_claims([*properties, CONSTRAINT], DetailedStatement)
        statements = self._statements(properties, entity, noted.noting)
        exceptions = {property: frozenset(items) for property, items in noted.exceptions.items()}
        return statements, pl.concat(noted.tables), exceptions

    def _statements(
        self,
        properties: Collection[str],
        entity: type[Struct],
        through: Callable[[Iterator[Any]], Iterator[Any]],
    ) -> Statements:
        """The statements in entities of this type, which pass through something on the way."""
        decoder = msgspec.json.Decoder(entity)
        needles = [f'"{property}"' for property in properties]
        dropped: Counter[str] = Counter()
        triples = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        for table in self.tables():
            candidates = table.filter(pl.col("line").str.contains_any(needles))
            entities = through(self._decode(candidates, decoder))
            triples.append(_kept_claims(entities, properties, dropped))
        dropped["bad row"] = len(self.bad_rows)
        return Statements(pl.concat(triples), +dropped)

    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: parse the lines of these items, and those whose start does not tell their id."""
        decoder = msgspec.json.Decoder(entity_with_labels(languages))
        wanted = ItemSet(entities)
        labels = [pl.DataFrame(schema=LABEL_SCHEMA)]
        for table in self.tables():
            ids = table["line"].str.extract(USUAL_ID)
            candidates = table.filter(wanted.holds(ids) | ids.is_null())

            rows = []
            for entity in self._decode(candidates, decoder):
                self.met.add(entity.id)
                label = first_label(entity, languages)
                if label is not None:
                    rows.append((entity.id, label))

            # Once more by id: a line whose start did not tell it may be another entity's.
            labelled = pl.DataFrame(rows, schema=LABEL_SCHEMA, orient="row")
            labels.append(labelled.filter(wanted.holds(labelled["entity"])))
        return pl.concat(labels)

    def _decode(self, table: pl.DataFrame, decoder: msgspec.json.Decoder) -> Iterator[Any]:
        """The entities of these lines; a line that is no such JSON is a bad row."""
        # As bytes, which msgspec reads as they are; a string would become bytes again, line by line.
        encoded = table.with_columns(pl.col("line").cast(pl.Binary))
        for number, line in encoded.iter_rows():
            try:
                yield decoder.decode(line.rstrip().removesuffix(b","))
            except (msgspec.DecodeError, RecursionError) as error:
                if not REDIRECT.fullmatch(line):
                    self.bad_row(number, line, _fault(line, error))


def _fault(line: bytes, error: Exception) -> str:
    """Why a line cannot be read; of half of a character msgspec says that the line is truncated."""
    fault = json_fault(line.decode().rstrip().removesuffix(","), ())
    return fault if "lone surrogate" in fault else str(error)


def _kept_claims(entities: Iterator[Any], properties: Collection[str], dropped: Counter[str]) -> pl.DataFrame:
    """The statements to keep; the others are counted in ``dropped`` by reason."""
    triples = []
    for entity in entities:
        for subject, property, object, reason in read_claims(entity, properties):
            if reason is None:
                triples.append((subject, property, object))
            else:
                dropped[reason] += 1
    return pl.DataFrame(triples, schema=TRIPLE_SCHEMA, orient="row")


@final
class _Details:
    """Collects what entities say of their statements beside the three parts, as they pass."""

    def __init__(self, properties: Collection[str]) -> None:
        self.properties = properties
        self.tables = [pl.DataFrame(schema=DETAIL_SCHEMA)]
        self.exceptions: dict[str, set[str]] = {}

    def noting(self, entities: Iterator[Any]) -> Iterator[Any]:
        """The same entities, a block of them."""
        rows: list[tuple[str, str, str | None, str, int]] = []
        for entity in entities:
            if entity.id in self.properties:
                self._note_exceptions(entity)
            elif ENTITY_ID.fullmatch(entity.id):
                rows += self._statements(entity)
            yield entity
        # As a table for each block: a row of Python's takes ten times as much.
        self.tables.append(pl.DataFrame(rows, schema=DETAIL_SCHEMA, orient="row"))

    def _statements(self, entity: Any) -> Iterator[tuple[str, str, str | None, str, int]]:
        for property in self.properties:
            for statement in getattr(entity.claims, property, ()):
                item = item_of(statement.mainsnak)
                if item is not None or statement.mainsnak.snaktype in _WITHOUT_VALUE:
                    qualifiers = statement.number_of_qualifiers()
                    yield entity.id, property, item, statement.rank, qualifiers

    def _note_exceptions(self, entity: Any) -> None:
        """The items that the property's symmetric constraint leaves out."""
        for constraint in getattr(entity.claims, CONSTRAINT, ()):
            if item_of(constraint.mainsnak) != SYMMETRIC_CONSTRAINT or constraint.rank == "deprecated":
                continue
            excepted = self.exceptions.setdefault(entity.id, set())
            if isinstance(constraint.qualifiers, dict):
                items = [item_of(snak) for snak in constraint.qualifiers.get(EXCEPTION, ())]
                excepted.update(item for item in items if item is not None)


def entity_with_claims(properties: Collection[str], statement: type[Struct] = Statement) -> type[Struct]:
    """The type of an entity with its id and its statements of these properties, of this type."""
    fields = [(property, tuple[statement, ...], ()) for property in properties]
    claims = defstruct("Claims", fields, gc=False)
    # PHP writes an empty map as ``[]``.
    claims_or_none = ("claims", claims | list | None, None)
    return defstruct("Entity", [("id", str), claims_or_none], gc=False)


def entity_with_labels(languages: tuple[str, ...]) -> type[Struct]:
    """The type of an entity with its id and its labels in these languages.

    The labels are fields ``language_0``, ``language_1`` ..., as a language's code may be no Python name.
    """
    codes = {f"language_{place}": language for place, language in enumerate(languages)}
    fields = [(name, Label | None, None) for name in codes]
    labels = defstruct("Labels", fields, rename=codes, gc=False)
    # PHP writes an empty map as ``[]``.
    labels_or_none = ("labels", labels | list | None, None)
    return defstruct("Entity", [("id", str), labels_or_none], gc=False)


def first_label(entity: Any, languages: tuple[str, ...]) -> str | None:
    """The label in the first language that the entity has one in."""
    for place in range(len(languages)):
        label = getattr(entity.labels, f"language_{place}", None)
        if label is not None:
            return label.value
    return None


def read_claims(
    entity: Any, properties: Collection[str]
) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Subject, property, object and why the statement is dropped (None: it is kept)."""
    for property in properties:
        # Claims that are an empty list or null have no such attribute.
        group = getattr(entity.claims, property, ())
        if not group:
            continue
        ranks = [statement.rank for statement in group]
        best = "preferred" if "preferred" in ranks else "normal"
        for statement in group:
            object = item_of(statement.mainsnak)
            yield entity.id, property, object, drop_reason(entity.id, statement, object, best)


def item_of(snak: Snak) -> str | None:
    """The item that a snak names, if it names one."""
    if snak.datavalue is None:
        return None
    value = snak.datavalue.value
    return value.item() if isinstance(value, EntityValue) else None


def drop_reason(subject: str, statement: Statement, object: str | None, best: str) -> str | None:
    """Why a statement is dropped, None if it is kept. A rank that is not the best goes before the value.

    Args:
        subject: the entity's id.
        statement: one of its statements of a property.
        object: the item that the statement names, None if it names none.
        best: the best rank among these statements, "preferred" or "normal".
    """
    if statement.rank == "deprecated":
        return "deprecated"
    if statement.rank != best:
        return "not best rank"
    if statement.mainsnak.snaktype != "value":
        return _WITHOUT_VALUE[statement.mainsnak.snaktype]
    if object is None or not ENTITY_ID.fullmatch(subject):
        return "not an item"
    return None
