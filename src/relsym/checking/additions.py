"""Which missing statements may be added to Wikidata, as QuickStatements.

Only the reverse of a symmetric statement, and only where nothing is lost and nobody has decided otherwise.
What contradicts is for people to look at: it is never taken away.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

import polars as pl

from relsym.data.triples import ENTITY_ID, PROPERTY_ID, TRIPLE_SCHEMA, StatementDetails

MOST_LINES = 500  # of a file: a batch that a person can look through
# Why a missing reverse is not added.
QUALIFIED = "the statement has qualifiers, which would be lost"
DEPRECATED = "the statement is deprecated"
LOWER_RANK = "the reverse is stated, in another rank"
EXCEPTED = "an exception of the property's symmetric constraint"
WRITTEN = "written before"


class Additions(NamedTuple):
    """What may be added.

    Attributes:
        lines: of QuickStatements V1: subject, property, object, with tabs between.
        left_out: how many missing reverses are not added, by reason.
    """

    lines: list[str]
    left_out: Counter[str]


def additions(missing: pl.DataFrame, details: StatementDetails, written: Collection[str] = ()) -> Additions:
    """The reverses that may be added.

    Args:
        missing: statements whose reverse is missing (columns ``TRIPLE_SCHEMA``), in the findings' order.
        details: ranks, qualifiers and exceptions.
        written: lines that were written before.

    Raises:
        ValueError: an id that is none of Wikidata's, which could break a line.
    """
    key = list(TRIPLE_SCHEMA)
    of_statement = details.statements.group_by(key).agg(
        qualified=(pl.col("qualifiers") > 0).any(), deprecated=(pl.col("rank") == "deprecated").any()
    )
    stated = details.statements.select(subject="object", property="property", object="subject").unique()
    rows = (
        missing.select(key)
        .join(of_statement, on=key, how="left", maintain_order="left")
        .join(stated.with_columns(reverse=True), on=key, how="left", maintain_order="left")
    )
    lines: list[str] = []
    left_out: Counter[str] = Counter()
    known = set(written)
    for subject, property, object, qualified, deprecated, reverse in rows.iter_rows():
        line = _line(object, property, subject)
        exceptions = details.exceptions.get(property, frozenset())
        reasons = {
            QUALIFIED: qualified is not False,
            DEPRECATED: deprecated,
            LOWER_RANK: reverse,
            EXCEPTED: subject in exceptions or object in exceptions,
            WRITTEN: line in known,
        }
        reason = next((text for text, holds in reasons.items() if holds), None)
        if reason is None:
            lines.append(line)
        else:
            left_out[reason] += 1
    return Additions(lines, left_out)


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
