"""Statements -> the facts that can be asked about."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relsym.data.audit import Audit
from relsym.data.relations import ANTISYMMETRIC, Relation
from relsym.data.triples import TripleSource

MAX_LABEL = 200
Q_ID = r"^Q[1-9]\d*$"
# Controls (tabs and line breaks among them), line and paragraph separators, byte order marks, marks that
# change the direction of writing.
ODD = r"[\p{Cc}\p{Zl}\p{Zp}\x{feff}\x{061c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
LOWER_END, HIGHER_END = pl.min_horizontal("subject", "object"), pl.max_horizontal("subject", "object")
LABEL_COLUMN = pl.col("label")
FLAGS = {
    "id": LABEL_COLUMN.str.contains(Q_ID) | (pl.col("entity") == LABEL_COLUMN),
    "odd": LABEL_COLUMN.str.contains(ODD) | (LABEL_COLUMN.str.len_chars() > MAX_LABEL),
    "name": LABEL_COLUMN.str.to_lowercase(),
}


def usable_facts(source: TripleSource, relations: Mapping[str, Relation], audit: Audit) -> pl.DataFrame:
    """Facts with labels, kind and group, in the source's order, less what the audit found and was not told to
    keep.

    Columns: subject, property, object, subject_label, object_label, kind, group_id.  ``group_id`` is the
    unordered entity pair: a fact, its reverse and its twin in another property share it.
    """
    facts = labelled(source, relations)
    facts = audit.drop_facts(
        facts, "no_label", pl.col("subject_label").is_null() | pl.col("object_label").is_null()
    )
    facts = audit.drop_facts(facts, "same_entity", pl.col("subject") == pl.col("object"))
    facts = audit.drop_facts(
        facts, "id_label", pl.col("subject_id") | pl.col("object_id") if source.labelled else pl.lit(False)
    )
    facts = audit.drop_facts(facts, "odd_label", pl.col("subject_odd") | pl.col("object_odd"))
    facts = audit.drop_facts(facts, "same_label", pl.col("subject_name") == pl.col("object_name"))
    facts = audit.drop_facts(
        facts, "duplicate", ~pl.struct("property", "subject", "object").is_first_distinct()
    )
    facts = facts.with_columns(group_id=pl.concat_str(LOWER_END, HIGHER_END, separator="|"))
    pair = pl.struct("property", "group_id")
    facts = audit.drop_facts(
        facts, "both_directions", pair.is_duplicated() & (pl.col("kind") == ANTISYMMETRIC)
    )
    facts = audit.drop_facts(facts, "both_sides", ~pair.is_first_distinct())
    names = pl.col("subject_name"), pl.col("object_name")
    text = pl.struct("property", pl.min_horizontal(names).alias("one"), pl.max_horizontal(names).alias("two"))
    facts = audit.drop_facts(facts, "same_text", ~text.is_first_distinct())
    return facts.drop(f"{side}_{flag}" for side in ("subject", "object") for flag in FLAGS)


def labelled(source: TripleSource, relations: Mapping[str, Relation]) -> pl.DataFrame:
    """The statements with the kind of their property and both labels (null where there is none), each with
    its ``FLAGS``.

    The flags are columns ``subject_id`` and so on: a label is looked at once, not once for each statement it
    stands in.
    """
    kinds = pl.DataFrame({"property": list(relations), "kind": [r.kind for r in relations.values()]})
    facts = source.triples.join(kinds, on="property", how="left", maintain_order="left")
    names = source.labels.with_columns(**FLAGS)
    for side in ("subject", "object"):
        columns = {"entity": side, **{name: f"{side}_{name}" for name in ("label", *FLAGS)}}
        facts = facts.join(names.rename(columns), on=side, how="left", maintain_order="left")
    return facts


def reverse_stated(source: TripleSource) -> dict[str, float]:
    """How symmetric a property is in the source: the share of its distinct statements whose reverse is stated
    too.
    """
    pairs = source.triples.group_by("property", LOWER_END.alias("first"), HIGHER_END.alias("second")).agg(
        (pl.col("subject") <= pl.col("object")).any().alias("there"),
        (pl.col("subject") >= pl.col("object")).any().alias("back"),
    )
    there, back, loop = pl.col("there"), pl.col("back"), pl.col("first") == pl.col("second")
    stated = pl.when(loop).then(1).otherwise(there.cast(pl.Int64) + back.cast(pl.Int64))
    counts = pairs.group_by("property").agg(
        stated.sum().alias("stated"), stated.filter(there & back).sum().alias("reversed")
    )
    return {p: both / all for p, all, both in counts.sort("property").iter_rows()}
