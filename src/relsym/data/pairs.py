"""Facts -> premise / hypothesis / label rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import polars as pl

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL, SYMMETRIC, Relation
from relsym.data.splits import uniform
from relsym.data.verbalize import CONVERSE, NEGATION, PARAPHRASE, TEMPLATE, verbalize, wordings

LEXICALISED, DELEXICALISED = "lexicalised", "delexicalised"
FORMS = (LEXICALISED, DELEXICALISED)
OPPOSITE = {ENTAILMENT: CONTRADICTION, CONTRADICTION: ENTAILMENT, NEUTRAL: NEUTRAL}


class Variant(NamedTuple):
    """How a hypothesis is made from a fact, and so what the premise says about it.

    wording: of the hypothesis.  swapped: subject and object exchanged, so that the relation's kind decides
    the label. negated: the hypothesis denies, so the label is reversed.  premise: its wording (the template,
    unless that is what is held out).
    """

    wording: str
    swapped: bool
    negated: bool = False
    premise: str = TEMPLATE


VARIANTS = {
    "swap": Variant(TEMPLATE, swapped=True),
    "negated_swap": Variant(NEGATION, swapped=True, negated=True),
    "identity": Variant(TEMPLATE, swapped=False),
    "negated_identity": Variant(NEGATION, swapped=False, negated=True),
    "paraphrase": Variant(PARAPHRASE, swapped=False),
    "converse": Variant(CONVERSE, swapped=False),
    "swapped_converse": Variant(CONVERSE, swapped=True),
    "reworded_swap": Variant(PARAPHRASE, swapped=True, premise=PARAPHRASE),
}


class Row(NamedTuple):
    """One premise / hypothesis text with its label, in one form: what a model reads, and what its answer is
    told apart by.

    The last five are empty where rows are not about facts (MNLI).
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
    return {form: [row.pair_id for row in of_form] for form, of_form in rows.items()}


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
        """The texts of one form."""
        if form == LEXICALISED:
            names, texts = (self.subject, self.object), (self.premise, self.hypothesis)
        else:
            names, texts = (self.subject_id, self.object_id), (self.premise_delex, self.hypothesis_delex)
        return Row(
            self.pair_id,
            self.property,
            form,
            *texts,
            self.label,
            self.fact_id,
            self.kind,
            self.variant,
            *names,
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
        facts: columns of ``usable_facts``, and reverse (Boolean) and split.  variants: names in ``VARIANTS``.
        carried: further columns of the facts that go along.

    Raises:
        ValueError: a property lacks a wording that a variant needs.
    """
    check_wordings(relations, variants)
    table = wordings(relations)
    turned = [
        pl.when("reverse").then(two).otherwise(one).alias(name)
        for name, one, two in (
            ("subject_id", "subject", "object"),
            ("object_id", "object", "subject"),
            ("subject", "subject_label", "object_label"),
            ("object", "object_label", "subject_label"),
        )
    ]
    base = facts.select("property", "kind", "group_id", "split", *carried, *turned).with_row_index("ordinal")
    base = base.with_columns(fact_id=pl.concat_str("property", "subject_id", "object_id", separator=":"))
    base = base.with_columns(_paraphrase_of(base["fact_id"], base["property"], relations, variants))
    frames = [
        _variant_rows(base, relations, table, name).with_columns(place=pl.lit(place))
        for place, name in enumerate(variants)
    ]
    rows = frames[0] if len(frames) == 1 else pl.concat(frames).sort("ordinal", "place", maintain_order=True)
    return rows.select(*PAIR_COLUMNS, *carried)


def pairs_of(table: pl.DataFrame) -> list[BenchmarkPair]:
    """Rows of the table -> objects."""
    return [BenchmarkPair(*row) for row in table.select(PAIR_COLUMNS).iter_rows()]


def check_wordings(relations: Mapping[str, Relation], variants: Sequence[str]) -> None:
    """Refuse a variant that some property has no words for."""
    if unknown := [name for name in variants if name not in VARIANTS]:
        raise ValueError(
            f"benchmark.variants: no such variant: {', '.join(unknown)}. Variants: {', '.join(VARIANTS)}."
        )
    needed = {wording for name in variants for wording in (VARIANTS[name].wording, VARIANTS[name].premise)}
    for relation in relations.values():
        for wording in sorted(needed - {TEMPLATE}):
            # The converse of a symmetric relation is a further paraphrase, beside the one that the variant of
            # that name takes.
            source = PARAPHRASE if wording == CONVERSE and relation.kind == SYMMETRIC else wording
            needs = 2 if wording != source else 1
            if (len(relation.paraphrases) < needs) if source == PARAPHRASE else not getattr(relation, source):
                lacking = f"{'two ' if needs == 2 else ''}paraphrases" if source == PARAPHRASE else source
                raise ValueError(
                    f"property {relation.property} has no {lacking}, which {', '.join(variants)} need. Add "
                    "it to the property "
                    "table, or choose other data.properties or benchmark.variants."
                )


def _paraphrase_of(
    fact_ids: pl.Series, properties: pl.Series, relations: Mapping[str, Relation], variants: Sequence[str]
) -> pl.Series:
    """Which paraphrase a fact takes: evenly, by hash."""
    if not {PARAPHRASE, CONVERSE} & {VARIANTS[name].wording for name in variants}:
        return pl.Series("paraphrase", [0], dtype=pl.Int64).new_from_index(0, len(fact_ids))
    numbers = {p: len(r.paraphrases) for p, r in relations.items()}
    chosen = [
        int(uniform(0, f"paraphrase|{fact}") * numbers[p])
        for fact, p in zip(fact_ids, properties, strict=True)
    ]
    return pl.Series("paraphrase", chosen, dtype=pl.Int64)


def _variant_rows(
    base: pl.DataFrame, relations: Mapping[str, Relation], table: pl.DataFrame, name: str
) -> pl.DataFrame:
    variant, symmetric = VARIANTS[name], pl.col("kind") == SYMMETRIC
    # A symmetric relation is its own converse: a further paraphrase, stated from the other side.
    exchange = pl.lit(variant.swapped) ^ symmetric if variant.wording == CONVERSE else pl.lit(variant.swapped)

    def names(one: str, two: str, turned: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        return pl.when(turned).then(two).otherwise(one), pl.when(turned).then(one).otherwise(two)

    texts = [
        verbalize(
            base,
            table,
            _wording(wording, relations),
            {
                column: names("subject", "object", turned),
                f"{column}_delex": names("subject_id", "object_id", turned),
            },
        )
        for column, wording, turned in (
            ("premise", variant.premise, pl.lit(False)),
            ("hypothesis", variant.wording, exchange),
        )
    ]
    labels = {p: (r.label if variant.swapped else ENTAILMENT) for p, r in relations.items()}
    labels = {p: OPPOSITE[label] if variant.negated else label for p, label in labels.items()}
    return pl.concat([base, *texts], how="horizontal").with_columns(
        variant=pl.lit(name),
        label=pl.col("property").replace_strict(labels, return_dtype=pl.String),
        pair_id=pl.concat_str("fact_id", pl.lit(name), separator="#"),
    )


def _wording(wording: str, relations: Mapping[str, Relation]) -> pl.Expr:
    """Which of a property's wordings a row takes."""
    if wording not in (PARAPHRASE, CONVERSE):
        return pl.lit(wording)
    chosen = pl.format(PARAPHRASE + " {}", "paraphrase")
    if wording == PARAPHRASE:
        return chosen
    numbers = {p: max(len(r.paraphrases), 1) for p, r in relations.items()}
    number = pl.col("property").replace_strict(numbers, return_dtype=pl.Int64)
    following = pl.format(PARAPHRASE + " {}", (pl.col("paraphrase") + 1) % number)
    return pl.when(pl.col("kind") == SYMMETRIC).then(following).otherwise(pl.lit(CONVERSE))
