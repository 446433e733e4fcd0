"""The paper's metric."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric


@final
class Hadamard(Metric):
    """Multiply the hypothesis by the label, channel by channel, and compare with the premise.

        d(p, h, l)     = 1 - cos(h * l, p)
        label_of(p, h) = u(p * h),   u(x) = x / |x|

    The form <h * l, p> does not change when p and h are swapped; the distance sees the order only through the
    norm of h * l, and label_of not at all. label_of maximises the form over unit labels; the distance itself
    is least (0) at l ~ p / h. Source: Yuan & Vlachos 2025, arXiv:2504.16312, Equation 4, as in the authors'
    released code.
    """

    label_ignores_order: ClassVar[bool] = True
    has_identity: ClassVar[bool] = True

    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"],
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """1 - <h * l, p> / (|h * l| |p|), as two matrix products instead of an [n m dim] product."""
        form = (normalize(premise, dim=-1) * hypothesis) @ label.T
        square = hypothesis.square() @ label.square().T  # of |h * l|
        # Kept above 0, for at 0 the gradient of the root is infinite.
        norm = square.clamp_min(1e-24).sqrt()
        return 1 - form / norm

    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]
    ) -> Float[Tensor, "n dim"]:
        """The unit product u(p * h): the same for both orders."""
        # Unit vectors first: their product neither overflows nor vanishes with the length of p and h.
        unit_premise = normalize(premise, dim=-1)
        unit_hypothesis = normalize(hypothesis, dim=-1)
        return normalize(unit_premise * unit_hypothesis, dim=-1)

    def identity_label(self, dim: int) -> Float[Tensor, " dim"]:
        """One in every channel."""
        return torch.ones(dim)
