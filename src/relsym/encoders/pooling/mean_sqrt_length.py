"""The sum of the token vectors, divided by the root of their number."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling, weight_of


@final
class MeanSqrtLength(Pooling):
    """As the mean, but longer texts keep longer vectors.

        v = sum_t m_t h_t / sqrt(sum_t m_t)

    Source: sentence-transformers' ``mean_sqrt_len_tokens``; the sum over words of Cer et al. 2018,
    arXiv:1803.11175, section 2.1.
    """

    name: ClassVar[str] = "mean_sqrt_length"
    published: ClassVar[str] = "mean_sqrt_len_tokens"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The scaled sum of each row."""
        weight = weight_of(mask, hidden)
        return (hidden * weight).sum(1) / weight.sum(1).sqrt()
