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
    """Linear centred kernel alignment: 1 for the same vectors up to rotation and scale, 0 where one side has
    one vector for every text.

        CKA = |B' A|_F^2 / (|B' B|_F |A' A|_F),   columns of B (before) and A (after) centred over the n texts

    Source: Kornblith et al. 2019, arXiv:1905.00414, section 3.
    """
    b, a = (vectors.double() - vectors.double().mean(0) for vectors in (before, after))
    scale = (b.T @ b).norm() * (a.T @ a).norm()
    if not scale > 0:  # vectors without spread, or not finite
        return 0.0
    return min(
        1.0, float((b.T @ a).square().sum() / scale)
    )  # the same vectors: rounding can end just above 1


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
    sets = [_others(vectors, k) for vectors in (before, after)]
    shared = (sets[0][:, :, None] == sets[1][:, None, :]).any(-1)
    return float(shared.double().mean())


def drift(before: Float[Tensor, "n dim"], after: Float[Tensor, "n dim"]) -> dict[str, float]:
    """Both, by the names under which a run records them; to six digits, since the rest depends on the number
    of threads.
    """
    return {"cka": round(linear_cka(before, after), 6), "overlap": round(neighbour_overlap(before, after), 6)}


def _others(vectors: Tensor, k: int) -> Tensor:
    """Rows of the k nearest, the text itself left out (of equal texts it need not come first)."""
    unit = torch.nn.functional.normalize(vectors.float(), dim=-1)
    found, itself = nearest(unit, unit, k + 1), torch.arange(len(unit))[:, None]
    later = (found == itself).to(torch.int8).cumsum(-1) > 0
    later |= ~(found == itself).any(-1, keepdim=True) & (torch.arange(k + 1) == k)
    return torch.where(later[:, :k], found[:, 1:], found[:, :k])
