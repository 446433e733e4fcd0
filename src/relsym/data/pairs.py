"""Premise / hypothesis / label rows, made from facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal, NamedTuple

import polars as pl

from relsym.data.others import IMPLIED, OTHER_OBJECT, OTHER_RELATION, stated_instead, with_others
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL, SYMMETRIC, Relation
from relsym.data.splits import uniform
from relsym.data.verbalize import (
    CONVERSE,
    DENIED_NEGATION,
    NEGATION,
    NUMBERED,
    PARAPHRASE,
    TEMPLATE,
    texts_of_wording,
    verbalize,
    wordings,
)

LEXICALISED, DELEXICALISED = "lexicalised", "delexicalised"
FORMS = (LEXICALISED, DELEXICALISED)
# What the premise says about the denial of a sentence, by what it says about the sentence.
OPPOSITE = {ENTAILMENT: CONTRADICTION, CONTRADICTION: ENTAILMENT, NEUTRAL: NEUTRAL}

# One encoded text of each row: the tokenizer's output, name -> numbers.
Features = list[dict[str, list[int]]]


class Variant(NamedTuple):
    """How a hypothesis is made from a fact, and so what the premise says about it.

    Attributes:
        wording: of the hypothesis.
        swapped: subject and object exchanged, so that the relation's kind decides the label.
        negated: the hypothesis denies, so the label is reversed.
        premise: its wording (the template, unless that is what is held out).
        other: what the hypothesis takes from elsewhere: of ``OTHER_RELATION`` or ``OTHER_OBJECT`` nothing
            follows, and ``IMPLIED`` is a relation that does.
    """

    wording: str
    swapped: bool
    negated: bool = False
    premise: str = TEMPLATE
    other: str = ""


# The names of ``VARIANTS``, for annotations.
VariantName = Literal[
    "swap",
    "negated_swap",
    "identity",
    "negated_identity",
    "paraphrase",
    "converse",
    "swapped_converse",
    "reworded_swap",
    "swapped_paraphrase",
    "double_negation",
    "negated_premise",
    "other_relation",
    "other_object",
    "implied",
    "swapped_implied",
]
# The items of a contrast fact that all have to be right.
_IN_GROUPS = {
    "swap": Variant(TEMPLATE, swapped=True),
    "negated_swap": Variant(NEGATION, swapped=True, negated=True),
    "identity": Variant(TEMPLATE, swapped=False),
    "negated_identity": Variant(NEGATION, swapped=False, negated=True),
    "paraphrase": Variant(PARAPHRASE, swapped=False),
    "converse": Variant(CONVERSE, swapped=False),
    "swapped_converse": Variant(CONVERSE, swapped=True),
    "reworded_swap": Variant(PARAPHRASE, swapped=True, premise=PARAPHRASE),
}
# The others are scored by themselves: whatever is answered to them, a fact's group stays as it is.
_APART = {
    "swapped_paraphrase": Variant(PARAPHRASE, swapped=True),
    "double_negation": Variant(DENIED_NEGATION, swapped=False),
    "negated_premise": Variant(TEMPLATE, swapped=True, premise=NEGATION),
    "other_relation": Variant(TEMPLATE, swapped=False, other=OTHER_RELATION),
    "other_object": Variant(TEMPLATE, swapped=False, other=OTHER_OBJECT),
    "implied": Variant(TEMPLATE, swapped=False, other=IMPLIED),
    "swapped_implied": Variant(TEMPLATE, swapped=True, other=IMPLIED),
}
VARIANTS = _IN_GROUPS | _APART
COUNTED_APART = tuple(_APART)


class Row(NamedTuple):
    """One premise / hypothesis text with its label, in one form.

    It has what a model reads and what its answers are grouped by. The last five fields are empty where rows
    are not about facts (MNLI).
    """

    pair_id: str
    property: str
    form: str
    premise: str
    hypothesis: str
    label: str
    fact_id: str = ""
    kind: str = ""
    variant: str = ""
    subject: str = ""
    object: str = ""


def pair_ids(rows: Mapping[str, Sequence[Row]]) -> dict[str, list[str]]:
    """The ids of the rows of every form."""
    ids = {}
    for form, rows_of_form in rows.items():
        ids[form] = [row.pair_id for row in rows_of_form]
    return ids


def rows_to_choose_on(rows: Sequence[Row]) -> list[Row]:
    """Validation rows less those of variants that are counted apart; all rows where there are no others.

    A reading, a threshold or an epoch that is chosen must not depend on what is asked beside the groups.
    """
    counted = [row for row in rows if row.variant not in COUNTED_APART]
    return counted or list(rows)


@dataclass(frozen=True, slots=True)
class BenchmarkPair:
    """One row of the benchmark, both forms side by side; the fields are the columns of its table on disk.

    ``fact_id`` names the premise's statement, so the variants of a fact share it; ``group_id`` is the
    unordered entity pair. ``subject_id`` and ``object_id`` are those of the premise, ``subject`` and
    ``object`` their labels.
    """

    pair_id: str
    fact_id: str
    group_id: str
    property: str
    kind: str
    variant: str
    subject_id: str
    object_id: str
    subject: str
    object: str
    premise: str
    hypothesis: str
    premise_delex: str
    hypothesis_delex: str
    label: str
    split: str

    def row(self, form: str) -> Row:
        """The row in one form: with labels if lexicalised, with ids if not."""
        if form == LEXICALISED:
            subject, object = self.subject, self.object
            premise, hypothesis = self.premise, self.hypothesis
        else:
            subject, object = self.subject_id, self.object_id
            premise, hypothesis = self.premise_delex, self.hypothesis_delex
        # By place: keywords cost twice the time, and this is called for every row of a benchmark.
        return Row(
            self.pair_id,
            self.property,
            form,
            premise,
            hypothesis,
            self.label,
            self.fact_id,
            self.kind,
            self.variant,
            subject,
            object,
        )


PAIR_COLUMNS = tuple(field.name for field in fields(BenchmarkPair))


def pair_table(
    facts: pl.DataFrame,
    relations: Mapping[str, Relation],
    variants: Sequence[str],
    carried: Sequence[str] = (),
) -> pl.DataFrame:
    """Rows of all variants, the variants of a fact one after another (columns ``PAIR_COLUMNS``).

    Premise r(x, y); the hypothesis is made as the variant says. Where ``reverse`` is true the premise is r(y,
    x): what a statement says about another one depends on the relation alone, so the labels hold in both
    directions.

    Args:
        facts: columns of ``usable_facts``, and reverse (Boolean) and split.
        relations: the property table.
        variants: names in ``VARIANTS``.
        carried: further columns of the facts that go along.

    Raises:
        ValueError: a property lacks a wording that a variant needs.
    """
    check_wordings(relations, variants)
    table = wordings(relations)
    ends = {
        "subject_id": _end("subject", "object", "reverse"),
        "object_id": _end("object", "subject", "reverse"),
        "subject": _end("subject_label", "object_label", "reverse"),
        "object": _end("object_label", "subject_label", "reverse"),
    }
    base = facts.select("property", "kind", "group_id", "split", "reverse", *carried, **ends).with_row_index(
        "ordinal"
    )
    base = base.with_columns(fact_id=pl.concat_str("property", "subject_id", "object_id", separator=":"))
    base = base.with_columns(_numbers(base, relations, variants))
    if any(VARIANTS[name].other for name in variants):
        base = with_others(base, relations)
    frames = []
    for place, name in enumerate(variants):
        rows_of_variant = _variant_rows(base, relations, table, name)
        frames.append(rows_of_variant.with_columns(place=pl.lit(place)))
    rows = pl.concat(frames)
    if len(frames) > 1:  # rows of one variant are in order already, and sorting millions takes time
        rows = rows.sort("ordinal", "place", maintain_order=True)
    return rows.select(*PAIR_COLUMNS, *carried)


def pairs_of(table: pl.DataFrame) -> list[BenchmarkPair]:
    """The rows of a table with the columns ``PAIR_COLUMNS``, as objects."""
    return [BenchmarkPair(*row) for row in table.select(PAIR_COLUMNS).iter_rows()]


def check_wordings(relations: Mapping[str, Relation], variants: Sequence[str]) -> None:
    """Refuse a variant that some property has no words for.

    Raises:
        ValueError: an unknown variant, or a wording that a property lacks.
    """
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        raise ValueError(
            f"benchmark.variants: no such variant: {', '.join(unknown)}. Variants: {', '.join(VARIANTS)}."
        )
    needed = set()
    for name in variants:
        needed |= {VARIANTS[name].wording, VARIANTS[name].premise}
    for relation in relations.values():
        for wording in sorted(needed - {TEMPLATE}):
            lacking = _lacking(relation, wording)
            if lacking:
                raise ValueError(
                    f"property {relation.property} has no {lacking}, which {', '.join(variants)} need. Add "
                    "it to the property table, or choose other data.properties or benchmark.variants."
                )


def _lacking(relation: Relation, wording: str) -> str | None:
    """What the property table would have to have for the wording; None if it is there."""
    if wording == DENIED_NEGATION:
        wording = NEGATION
    if wording == CONVERSE and relation.kind == SYMMETRIC:
        # The converse of a symmetric relation is a further paraphrase, beside the one that the variant of
        # that name takes. Of the wordings that a bank keeps from training there are two: its one paraphrase
        # then serves for both.
        fewest = 1 if relation.slots else 2
        return None if len(relation.paraphrases) >= fewest else "two paraphrases"
    if wording == PARAPHRASE:
        return None if relation.paraphrases else "paraphrases"
    return None if getattr(relation, wording) else wording


def _numbers(
    base: pl.DataFrame, relations: Mapping[str, Relation], variants: Sequence[str]
) -> list[pl.Series]:
    """Which paraphrase, negation and converse each fact takes: evenly, by hash; 0 where no variant asks."""
    used = set()
    for name in variants:
        used |= {VARIANTS[name].wording, VARIANTS[name].premise}
    if CONVERSE in used:
        used.add(PARAPHRASE)  # the converse of a symmetric relation is a paraphrase
    columns = []
    for wording in NUMBERED:
        counts = {
            property: len(texts_of_wording(relation, wording)) for property, relation in relations.items()
        }
        if wording not in used or max(counts.values()) <= 1:
            columns.append(pl.Series(wording, [0], dtype=pl.Int64).new_from_index(0, base.height))
            continue
        chosen = []
        for fact, property in base.select("fact_id", "property").iter_rows():
            # No seed of the run: a fact is worded alike in every draw.
            share = uniform(0, f"{wording}|{fact}")
            chosen.append(int(share * counts[property]))
        columns.append(pl.Series(wording, chosen, dtype=pl.Int64))
    return columns


def _variant_rows(
    base: pl.DataFrame, relations: Mapping[str, Relation], table: pl.DataFrame, name: str
) -> pl.DataFrame:
    """The rows of one variant: ``base`` with its sentences, labels and ids."""
    variant = VARIANTS[name]
    if variant.other:
        base = base.filter(pl.col(f"other_{variant.other}").is_not_null())
    exchanged = pl.lit(variant.swapped)
    if variant.wording == CONVERSE:
        # A symmetric relation is its own converse: a further paraphrase, stated from the other side.
        exchanged = exchanged ^ (pl.col("kind") == SYMMETRIC)
    premise_wording = _wording(variant.premise, relations)
    hypothesis_wording = _wording(variant.wording, relations)
    premises = _sentences("premise", base, table, premise_wording, pl.lit(False))
    stated = stated_instead(base, variant.other) if variant.other else base
    hypotheses = _sentences("hypothesis", stated, table, hypothesis_wording, exchanged)
    labels = {}
    for property, relation in relations.items():
        labels[property] = _label(relation, variant)
    rows = pl.concat([base, premises, hypotheses], how="horizontal")
    return rows.with_columns(
        variant=pl.lit(name),
        label=pl.col("property").replace_strict(labels, return_dtype=pl.String),
        pair_id=pl.concat_str("fact_id", pl.lit(name), separator="#"),
    )


def _sentences(
    column: str, base: pl.DataFrame, table: pl.DataFrame, wording: pl.Expr, exchanged: pl.Expr
) -> pl.DataFrame:
    """Sentences in both forms, ``column`` with labels and ``column_delex`` with ids."""
    first_label = _end("subject", "object", exchanged)
    second_label = _end("object", "subject", exchanged)
    first_id = _end("subject_id", "object_id", exchanged)
    second_id = _end("object_id", "subject_id", exchanged)
    names = {column: (first_label, second_label), f"{column}_delex": (first_id, second_id)}
    return verbalize(base, table, wording, names)


def _end(end: str, other_end: str, exchanged: pl.Expr | str) -> pl.Expr:
    """The column of one end of a fact, or of the other one where the two are exchanged."""
    return pl.when(exchanged).then(other_end).otherwise(end)


def _label(relation: Relation, variant: Variant) -> str:
    """What the premise says about the variant's hypothesis."""
    if variant.other in (OTHER_RELATION, OTHER_OBJECT):
        return NEUTRAL
    label = relation.label if variant.swapped else ENTAILMENT
    if variant.premise == NEGATION:
        # That r(x, y) does not hold says something about r(y, x) only where the two hold together.
        return CONTRADICTION if relation.kind == SYMMETRIC else NEUTRAL
    return OPPOSITE[label] if variant.negated else label


def _wording(wording: str, relations: Mapping[str, Relation]) -> pl.Expr:
    """Which of a property's wordings each row takes, as named by ``wordings``."""
    if wording not in NUMBERED:
        return pl.lit(wording)
    chosen = pl.format(wording + " {}", wording)
    if wording != CONVERSE:
        return chosen
    # For symmetric relations the next paraphrase after the one that the variant ``paraphrase`` takes.
    numbers = {}
    for property, relation in relations.items():
        numbers[property] = max(len(relation.paraphrases), 1)  # never 0, which nothing can be divided by
    number = pl.col("property").replace_strict(numbers, return_dtype=pl.Int64)
    next_one = (pl.col(PARAPHRASE) + 1) % number
    following = pl.format(PARAPHRASE + " {}", next_one)
    is_symmetric = pl.col("kind") == SYMMETRIC
    return pl.when(is_symmetric).then(following).otherwise(chosen)
