"""What else is said of a fact's names: another relation of the pair, another object, what follows from it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import polars as pl

from relsym.data.relations import Relation
from relsym.data.splits import ADDED, TRAIN, uniform

# What a hypothesis has in place of the fact's own: of the first two nothing follows, the third follows.
OTHER_RELATION, OTHER_OBJECT, IMPLIED = "relation", "object", "implied"


def with_others(base: pl.DataFrame, relations: Mapping[str, Relation]) -> pl.DataFrame:
    """Facts with the relation and the object that they are confused with, and the relation that follows.

    Adds ``other_relation``, a property of another meaning with the same slots, and ``other_object`` with its
    name ``other_object_name``, the object of another fact of the same property and part. Where there is none
    of these slots or of this property, another takes its place; where there is none at all it is null.
    Nothing is known to follow from one to the other, whether it is true or not. ``other_implied`` is a
    relation that does follow, with the two names exchanged where ``implied_reversed``; null where none does.

    Args:
        base: columns property, split, fact_id, subject_id, object_id, subject, object, reverse.
        relations: the property table.
    """
    # What is scored stays as it is when relations are added.
    drawn = {property: relation for property, relation in relations.items() if relation.side != ADDED}
    candidates = {
        split: _confusable(relations if split == TRAIN else drawn) for split in base["split"].unique()
    }
    others: list[str | None] = []
    for property, fact, split in base.select("property", "fact_id", "split").iter_rows():
        names = candidates[split][property]
        # No seed of the run: a fact is asked alike in every draw.
        place = int(uniform(0, f"other relation|{fact}") * len(names))
        others.append(names[place] if names else None)
    base = base.with_columns(pl.Series("other_relation", others, dtype=pl.String))
    return _with_other_objects(_with_implied(base, relations))


def stated_instead(base: pl.DataFrame, other: str) -> pl.DataFrame:
    """The facts with their relation or their object exchanged for the other one.

    Args:
        base: of ``with_others``, less the facts that lack the other one.
        other: ``OTHER_RELATION``, ``OTHER_OBJECT`` or ``IMPLIED``.
    """
    if other == IMPLIED:
        ends = {}
        for one, two in (("subject_id", "object_id"), ("subject", "object")):
            ends[one] = pl.when("implied_reversed").then(two).otherwise(one)
            ends[two] = pl.when("implied_reversed").then(one).otherwise(two)
        return base.with_columns(property="other_implied", **ends)
    if other == OTHER_RELATION:
        return base.with_columns(property="other_relation")
    return base.with_columns(object_id="other_object", object="other_object_name")


def _with_implied(base: pl.DataFrame, relations: Mapping[str, Relation]) -> pl.DataFrame:
    """Facts with a relation that follows; of several one, by the fact's hash.

    Both are of one side: what is held out, or asked nowhere, is not trained on here either.
    """
    sides = _sides(relations)
    links_of = {}
    for property, relation in relations.items():
        links_of[property] = [link for link in relation.implied if sides.get(link[0]) == sides[property]]
    chosen: list[tuple[str | None, bool | None]] = []
    for property, fact in base.select("property", "fact_id").iter_rows():
        links = links_of[property]
        if not links:
            chosen.append((None, None))
            continue
        place = int(uniform(0, f"implied|{fact}") * len(links))
        chosen.append(links[place])
    return base.with_columns(
        pl.Series("other_implied", [name for name, _ in chosen], dtype=pl.String),
        pl.Series("implied_reversed", [is_reversed for _, is_reversed in chosen], dtype=pl.Boolean),
    )


def _confusable(relations: Mapping[str, Relation]) -> dict[str, list[str]]:
    """For each property those of its side that mean something else: of the same slots, or of any if need be.

    What trains is confused with what trains alone, so that no held-out relation is ever trained on.
    """
    of_side = defaultdict(list)
    of_slots = defaultdict(list)
    side_of = _sides(relations)
    for property, relation in relations.items():
        of_side[side_of[property]].append(property)
        of_slots[side_of[property], relation.slots].append(property)
    confusable = {}
    for property, relation in relations.items():
        alike = _of_other_meaning(relation, of_slots[side_of[property], relation.slots], relations)
        confusable[property] = alike or _of_other_meaning(relation, of_side[side_of[property]], relations)
    return confusable


def _sides(relations: Mapping[str, Relation]) -> dict[str, str]:
    """The side of each relation; what was added trains."""
    return {
        property: TRAIN if relation.side == ADDED else relation.side
        for property, relation in relations.items()
    }


def _of_other_meaning(
    relation: Relation, properties: Sequence[str], relations: Mapping[str, Relation]
) -> list[str]:
    """Those of the properties that mean something else than a relation, and are not about the same pairs."""
    others = []
    for other in sorted(properties):  # the order of a table must not change a draw
        same_meaning = bool(relation.meaning) and relations[other].meaning == relation.meaning
        if other != relation.property and other not in relation.inverses and not same_meaning:
            others.append(other)
    return others


def _with_other_objects(base: pl.DataFrame) -> pl.DataFrame:
    """The object of a near fact that is neither end of the fact: of its property, else of its part."""
    candidates = []
    for together in (["property", "split", "reverse"], ["split"]):
        for step in (1, 2, 3):
            candidates.append(_object_after(step, together))
    ids = pl.coalesce([object_id for object_id, _ in candidates])
    names = pl.coalesce([object for _, object in candidates])
    return base.with_columns(other_object=ids, other_object_name=names)


def _object_after(step: int, together: list[str]) -> tuple[pl.Expr, pl.Expr]:
    """Id and name of the object some facts further on among those that agree; null if an end of the fact.

    After the last fact comes the first.
    """
    object_id = pl.col("object_id").shift(-step).fill_null(pl.col("object_id").first()).over(together)
    object = pl.col("object").shift(-step).fill_null(pl.col("object").first()).over(together)
    is_another = (object_id != pl.col("object_id")) & (object_id != pl.col("subject_id"))
    return pl.when(is_another).then(object_id), pl.when(is_another).then(object)
