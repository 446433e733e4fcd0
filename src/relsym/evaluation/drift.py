"""How far retraining moved an encoder's vectors, without labels."""

from __future__ import annotations

from itertools import product

import torch
from jaxtyping import Float
from torch import Tensor

from relsym.probes.search import nearest

NEIGHBOURS = 10
# A fixed sample that no benchmark trains on: everyday sentences, every subject with every predicate.
SUBJECTS = (
    "The old baker",
    "A tall violinist",
    "My younger neighbour",
    "The night train",
    "Every visitor",
    "A small brown dog",
    "The committee",
    "Her first novel",
    "The frozen lake",
    "An experienced pilot",
    "The museum",
    "A sudden storm",
    "The new recipe",
    "His bicycle",
    "The orchestra",
    "A group of students",
)
PREDICATES = (
    "arrived long before anyone expected it.",
    "was forgotten within a week.",
    "cost more than the whole house.",
    "made the children laugh.",
    "is famous for its quiet mornings.",
    "had never crossed the river.",
    "turned out to be a mistake.",
    "waited in the rain for an hour.",
    "changed the way people think about music.",
    "needs a great deal of patience.",
    "disappeared without a trace.",
    "was painted green last spring.",
    "does not like loud noises.",
    "stood beside the empty station.",
    "won a prize for courage.",
    "reminds me of the sea.",
)
EVERYDAY_SENTENCES = tuple(f"{subject} {predicate}" for subject, predicate in product(SUBJECTS, PREDICATES))


def linear_cka(before: Float[Tensor, "n dim"], after: Float[Tensor, "n other"]) -> float:
    """Linear centred kernel alignment of two encoders' vectors of the same texts, in [0, 1].

        CKA = |B' A|_F^2 / (|B' B|_F |A' A|_F),   columns of B (before) and A (after) centred over the n texts

    It is 1 for the same vectors up to rotation and scale, and 0 where one side has one vector for every text.
    Source: Kornblith et al. 2019, arXiv:1905.00414, section 3.
    """
    b = _centred(before)
    a = _centred(after)
    b_norm = (b.T @ b).norm()
    a_norm = (a.T @ a).norm()
    scale = b_norm * a_norm
    if not scale > 0:  # vectors without spread, or not finite (a comparison with NaN is false)
        return 0.0
    shared = (b.T @ a).square().sum()
    alignment = float(shared / scale)
    # Of the same vectors, rounding can end just above 1.
    return min(1.0, alignment)


def neighbour_overlap(
    before: Float[Tensor, "n dim"], after: Float[Tensor, "n other"], k: int = NEIGHBOURS
) -> float:
    """Mean share of a text's k nearest other texts (by cosine) that it still has.

        (1 / n) sum_i |N_k(i; before) intersected with N_k(i; after)| / k

    Raises:
        ValueError: fewer than k + 1 texts.
    """
    if len(before) <= k:
        raise ValueError(f"neighbour overlap of {len(before)} texts: more than {k} are needed.")
    neighbours_before = _nearest_others(before, k)
    neighbours_after = _nearest_others(after, k)
    equal = neighbours_before[:, :, None] == neighbours_after[:, None, :]  # [n k k]
    still_near = equal.any(-1)
    return float(still_near.double().mean())


def drift(before: Float[Tensor, "n dim"], after: Float[Tensor, "n dim"]) -> dict[str, float]:
    """Both measures by the names under which a run records them: "cka" and "overlap"."""
    # To six digits: the rest depends on the number of threads.
    cka = round(linear_cka(before, after), 6)
    overlap = round(neighbour_overlap(before, after), 6)
    return {"cka": cka, "overlap": overlap}


def _centred(vectors: Tensor) -> Tensor:
    """The vectors less their mean, in double precision."""
    return vectors.double() - vectors.double().mean(0)


def _nearest_others(vectors: Tensor, k: int) -> Tensor:
    """Row numbers of the k nearest other texts of each text [n k], nearest first."""
    unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
    rows = nearest(unit, unit, k + 1)
    # One of the k + 1 is dropped: the text itself, or the last one where the text is not among them (of equal
    # texts, any may come first). All that follow it move one place up.
    is_itself = rows == torch.arange(len(unit))[:, None]
    is_last = torch.arange(k + 1) == k
    without_itself = ~is_itself.any(-1, keepdim=True)
    dropped = is_itself | (without_itself & is_last)
    from_dropped_on = dropped.to(torch.int8).cumsum(-1) > 0
    unmoved = rows[:, :k]
    moved_up = rows[:, 1:]
    return torch.where(from_dropped_on[:, :k], moved_up, unmoved)
