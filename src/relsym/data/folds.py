"""What is held out: relations, entities, templates, as ways to train and test on the rows of one
benchmark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import cycle, product

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
    present = set(present)
    there = {p: r for p, r in relations.items() if p in present}
    held = {"fixed": FIXED} if present >= set(FIXED) else {}
    held |= {f"loo-{p}": (p,) for p in there}
    held |= {f"pair-{one}-{two}": (one, two) for one, two in product(*_by_kind(there))}
    return {name: Fold(p, tuple(leave_with(p, there))) for name, p in held.items()} | {
        "entities": Fold(split="split_entities"),
        "templates": Fold(variants=(REWORDED,)),
    }


def trained_pairs(relations: Mapping[str, Relation], present: Iterable[str]) -> list[str]:
    """The pairs of relations that are trained on when all would take too long: eight that go round both kinds
    in the table's order.
    """
    symmetric, antisymmetric = _by_kind({p: r for p, r in relations.items() if p in set(present)})
    if not symmetric or not antisymmetric:
        return []
    rounds = zip(
        cycle(symmetric), cycle(antisymmetric), range(len(symmetric) * len(antisymmetric)), strict=False
    )
    return list(dict.fromkeys(f"pair-{one}-{two}" for one, two, _ in rounds))[:TRAINED_PAIRS]


def _by_kind(relations: Mapping[str, Relation]) -> tuple[list[str], list[str]]:
    return tuple([p for p, r in relations.items() if r.kind == kind] for kind in (SYMMETRIC, ANTISYMMETRIC))
