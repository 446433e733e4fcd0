"""The facts that can be asked about, out of the statements of a source."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from relsym.data.audit import Audit
from relsym.data.clean_labels import LABEL_BLANK, UNSEEN
from relsym.data.relations import ANTISYMMETRIC, Relation
from relsym.data.triples import TripleSource

MAX_LABEL = 200
Q_ID = r"^Q[1-9]\d*$"
# Controls (tabs and line breaks among them), line and paragraph separators, byte order marks, marks that
# change the direction of writing.
ODD = r"[\p{Cc}\p{Zl}\p{Zp}\x{feff}\x{061c}\x{200e}\x{200f}\x{202a}-\x{202e}\x{2066}-\x{2069}]"
# The two entities of a fact in an order that its reverse has too.
LOWER_END = pl.min_horizontal("subject", "object")
HIGHER_END = pl.max_horizontal("subject", "object")
LABEL_COLUMN = pl.col("label")
# What programs write where a value is missing; each of them is a name too (Nan is a city).
WORDS_FOR_NOTHING = (
    "NA",
    "N/A",
    "<NA>",
    "#N/A",
    "NaN",
    "nan",
    "Nan",
    "NULL",
    "Null",
    "null",
    "None",
    "none",
    "nil",
    "undefined",
)
_PADDED = rf"^(?:{LABEL_BLANK}|{UNSEEN})|(?:{LABEL_BLANK}|{UNSEEN})$"
_INVISIBLE = rf"{UNSEEN}|[\p{{Zs}}--\x{{20}}]|{LABEL_BLANK}{{2}}"
# What the audit looks at in a label: whether it is an id, whether it has odd letters or is too long, whether
# it has blanks around it or letters that are not seen, whether it stands for a missing value, and the name
# under which two entities count as one.
_IS_ID = LABEL_COLUMN.str.contains(Q_ID) | (pl.col("entity") == LABEL_COLUMN)
_IS_ODD = LABEL_COLUMN.str.contains(ODD) | (LABEL_COLUMN.str.len_chars() > MAX_LABEL)
FLAGS = {
    "id": _IS_ID,
    "odd": _IS_ODD,
    "padded": LABEL_COLUMN.str.contains(_PADDED),
    "invisible": LABEL_COLUMN.str.contains(_INVISIBLE),
    "missing": LABEL_COLUMN.is_in(WORDS_FOR_NOTHING),
    "name": LABEL_COLUMN.str.to_lowercase(),
}


def usable_facts(
    source: TripleSource,
    relations: Mapping[str, Relation],
    audit: Audit,
    cleaned_alike: pl.Series | None = None,
) -> pl.DataFrame:
    """Facts with labels, kind and group, in the source's order, less what the audit drops.

    Columns: subject, property, object, subject_label, object_label, kind, group_id. ``group_id`` is the
    unordered entity pair: a fact, its reverse and its twin in another property share it.

    Args:
        source: the statements and labels.
        relations: the property table.
        audit: counts what it finds, and decides.
        cleaned_alike: entities whose labels were made equal (``relsym.data.clean_labels``).
    """
    # The order matters: each finding is looked for among the facts that the ones before it left.
    facts = labelled(source, relations)
    no_label = pl.col("subject_label").is_null() | pl.col("object_label").is_null()
    facts = audit.drop_facts(facts, "no_label", no_label)
    same_entity = pl.col("subject") == pl.col("object")
    facts = audit.drop_facts(facts, "same_entity", same_entity)
    id_label = pl.lit(False)  # no fault where ids stand in for labels by the source's nature
    if source.named_by_ids:
        id_label = pl.col("subject_label").str.contains(Q_ID) | pl.col("object_label").str.contains(Q_ID)
    elif source.labelled:
        id_label = pl.col("subject_id") | pl.col("object_id")
    facts = audit.drop_facts(facts, "id_label", id_label)
    odd_label = pl.col("subject_odd") | pl.col("object_odd")
    facts = audit.drop_facts(facts, "odd_label", odd_label)
    for flag in ("padded", "invisible", "missing"):
        is_flagged = pl.col(f"subject_{flag}") | pl.col(f"object_{flag}")
        facts = audit.drop_facts(facts, f"{flag}_label", is_flagged)
    is_alike = pl.lit(False)
    if cleaned_alike is not None and not cleaned_alike.is_empty():
        entities = cleaned_alike.to_list()
        is_alike = pl.col("subject").is_in(entities) | pl.col("object").is_in(entities)
    facts = audit.drop_facts(facts, "cleaned_alike", is_alike)
    same_label = pl.col("subject_name") == pl.col("object_name")
    facts = audit.drop_facts(facts, "same_label", same_label)
    statement = pl.struct("property", "subject", "object")
    facts = audit.drop_facts(facts, "duplicate", ~statement.is_first_distinct())

    facts = facts.with_columns(group_id=pl.concat_str(LOWER_END, HIGHER_END, separator="|"))
    # Statements that came twice are gone: whatever shares property and pair now is a fact and its reverse.
    pair = pl.struct("property", "group_id")
    is_antisymmetric = pl.col("kind") == ANTISYMMETRIC
    facts = audit.drop_facts(facts, "both_directions", pair.is_duplicated() & is_antisymmetric)
    facts = audit.drop_facts(facts, "both_sides", ~pair.is_first_distinct())

    # Both directions of a fact use the same two names, so these are compared without their order.
    names = [pl.col("subject_name"), pl.col("object_name")]
    first_name = pl.min_horizontal(names).alias("first_name")
    last_name = pl.max_horizontal(names).alias("last_name")
    text = pl.struct("property", first_name, last_name)
    facts = audit.drop_facts(facts, "same_text", ~text.is_first_distinct())
    return facts.drop([*_flag_columns("subject"), *_flag_columns("object")])


def labelled(source: TripleSource, relations: Mapping[str, Relation]) -> pl.DataFrame:
    """The statements with the kind of their property, both labels (null where there is none), and ``FLAGS``.

    The flags are columns ``subject_id`` and so on: a label is looked at once, not once for each statement it
    stands in.
    """
    kind_of = [relation.kind for relation in relations.values()]
    kinds = pl.DataFrame({"property": list(relations), "kind": kind_of})
    facts = source.triples.join(kinds, on="property", how="left", maintain_order="left")
    names = source.labels.with_columns(**FLAGS)
    for side in ("subject", "object"):
        columns = {"entity": side, "label": f"{side}_label"}
        columns |= dict(zip(FLAGS, _flag_columns(side), strict=True))
        facts = facts.join(names.rename(columns), on=side, how="left", maintain_order="left")
    return facts


def reverse_stated(source: TripleSource) -> dict[str, float]:
    """How symmetric each property is in the source.

    That is the share of its distinct statements whose reverse is stated too; a statement about an entity and
    itself is its own reverse.
    """
    # One row for each unordered pair, so that a statement and its reverse are counted together.
    unordered = source.triples.group_by("property", lower=LOWER_END, higher=HIGHER_END)
    subject, object = pl.col("subject"), pl.col("object")
    pairs = unordered.agg(upwards=(subject <= object).any(), downwards=(subject >= object).any())
    upwards, downwards = pl.col("upwards"), pl.col("downwards")
    is_loop = pl.col("lower") == pl.col("higher")
    of_both_directions = upwards.cast(pl.Int64) + downwards.cast(pl.Int64)
    stated = pl.when(is_loop).then(1).otherwise(of_both_directions)
    stated_both_ways = stated.filter(upwards & downwards)
    counts = pairs.group_by("property").agg(stated=stated.sum(), reversed=stated_both_ways.sum())
    shares = {}
    for property, statements, with_reverse in counts.sort("property").iter_rows():
        shares[property] = with_reverse / statements
    return shares


def _flag_columns(side: str) -> list[str]:
    """The columns with the ``FLAGS`` of the subject's or the object's label."""
    return [f"{side}_{flag}" for flag in FLAGS]
