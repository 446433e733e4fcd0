"""The mean of the token vectors."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling, weight_of


@final
class Mean(Pooling):
    """The mean over the tokens of the text, padding left out.

        v = sum_t m_t h_t / sum_t m_t

    Source: Reimers & Gurevych 2019, arXiv:1908.10084, section 3.
    """

    name: ClassVar[str] = "mean"
    published: ClassVar[str] = "mean"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The mean of each row."""
        weight = weight_of(mask, hidden)
        return (hidden * weight).sum(1) / weight.sum(1)
