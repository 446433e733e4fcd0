"""Sentences made from facts, a column at a time."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relsym.data.relations import Relation

TEMPLATE, NEGATION, CONVERSE, PARAPHRASE = "template", "negation", "converse", "paraphrase"
DENIED_NEGATION = "denied negation"
NUMBERED = (PARAPHRASE, NEGATION, CONVERSE)  # kinds of wording of which a property may have several
# ``head``, ``middle`` and ``tail`` are a wording's text before, between and after its two slots.
_WORDING_SCHEMA = {
    "property": pl.String,
    "wording": pl.String,
    "head": pl.String,
    "middle": pl.String,
    "tail": pl.String,
    "subject_first": pl.Boolean,
}


def wordings(relations: Mapping[str, Relation]) -> pl.DataFrame:
    """Every wording of every property, cut at its slots.

    Columns: property, wording, head, middle, tail, subject_first. Where a property may have several of a
    kind they are numbered (``paraphrase 0``, ``negation 0``, ``converse 0`` ...). A denial of the denial is
    made of the first negation.
    """
    rows = []
    for relation in relations.values():
        for name, text in _named(relation).items():
            rows.append((relation.property, name, *_cut(text)))
    return pl.DataFrame(rows, orient="row", schema=_WORDING_SCHEMA)


def verbalize(
    rows: pl.DataFrame, table: pl.DataFrame, wording: pl.Expr, names: Mapping[str, tuple[pl.Expr, pl.Expr]]
) -> pl.DataFrame:
    """Fill [X] with the subject's and [Y] with the object's name.

    The two are filled in beside the wording's text, so a name that itself contains ``[Y]`` stays as it is.

    Args:
        rows: with a column ``property``.
        table: of ``wordings``.
        wording: which one each row takes.
        names: column to make -> the names that stand for X and for Y (labels for lexicalised sentences, ids
            for delexicalised ones).

    Returns:
        One column of sentences for each entry of ``names``, in the order of the rows.
    """
    # A left join that keeps its order: row i of the sentences belongs to row i of ``rows``.
    worded = rows.with_columns(wording.alias("wording"))
    cut = worded.join(table, on=["property", "wording"], how="left", maintain_order="left")
    sentences = []
    for column, (x, y) in names.items():
        first = pl.when("subject_first").then(x).otherwise(y)
        second = pl.when("subject_first").then(y).otherwise(x)
        sentence = pl.concat_str("head", first, "middle", second, "tail")
        sentences.append(sentence.alias(column))
    return cut.select(sentences)


def texts_of_wording(relation: Relation, wording: str) -> tuple[str, ...]:
    """The texts of a kind of wording of which a property may have several.

    Args:
        relation: the property.
        wording: ``NEGATION``, ``CONVERSE`` or ``PARAPHRASE``.
    """
    if wording == PARAPHRASE:
        return relation.paraphrases
    if wording == NEGATION:
        texts = (relation.negation, *relation.negations)
    else:
        texts = (relation.converse, *relation.converses)
    return tuple(text for text in texts if text)


def after_clause(clause: str, text: str) -> str:
    """The text after a clause; a slot begins with a bracket, which has no small letter."""
    return f"{clause} {text[0].lower()}{text[1:]}"


def _named(relation: Relation) -> dict[str, str]:
    """The wordings that a relation has, by name."""
    named = {TEMPLATE: relation.template}
    if relation.negation:
        named[DENIED_NEGATION] = after_clause("It is not true that", relation.negation)
    for wording in NUMBERED:
        for i, text in enumerate(texts_of_wording(relation, wording)):
            named[f"{wording} {i}"] = text
    return named


def _cut(text: str) -> tuple[str, str, str, bool]:
    """The text before, between and after the two slots, and whether the subject's slot is the first."""
    subject_first = text.index("[X]") < text.index("[Y]")
    first, second = ("[X]", "[Y]") if subject_first else ("[Y]", "[X]")
    head, rest = text.split(first)
    middle, tail = rest.split(second)
    return head, middle, tail, subject_first
