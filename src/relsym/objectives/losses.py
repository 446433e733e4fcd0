"""The contrastive loss that three of the four objectives share."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def contrastive(
    distance: Float[Tensor, "*shape"], positive: Bool[Tensor, "*shape"], margin: float
) -> Float[Tensor, "*shape"]:
    """The contrastive loss of each distance.

        loss = 0.5 (y d^2 + (1 - y) max(0, margin - d)^2),   y = 1 where ``positive``

    Source: Hadsell, Chopra & LeCun 2006; the form and the margins 0.5 and 1.0 stand in the authors' released
    code.
    """
    pulled = distance.square()
    pushed = (margin - distance).clamp_min(0).square()
    return 0.5 * (positive * pulled + ~positive * pushed)
