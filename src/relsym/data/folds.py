"""What is held out: relations, entities, templates.

Each fold is one way to train and test on the rows of one benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from relsym.data.relations import ANTISYMMETRIC, SYMMETRIC, Relation, leave_with
from relsym.runs.manifest import Fold

# Siblings and sameness against the parents: one relation that words like it train, one that none does, of
# each kind.
FIXED = ("P3373", "P460", "P22", "P25")
TRAINED_PAIRS = 8
REWORDED = "reworded_swap"


def folds(relations: Mapping[str, Relation], present: Iterable[str]) -> dict[str, Fold]:
    """All folds over the properties that are there.

    - ``fixed``: holds out P3373, P460, P22 and P25 (if all four are there);
    - ``loo-P``: each relation in its turn;
    - ``pair-P-P``: each pair of a symmetric and an antisymmetric relation;
    - ``entities``: no entity of a test row is in a training row;
    - ``templates``: the test rows are worded as no training row is.
    """
    available = _available(relations, present)
    held_out: dict[str, tuple[str, ...]] = {}
    if all(p in available for p in FIXED):
        held_out["fixed"] = FIXED
    for property in available:
        held_out[f"loo-{property}"] = (property,)
    symmetric, antisymmetric = _by_kind(available)
    for pair in product(symmetric, antisymmetric):
        held_out[_pair_name(*pair)] = pair

    every = {}
    for name, properties in held_out.items():
        left_out = leave_with(properties, available)
        every[name] = Fold(properties, tuple(left_out))
    every["entities"] = Fold(split="split_entities")
    every["templates"] = Fold(variants=(REWORDED,))
    return every


def trained_pairs(relations: Mapping[str, Relation], present: Iterable[str]) -> list[str]:
    """The folds ``pair-P-P`` that are trained on when all would take too long.

    They are at most ``TRAINED_PAIRS``, which go round both kinds in the table's order.
    """
    symmetric, antisymmetric = _by_kind(_available(relations, present))
    if not symmetric or not antisymmetric:
        return []
    # A kind that runs out starts anew, so a pair may come again before all have come: it counts once.
    names: list[str] = []
    for turn in range(len(symmetric) * len(antisymmetric)):
        one_symmetric = symmetric[turn % len(symmetric)]
        one_antisymmetric = antisymmetric[turn % len(antisymmetric)]
        name = _pair_name(one_symmetric, one_antisymmetric)
        if name not in names:
            names.append(name)
    return names[:TRAINED_PAIRS]


def _available(relations: Mapping[str, Relation], present: Iterable[str]) -> dict[str, Relation]:
    """The relations of which there are rows, in the table's order."""
    with_rows = set(present)
    return {p: relation for p, relation in relations.items() if p in with_rows}


def _by_kind(relations: Mapping[str, Relation]) -> tuple[list[str], list[str]]:
    """The symmetric and the antisymmetric properties."""
    symmetric, antisymmetric = [], []
    for property, relation in relations.items():
        if relation.kind == SYMMETRIC:
            symmetric.append(property)
        elif relation.kind == ANTISYMMETRIC:
            antisymmetric.append(property)
    return symmetric, antisymmetric


def _pair_name(symmetric: str, antisymmetric: str) -> str:
    return f"pair-{symmetric}-{antisymmetric}"
