"""The findings of a check as CSV and Parquet, and the kinds of its properties as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from relsym.checking.findings import FINDING_SCHEMA
from relsym.checking.knowledge_check import KnowledgeCheck
from relsym.report.tables.csv_file import not_a_formula
from relsym.runs.check_record import CheckRecord, ProposalRecord, WordingRecord

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
    harmless = [_harmless(column) for column in FINDING_SCHEMA]
    empty = pl.DataFrame(schema=FINDING_SCHEMA)
    with target.open("wb") as stream:
        empty.write_csv(stream)
        for block in result.blocks():
            block.with_columns(harmless).write_csv(stream, include_header=False)


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


def _harmless(column: str) -> pl.Expr:
    """The texts of a column, each different one looked at once."""
    return pl.col(column).map_batches(
        lambda texts: texts.replace_strict(
            (distinct := texts.unique()), [not_a_formula(text) for text in distinct]
        ),
        return_dtype=pl.String,
    )
