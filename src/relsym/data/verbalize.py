"""Facts -> sentences, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relsym.data.relations import Relation

TEMPLATE, NEGATION, CONVERSE, PARAPHRASE = "template", "negation", "converse", "paraphrase"


def wordings(relations: Mapping[str, Relation]) -> pl.DataFrame:
    """Every wording of every property, cut at its slots: property, wording, head, middle, tail,
    subject_first.

    Paraphrases are called ``paraphrase 0``, ``paraphrase 1`` ...
    """
    rows = [
        (relation.property, name, *_cut(text))
        for relation in relations.values()
        for name, text in _named(relation).items()
    ]
    return pl.DataFrame(
        rows,
        orient="row",
        schema={
            "property": pl.String,
            "wording": pl.String,
            "head": pl.String,
            "middle": pl.String,
            "tail": pl.String,
            "subject_first": pl.Boolean,
        },
    )


def verbalize(
    rows: pl.DataFrame, table: pl.DataFrame, wording: pl.Expr, names: Mapping[str, tuple[pl.Expr, pl.Expr]]
) -> pl.DataFrame:
    """Fill [X] with the subject's and [Y] with the object's name: one column of sentences for each entry of
    ``names``.

    The two are filled in beside the wording's text, so a name that itself contains ``[Y]`` stays as it is.

    Args:
        rows: with a column ``property``.  table: of ``wordings``.  wording: which one each row takes.
        names: column to make -> the names that stand for X and for Y (labels for lexicalised sentences, ids
        for delexicalised ones).
    """
    cut = rows.with_columns(wording.alias("wording")).join(
        table, on=["property", "wording"], how="left", maintain_order="left"
    )
    first = pl.col("subject_first")
    return cut.select(
        pl.concat_str(
            "head", pl.when(first).then(x).otherwise(y), "middle", pl.when(first).then(y).otherwise(x), "tail"
        ).alias(column)
        for column, (x, y) in names.items()
    )


def _named(relation: Relation) -> dict[str, str]:
    found = {TEMPLATE: relation.template, NEGATION: relation.negation, CONVERSE: relation.converse}
    return {name: text for name, text in found.items() if text} | {
        f"{PARAPHRASE} {i}": text for i, text in enumerate(relation.paraphrases)
    }


def _cut(text: str) -> tuple[str, str, str, bool]:
    subject_first = text.index("[X]") < text.index("[Y]")
    one, two = ("[X]", "[Y]") if subject_first else ("[Y]", "[X]")
    head, rest = text.split(one)
    middle, tail = rest.split(two)
    return head, middle, tail, subject_first
