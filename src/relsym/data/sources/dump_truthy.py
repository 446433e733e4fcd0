"""Wikidata's truthy dump: N-Triples, one triple a line.

It holds statements of the best rank only, without qualifiers and references.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import final

import polars as pl

from relsym.data.sources.dump_lines import Dump, ItemSet, Statements
from relsym.data.sources.iris import DIRECT_IRI, ENTITY_IRI, LABEL_IRI
from relsym.data.sources.literals import unescape
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA

NO_VALUE = "http://www.wikidata.org/prop/novalue/"
UNKNOWN = "http://www.wikidata.org/.well-known/genid/"
# That a subject has no value of a property is written as a type: <subject> <TYPE> <NO_VALUE + property>.
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"

# An object is an IRI, a blank node, or a literal with its language or datatype. Blank nodes are no entities:
# lines that begin with one are never parsed.
TRIPLE = (
    r"^\s*<(?<subject>[^<>]*)>\s*<(?<predicate>[^<>]*)>\s*"
    r'(?<object><[^<>]*>|_:\S+|"(?:[^"\\]|\\.)*"(?:@[A-Za-z0-9-]+|\^\^<[^<>]*>)?)\s*\.\s*$'
)
_ITEM = r"(Q[1-9]\d*)"
LITERAL = r'^"(?<text>.*)"@(?<language>[A-Za-z0-9-]+)$'


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
        needles = []
        for property in properties:
            needles.append(f"<{DIRECT_IRI}{property}>")
            needles.append(f"<{NO_VALUE}{property}>")

        triples = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        dropped: Counter[str] = Counter()
        for table in self.tables():
            candidates = table.filter(pl.col("line").str.contains_any(needles))
            statements = with_drop_reason(self._parse(candidates), properties)
            reasons = statements["reason"]
            dropped.update(reasons.drop_nulls().to_list())
            items_only = statements.filter(reasons.is_null())
            triples.append(items_only.select(*TRIPLE_SCHEMA))
        dropped["bad row"] = len(self.bad_rows)
        return Statements(pl.concat(triples), +dropped)

    def labels(self, entities: pl.Series, languages: tuple[str, ...]) -> pl.DataFrame:
        """Second pass: parse the labels of these items in these languages."""
        wanted = ItemSet(entities)
        ends = [f'"@{language}' for language in languages]
        subject = rf"{self.ENTITY_LINE}([^<>]*)>"
        tables = [pl.DataFrame(schema={**LABEL_SCHEMA, "place": pl.Int64})]
        is_label = pl.col("line").str.contains(f"<{LABEL_IRI}>", literal=True)
        is_wanted_language = pl.col("line").str.contains_any(ends, ascii_case_insensitive=True)
        for table in self.tables():
            # The cheapest search first, each on what the one before left.
            candidates = table.filter(is_label).filter(is_wanted_language)
            subjects = candidates["line"].str.extract(subject)
            candidates = candidates.filter(wanted.holds(subjects))
            labels = with_language(self._parse(candidates), languages)
            tables.append(self._unescape(labels))

        # The sort is stable: of two labels in one language the first in the file stays.
        labels = pl.concat(tables).sort("place", maintain_order=True)
        first = labels.unique("entity", keep="first", maintain_order=True)
        return first.select(*LABEL_SCHEMA)

    def _parse(self, table: pl.DataFrame) -> pl.DataFrame:
        """Adds subject, predicate and object, as written, to number and line; bad rows are left out."""
        triple = pl.col("line").str.extract_groups(TRIPLE)
        parsed = table.with_columns(triple.alias("triple")).unnest("triple")
        is_bad = pl.col("object").is_null()
        bad = parsed.filter(is_bad).select("number", "line")
        for number, line in bad.iter_rows():
            self.bad_row(number, line)
        return parsed.filter(~is_bad)

    def _unescape(self, table: pl.DataFrame) -> pl.DataFrame:
        """number, line, entity, label, place -> entity, label (as it reads), place."""
        rows = []
        for number, line, entity, label, place in table.iter_rows():
            try:
                rows.append((entity, unescape(label), place))
            except ValueError as error:
                self.bad_row(number, line, str(error))
        return pl.DataFrame(rows, schema={**LABEL_SCHEMA, "place": pl.Int64}, orient="row")


def with_drop_reason(table: pl.DataFrame, properties: Collection[str]) -> pl.DataFrame:
    """The statements of these properties: subject, property, object and reason.

    ``reason`` is why the statement is dropped, null if it is kept; what is no item is null as subject or
    object. Triples that state nothing about the properties are left out.

    Args:
        table: triples with subject, predicate and object as they are written.
        properties: P-ids.
    """
    subject = pl.col("subject")
    predicate = pl.col("predicate")
    object = pl.col("object")
    entity = re.escape(ENTITY_IRI)
    subject_item = subject.str.extract(f"^{entity}{_ITEM}$")
    object_item = object.str.extract(f"^<{entity}{_ITEM}>$")

    says_no_value = predicate == TYPE
    property_without_value = object.str.extract(f"^<{re.escape(NO_VALUE)}([^<>]*)>$")
    property_with_value = predicate.str.strip_prefix(DIRECT_IRI)
    property = pl.when(says_no_value).then(property_without_value).otherwise(property_with_value)
    statements = table.with_columns(
        property.alias("property"), subject_item.alias("subject_item"), object_item.alias("object_item")
    )
    statements = statements.filter(pl.col("property").is_in(list(properties)))

    # An unknown value is a blank node, or an IRI of Wikidata's that stands for one.
    is_blank_node = object.str.starts_with("_:")
    is_unknown = is_blank_node | object.str.starts_with(f"<{UNKNOWN}")
    lacks_item = pl.col("subject_item").is_null() | pl.col("object_item").is_null()
    reason = (
        pl.when(says_no_value)
        .then(pl.lit("no value"))
        .when(is_unknown)
        .then(pl.lit("some value"))
        .when(lacks_item)
        .then(pl.lit("not an item"))
    )
    return statements.select(
        pl.col("subject_item").alias("subject"),
        "property",
        pl.col("object_item").alias("object"),
        reason.alias("reason"),
    )


def with_language(table: pl.DataFrame, languages: tuple[str, ...]) -> pl.DataFrame:
    """The labels in these languages: number, line, entity, label (escaped) and place.

    ``place`` is the language's place in ``languages``. Other triples are left out.

    Args:
        table: triples with number, line, subject, predicate and object as they are written.
        languages: tags in lower case.
    """
    labels = table.filter(pl.col("predicate") == LABEL_IRI)
    literal = pl.col("object").str.extract_groups(LITERAL)
    labels = labels.with_columns(literal.alias("literal")).unnest("literal")
    tag = pl.col("language").str.to_lowercase()
    places = list(range(len(languages)))
    place = tag.replace_strict(list(languages), places, default=None, return_dtype=pl.Int64)
    labels = labels.select(
        "number",
        "line",
        pl.col("subject").str.strip_prefix(ENTITY_IRI).alias("entity"),
        pl.col("text").alias("label"),
        place.alias("place"),
    )
    return labels.filter(pl.col("place").is_not_null())
