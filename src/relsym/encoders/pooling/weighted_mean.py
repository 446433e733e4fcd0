"""The mean of the token vectors, later ones counting more."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling, weight_of


@final
class WeightedMean(Pooling):
    """The mean over the tokens of the text, each weighted by its place in it.

        v = sum_t t m_t h_t / sum_t t m_t,   t = 1 for the first token of the text

    It suits decoders, whose later tokens have seen more. Source: Muennighoff 2022, arXiv:2202.08904,
    equation 3.
    """

    name: ClassVar[str] = "weighted_mean"
    published: ClassVar[str] = "weightedmean"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The weighted mean of each row."""
        # Counted over the text's own tokens, so that padding in front moves no place.
        places = mask.cumsum(1) * mask
        weight = weight_of(places, hidden)
        return (hidden * weight).sum(1) / weight.sum(1)
