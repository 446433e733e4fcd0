"""The findings of a check as CSV and Parquet, and the kinds of its properties as a table."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from relsym.checking.findings import FINDING_SCHEMA
from relsym.checking.knowledge_check import KnowledgeCheck
from relsym.report.tables.csv_file import not_a_formula
from relsym.runs.check_record import CheckRecord, ProposalRecord, WordingRecord

PLAIN_TEXT = r"^[\p{L}\p{N}][\p{L}\p{N}\p{M} ,.:;()'/&_-]*$"
USE_SCHEMA = {
    "property": pl.String,
    "name": pl.String,
    "declared": pl.String,
    "statements": pl.Int64,
    "pairs": pl.Int64,
    "two_way": pl.Int64,
    "reversed_share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "used_otherwise": pl.Boolean,
    "cycle_components": pl.Int64,
    "largest_component": pl.Int64,
    "wording": pl.String,
    "wording_probability": pl.Float64,
}
PROPOSAL_SCHEMA = {
    "property": pl.String,
    "name": pl.String,
    "declared": pl.String,
    "wording": pl.String,
    "wording_probability": pl.Float64,
}


def write_csv(result: KnowledgeCheck, target: Path) -> None:
    """Write the findings for people: no text is a formula to a spreadsheet, and none hides a control mark."""
    with target.open("wb") as stream:
        empty = pl.DataFrame(schema=FINDING_SCHEMA)  # so that there is a header where nothing was found
        for number, block in enumerate(chain([empty], result.blocks())):
            harmless(block).write_csv(stream, include_header=number == 0, quote_style="non_numeric")


def write_table(table: pl.DataFrame, target: Path) -> None:
    """Write a small table in the same way."""
    harmless(table).write_csv(target, quote_style="non_numeric")


def write_parquet(result: KnowledgeCheck, target: Path) -> None:
    """Write the findings with every text as it is."""
    schema = pl.DataFrame(schema=FINDING_SCHEMA).to_arrow().schema
    with pq.ParquetWriter(target, schema) as writer:
        for block in result.blocks():
            writer.write_table(block.to_arrow().cast(schema))


def kinds_table(record: CheckRecord) -> pl.DataFrame:
    """How each property is used, and what its wording says (columns ``USE_SCHEMA``)."""
    rows = []
    for use in record.kinds:
        vote, probability = vote_of(record.wording, use.property)
        rows.append(
            (
                use.property,
                use.name,
                use.kind,
                use.statements,
                use.pairs,
                use.two_way,
                round(use.share, 6),
                round(use.low, 6),
                round(use.high, 6),
                use.contradicted,
                len(use.tangles),
                max(use.tangles, default=0),
                vote,
                probability,
            )
        )
    return pl.DataFrame(rows, schema=USE_SCHEMA, orient="row")


def proposals_table(record: ProposalRecord, names: Mapping[str, str]) -> pl.DataFrame:
    """The kinds that wordings propose (columns ``PROPOSAL_SCHEMA``).

    Args:
        names: of the properties, by id.
    """
    rows = []
    for property, name in names.items():
        vote, probability = vote_of(record.wording, property)
        rows.append((property, name, record.declared.get(property), vote, probability))
    return pl.DataFrame(rows, schema=PROPOSAL_SCHEMA, orient="row")


def vote_of(wording: WordingRecord | None, property: str) -> tuple[str | None, float | None]:
    """The kind that a property's wording says, and its probability; None where it was not asked."""
    if wording is None or property not in wording.kinds:
        return None, None
    return wording.kinds[property], wording.probabilities[property]


def harmless(table: pl.DataFrame) -> pl.DataFrame:
    """A table whose texts no spreadsheet takes for formulas, and which shows every character.

    Most texts need no look: they begin with a letter or a digit, and have nothing unusual in them.
    """
    for name in table.select(pl.col(pl.String)).columns:
        texts = table[name]
        odd = texts.filter(~texts.str.contains(PLAIN_TEXT)).drop_nulls().unique()
        if len(odd):
            table = table.with_columns(texts.replace(odd, [not_a_formula(text) for text in odd]))
    return table
