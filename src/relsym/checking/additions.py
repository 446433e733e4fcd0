"""Which missing statements may be added to Wikidata, as QuickStatements.

Only the reverse of a symmetric statement, and only where nothing is lost and nobody has decided otherwise.
What contradicts is for people to look at: it is never taken away, and nothing is added to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

import polars as pl

from relsym.data.triples import ENTITY_ID, PROPERTY_ID, TRIPLE_SCHEMA, StatementDetails

MOST_LINES = 500  # of a file: a batch that a person can look through
# Why a missing reverse is not added, the first that holds.
UNCONSTRAINED = "of a property whose page in the dump has no symmetric constraint"
CONTRADICTED = "of a property that is used in another way than its kind says"
EXCLUDED = "beside a statement that it hardly goes with"
WITHOUT_PAGE = "about an item without a page in the dump"
QUALIFIED = "of a statement with qualifiers, which would be lost"
DEPRECATED = "of a deprecated statement"
LOWER_RANK = "stated already, in another rank"
WITHOUT_VALUE = "about an item that is said to have no value, or an unknown one"
EXCEPTED = "about an exception of the symmetric constraint"
WRITTEN = "written before"


class Doubts(NamedTuple):
    """What other rules found.

    Attributes:
        properties: that are used in another way than their kind says.
        pairs: of entities, the lower text first, of which statements stand that exclude each other.
    """

    properties: Collection[str]
    pairs: Collection[tuple[str, str]]


class Additions(NamedTuple):
    """What may be added.

    Attributes:
        lines: of QuickStatements V1: subject, property, object, with tabs between.
        left_out: how many missing reverses are not added, by reason.
    """

    lines: list[str]
    left_out: Counter[str]


def additions(
    missing: pl.DataFrame, details: StatementDetails, doubts: Doubts, written: Collection[str] = ()
) -> Additions:
    """The reverses that may be added.

    Args:
        missing: statements whose reverse is missing (columns ``TRIPLE_SCHEMA``), in the findings' order.
        details: ranks, qualifiers, exceptions, and which items have a page.
        doubts: what other rules found.
        written: lines that were written before.

    Raises:
        ValueError: an id that is none of Wikidata's, which could break a line.
    """
    lines: list[str] = []
    left_out: Counter[str] = Counter()
    known = set(written)
    for row in _with_details(missing, details).iter_rows(named=True):
        subject, property, object = row["object"], row["property"], row["subject"]  # of the reverse
        line = _line(subject, property, object)
        reason = _property_reason(property, details, doubts) or _statement_reason(row, details, doubts)
        if reason is None and line in known:
            reason = WRITTEN
        if reason is None:
            lines.append(line)
        else:
            left_out[reason] += 1
    return Additions(lines, left_out)


def _property_reason(property: str, details: StatementDetails, doubts: Doubts) -> str | None:
    """Why no reverse of a property is added."""
    if property not in details.exceptions:
        return UNCONSTRAINED
    return CONTRADICTED if property in doubts.properties else None


def _statement_reason(row: Mapping[str, Any], details: StatementDetails, doubts: Doubts) -> str | None:
    """Why the reverse of a statement is not added.

    Args:
        row: the statement, as ``_with_details`` has it.
    """
    ends = (row["subject"], row["object"])
    if (min(ends), max(ends)) in doubts.pairs:
        return EXCLUDED
    if row["object"] not in details.items:
        return WITHOUT_PAGE
    # Null where the source has no such statement: of what is not known nothing follows.
    if row["qualified"] is not False:
        return QUALIFIED
    if row["deprecated"] is not False:
        return DEPRECATED
    if row["reverse"]:
        return LOWER_RANK
    if row["no_value"]:
        return WITHOUT_VALUE
    exceptions = details.exceptions[row["property"]]
    return None if exceptions.isdisjoint(ends) else EXCEPTED


def _with_details(missing: pl.DataFrame, details: StatementDetails) -> pl.DataFrame:
    """Statements with what is known of them and of their reverse.

    Of one that stands several times a single qualifier, or a single deprecated rank, counts.
    """
    key = list(TRIPLE_SCHEMA)
    of_statement = details.statements.group_by(key).agg(
        qualified=(pl.col("qualifiers") > 0).any(), deprecated=(pl.col("rank") == "deprecated").any()
    )
    reverse = details.statements.select(subject="object", property="property", object="subject").unique()
    nothing = details.statements.filter(pl.col("object").is_null())
    nothing = nothing.select(object="subject", property="property").unique()
    rows = missing.select(key).join(of_statement, on=key, how="left", maintain_order="left")
    rows = rows.join(reverse.with_columns(reverse=True), on=key, how="left", maintain_order="left")
    return rows.join(
        nothing.with_columns(no_value=True), on=["object", "property"], how="left", maintain_order="left"
    )


def batches(lines: Iterable[str]) -> list[str]:
    """The texts of the files, each of at most ``MOST_LINES`` lines."""
    listed = list(lines)
    texts = []
    for start in range(0, len(listed), MOST_LINES):
        texts.append("".join(f"{line}\n" for line in listed[start : start + MOST_LINES]))
    return texts


def _line(subject: str, property: str, object: str) -> str:
    """One statement."""
    ids = {subject: ENTITY_ID, property: PROPERTY_ID, object: ENTITY_ID}
    wrong = [text for text, pattern in ids.items() if not pattern.fullmatch(text)]
    if wrong:
        raise ValueError(
            f"{wrong[0]!r} is no id of Wikidata's: check.output=quickstatements is for its items."
        )
    return f"{subject}\t{property}\t{object}"
