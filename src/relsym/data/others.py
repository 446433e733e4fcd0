"""What a fact is confused with: another relation of the same pair, another object of the same subject."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import polars as pl

from relsym.data.relations import Relation
from relsym.data.splits import uniform

OTHER_RELATION, OTHER_OBJECT = "relation", "object"


def with_others(base: pl.DataFrame, relations: Mapping[str, Relation]) -> pl.DataFrame:
    """Facts with the relation and the object that they are confused with (null where there is none).

    Adds ``other_relation``, a property of the same part with the same slots and another meaning, and
    ``other_object`` with its name ``other_object_name``, the object of another fact of the same property and
    part. Nothing is known to follow from one to the other, whether it is true or not.

    Args:
        base: columns property, split, fact_id, subject_id, object_id, subject, object, reverse.
        relations: the property table.
    """
    properties_of_part: dict[str, list[str]] = {}
    for split, in_part in base.group_by("split", maintain_order=True):
        present = set(in_part["property"].unique())
        properties_of_part[split[0]] = [property for property in relations if property in present]
    candidates = {split: _confusable(names, relations) for split, names in properties_of_part.items()}
    others: list[str | None] = []
    for split, property, fact in base.select("split", "property", "fact_id").iter_rows():
        names = candidates[split][property]
        # No seed of the run: a fact is asked alike in every draw of these relations.
        place = int(uniform(0, f"other relation|{fact}") * len(names))
        others.append(names[place] if names else None)
    base = base.with_columns(pl.Series("other_relation", others, dtype=pl.String))
    return _with_other_objects(base)


def stated_instead(base: pl.DataFrame, other: str) -> pl.DataFrame:
    """The facts with their relation or their object exchanged for the other one.

    Args:
        base: of ``with_others``, less the facts that lack the other one.
        other: ``OTHER_RELATION`` or ``OTHER_OBJECT``.
    """
    if other == OTHER_RELATION:
        return base.with_columns(property="other_relation")
    return base.with_columns(object_id="other_object", object="other_object_name")


def _confusable(properties: Sequence[str], relations: Mapping[str, Relation]) -> dict[str, list[str]]:
    """For each property those of the same slots that mean something else and are not about the same pairs."""
    by_slots = defaultdict(list)
    for property in properties:
        by_slots[relations[property].slots].append(property)
    confusable = {}
    for property in properties:
        relation = relations[property]
        names = []
        for other in by_slots[relation.slots]:
            same_meaning = bool(relation.meaning) and relations[other].meaning == relation.meaning
            if other != property and other not in relation.inverses and not same_meaning:
                names.append(other)
        confusable[property] = names
    return confusable


def _with_other_objects(base: pl.DataFrame) -> pl.DataFrame:
    """The object of the next fact of the same property, part and direction, neither end of the fact."""
    together = ["property", "split", "reverse"]
    columns = []
    for step in (1, 2, 3):
        # Round the facts of a property, so that the last one has a next one too.
        object_id = pl.col("object_id").shift(-step).fill_null(pl.col("object_id").first()).over(together)
        object = pl.col("object").shift(-step).fill_null(pl.col("object").first()).over(together)
        is_another = (object_id != pl.col("object_id")) & (object_id != pl.col("subject_id"))
        columns.append((pl.when(is_another).then(object_id), pl.when(is_another).then(object)))
    ids = pl.coalesce([object_id for object_id, _ in columns])
    names = pl.coalesce([object for _, object in columns])
    return base.with_columns(other_object=ids, other_object_name=names)
