"""Wikidata's truthy dump: N-Triples, one triple a line; statements of the best rank only, without qualifiers
and references.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import final

import polars as pl

from relsym.data.sources.dump_lines import Dump, ItemSet, Statements
from relsym.data.sources.iris import DIRECT_IRI, ENTITY_IRI, LABEL_IRI
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA

NO_VALUE = "http://www.wikidata.org/prop/novalue/"
UNKNOWN = "http://www.wikidata.org/.well-known/genid/"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

TRIPLE = (
    r"^\s*<(?<subject>[^<>]*)>\s*<(?<predicate>[^<>]*)>\s*"
    r'(?<object><[^<>]*>|_:\S+|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^<>]*>)?)\s*\.\s*$'
)
LITERAL = r'^"(?<text>.*)"@(?<language>[A-Za-z0-9-]+)$'
ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))")
CHARACTERS = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@final
class TruthyDump(Dump):
    """``latest-truthy.nt``: a line is searched for a chosen property or a language, and parsed if it has one.

    The dump holds no other ranks, so nothing is dropped for its rank. A line passed over is not proven to be
    a triple.
    """

    ENTITY_LINE = rf"^\s*<{re.escape(ENTITY_IRI)}"
    OTHER_LINE = r"^\s*(?:<|_:|#|$)"
    EXPECTED = "a triple of an N-Triples file (<subject> <predicate> object .)"

    def statements(self, properties: Collection[str]) -> Statements:
        """First pass; the reasons are "no value", "some value", "not an item" and "bad row"."""
        needles = [f"<{space}{property}>" for property in properties for space in (DIRECT_IRI, NO_VALUE)]
        tables = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        dropped: Counter[str] = Counter()
        for table in self.tables():
            found = with_fate(self._parse(table.filter(pl.col("line").str.contains_any(needles))), properties)
            dropped.update(found["fate"].drop_nulls().to_list())
            tables.append(found.filter(pl.col("fate").is_null()).select(*TRIPLE_SCHEMA))
        dropped["bad row"] = len(self.bad_rows)
        return Statements(pl.concat(tables), +dropped)

    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: parse the labels of these items in these languages."""
        wanted, ends = ItemSet(entities), [f'"@{language}' for language in languages]
        tables = [pl.DataFrame(schema={**LABEL_SCHEMA, "place": pl.Int64})]
        for table in self.tables():
            labels = table.filter(pl.col("line").str.contains(f"<{LABEL_IRI}>", literal=True))
            labels = labels.filter(pl.col("line").str.contains_any(ends, ascii_case_insensitive=True))
            labels = labels.filter(wanted.holds(labels["line"].str.extract(rf"{self.ENTITY_LINE}([^<>]*)>")))
            tables.append(self._unescape(with_language(self._parse(labels), languages)))
        first = (
            pl.concat(tables)
            .sort("place", maintain_order=True)
            .unique("entity", keep="first", maintain_order=True)
        )
        return first.select(*LABEL_SCHEMA)

    def _parse(self, table: pl.DataFrame) -> pl.DataFrame:
        """number, line -> and subject, predicate, object; bad rows are left out."""
        parsed = table.with_columns(pl.col("line").str.extract_groups(TRIPLE).alias("triple")).unnest(
            "triple"
        )
        bad = pl.col("object").is_null()
        for number, line in parsed.filter(bad).select("number", "line").iter_rows():
            self.bad_row(number, line)
        return parsed.filter(~bad)

    def _unescape(self, table: pl.DataFrame) -> pl.DataFrame:
        """number, line, entity, label, place -> entity, label (as it reads), place."""
        rows = []
        for number, line, entity, label, place in table.iter_rows():
            try:
                rows.append((entity, unescape(label), place))
            except ValueError as error:
                self.bad_row(number, line, str(error))
        return pl.DataFrame(rows, schema={**LABEL_SCHEMA, "place": pl.Int64}, orient="row")


def with_fate(table: pl.DataFrame, properties: Collection[str]) -> pl.DataFrame:
    """subject, predicate, object (as written) -> TRIPLE_SCHEMA and fate; triples that state nothing about the
    properties are left out.
    """
    predicate, object = pl.col("predicate"), pl.col("object")
    no_value = object.str.extract(rf"^<{re.escape(NO_VALUE)}([^<>]*)>$")
    item = r"(Q[1-9]\d*)"
    return (
        table.with_columns(
            pl.when(predicate == TYPE)
            .then(no_value)
            .otherwise(predicate.str.strip_prefix(DIRECT_IRI))
            .alias("property"),
            pl.col("subject").str.extract(rf"^{re.escape(ENTITY_IRI)}{item}$").alias("item"),
            object.str.extract(rf"^<{re.escape(ENTITY_IRI)}{item}>$").alias("value"),
        )
        .filter(
            pl.col("property").is_in(list(properties)),
        )
        .select(
            pl.col("item").alias("subject"),
            "property",
            pl.col("value").alias("object"),
            pl.when(predicate == TYPE)
            .then(pl.lit("no value"))
            .when(object.str.starts_with("_:") | object.str.starts_with(f"<{UNKNOWN}"))
            .then(pl.lit("some value"))
            .when(pl.col("item").is_null() | pl.col("value").is_null())
            .then(pl.lit("not an item"))
            .alias("fate"),
        )
    )


def with_language(table: pl.DataFrame, languages: tuple[str, ...]) -> pl.DataFrame:
    """subject, predicate, object -> number, line, entity, label (escaped) and the language's place; other
    triples are left out.
    """
    place = (
        pl.col("language")
        .str.to_lowercase()
        .replace_strict(list(languages), list(range(len(languages))), default=None, return_dtype=pl.Int64)
    )
    labels = table.filter(pl.col("predicate") == LABEL_IRI)
    labels = labels.with_columns(pl.col("object").str.extract_groups(LITERAL).alias("literal"))
    return (
        labels.unnest("literal")
        .select(
            "number",
            "line",
            pl.col("subject").str.strip_prefix(ENTITY_IRI).alias("entity"),
            pl.col("text").alias("label"),
            place.alias("place"),
        )
        .filter(pl.col("place").is_not_null())
    )


def unescape(text: str) -> str:
    """Undo the escapes of N-Triples (W3C recommendation of 2014, section 2.4).

    Raises:
        ValueError: an escape that N-Triples does not have, or a number that is no character's.
    """
    return ESCAPE.sub(_character, text) if "\\" in text else text


def _character(escape: re.Match[str]) -> str:
    short, long, letter = escape.groups()
    code = int(short or long, 16) if letter is None else None
    if code is None and letter in CHARACTERS:
        return CHARACTERS[letter]
    if code is None or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError(f"{escape.group()} is no escape of a character")
    return chr(code)
