"""The contrastive loss that three of the four objectives share."""

from __future__ import annotations

from jaxtyping import Bool, Float
from torch import Tensor


def contrastive(
    distance: Float[Tensor, "*shape"], positive: Bool[Tensor, "*shape"], margin: float
) -> Float[Tensor, "*shape"]:
    """0.5 * (y d^2 + (1 - y) max(0, margin - d)^2), one value per distance; y is ``positive``.

    Source: Hadsell, Chopra & LeCun 2006; the form and the margins 0.5 and 1.0 stand in the authors' released
    code.
    """
    return 0.5 * (positive * distance.square() + ~positive * (margin - distance).clamp_min(0).square())
