"""Wikidata's JSON dump: ``[``, an entity a line, each but the last with a comma behind it, ``]``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Literal, final

import msgspec
import polars as pl
from msgspec import Struct, defstruct

from relsym.data.sources.dump_lines import Dump, ItemSet, Statements
from relsym.data.triples import ENTITY_ID, LABEL_SCHEMA, TRIPLE_SCHEMA

# How an entity's line starts in every dump of the last years. A line that starts otherwise is parsed.
USUAL_ID = r'^\s*\{\s*"type"\s*:\s*"[a-z]+"\s*,\s*"id"\s*:\s*"([A-Z]\d+)"'


class EntityValue(Struct, rename="kebab", gc=False):
    """The value of a snak that names an entity. Dumps from before 2017 have no id."""

    id: str | None = None
    entity_type: str | None = None
    numeric_id: int | None = None

    def item(self) -> str | None:
        """The Q-id; None for what is no item."""
        if self.id is None and self.entity_type == "item" and self.numeric_id is not None:
            return f"Q{self.numeric_id}"
        return self.id if self.id and ENTITY_ID.fullmatch(self.id) else None


class DataValue(Struct, gc=False):
    """What a snak holds: an entity, a date, a text ..."""

    value: EntityValue | str | bool | int | float | list | None = None


class Snak(Struct, gc=False):
    """Property and value."""

    snaktype: Literal["value", "novalue", "somevalue"]
    datavalue: DataValue | None = None


class Statement(Struct, gc=False):
    """One statement; qualifiers and references are passed over."""

    mainsnak: Snak
    rank: Literal["preferred", "normal", "deprecated"]


class Label(Struct, gc=False):
    """One label."""

    value: str


@final
class JsonDump(Dump):
    """``latest-all.json``: a line is searched for a chosen property's id in quotes, and parsed if it has one.

    A line passed over is not proven to be JSON. (A property's id spelt with ``\\u`` escapes would be missed;
    no serialiser does that.)
    """

    ENTITY_LINE = r"^\s*\{"
    OTHER_LINE = r"^\s*[\[\]]?\s*$"
    EXPECTED = "an entity as JSON on a line of its own, or the bracket before or after them all"

    def statements(self, properties: Collection[str]) -> Statements:
        """First pass; the reasons are those of ``fate``, and "bad row"."""
        decoder, needles = (
            msgspec.json.Decoder(entity_with_claims(properties)),
            [f'"{property}"' for property in properties],
        )
        dropped: Counter[str] = Counter()
        tables = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        for table in self.tables():
            entities = self._decode(table.filter(pl.col("line").str.contains_any(needles)), decoder)
            found = [row for entity in entities for row in read_claims(entity, properties)]
            dropped.update(fate for *_, fate in found if fate)
            tables.append(
                pl.DataFrame([row[:3] for row in found if not row[3]], schema=TRIPLE_SCHEMA, orient="row")
            )
        dropped["bad row"] = len(self.bad_rows)
        return Statements(pl.concat(tables), +dropped)

    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: parse the lines of these items, and those whose start does not tell their id."""
        decoder, wanted = msgspec.json.Decoder(entity_with_labels(languages)), ItemSet(entities)
        tables = [pl.DataFrame(schema=LABEL_SCHEMA)]
        for table in self.tables():
            ids = table["line"].str.extract(USUAL_ID)
            read = self._decode(table.filter(wanted.holds(ids) | ids.is_null()), decoder)
            labels = [
                (entity.id, label) for entity in read if (label := first_label(entity, languages)) is not None
            ]
            named = pl.DataFrame(labels, schema=LABEL_SCHEMA, orient="row")
            tables.append(named.filter(wanted.holds(named["entity"])))
        return pl.concat(tables)

    def _decode(self, table: pl.DataFrame, decoder: msgspec.json.Decoder) -> Iterator[Any]:
        for number, line in table.with_columns(pl.col("line").cast(pl.Binary)).iter_rows():
            try:
                yield decoder.decode(line.rstrip().removesuffix(b","))
            except msgspec.DecodeError as error:
                self.bad_row(number, line, str(error))


def entity_with_claims(properties: Collection[str]) -> type[Struct]:
    """An entity's id and its statements of these properties. PHP writes an empty map as ``[]``."""
    claims = defstruct("Claims", [(property, tuple[Statement, ...], ()) for property in properties], gc=False)
    return defstruct("Entity", [("id", str), ("claims", claims | list | None, None)], gc=False)


def entity_with_labels(languages: tuple[str, ...]) -> type[Struct]:
    """An entity's id and its labels in these languages, as fields ``language_0``, ``language_1`` ..."""
    names = {f"language_{place}": language for place, language in enumerate(languages)}
    labels = defstruct("Labels", [(name, Label | None, None) for name in names], rename=names, gc=False)
    return defstruct("Entity", [("id", str), ("labels", labels | list | None, None)], gc=False)


def first_label(entity: Any, languages: tuple[str, ...]) -> str | None:
    """The label in the first language that the entity has one in."""
    labels = (getattr(entity.labels, f"language_{place}", None) for place in range(len(languages)))
    return next((label.value for label in labels if label is not None), None)


def read_claims(
    entity: Any, properties: Collection[str]
) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Subject, property, object and why the statement is dropped (None: it is kept)."""
    for property in properties:
        group = getattr(entity.claims, property, ())
        best = "preferred" if any(statement.rank == "preferred" for statement in group) else "normal"
        for statement in group:
            object = item_of(statement.mainsnak)
            yield entity.id, property, object, fate(entity.id, statement, object, best)


def item_of(snak: Snak) -> str | None:
    """The item that a snak names, if it names one."""
    value = snak.datavalue and snak.datavalue.value
    return value.item() if isinstance(value, EntityValue) else None


def fate(subject: str, statement: Statement, object: str | None, best: str) -> str | None:
    """Why a statement is dropped; the rank goes before the value."""
    if statement.rank != best:
        return "deprecated" if statement.rank == "deprecated" else "not best rank"
    if statement.mainsnak.snaktype != "value":
        return {"novalue": "no value", "somevalue": "some value"}[statement.mainsnak.snaktype]
    return None if object and ENTITY_ID.fullmatch(subject) else "not an item"
