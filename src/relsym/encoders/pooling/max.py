"""The largest value of each channel."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling


@final
class Max(Pooling):
    """The maximum over the tokens of the text, channel by channel, padding left out.

        v_i = max over t with m_t = 1 of h_ti

    Source: Conneau et al. 2017, arXiv:1705.02364, section 3.2.2.
    """

    name: ClassVar[str] = "max"
    published: ClassVar[str] = "max"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The maximum of each row."""
        is_padding = mask.unsqueeze(-1) == 0
        return hidden.masked_fill(is_padding, float("-inf")).amax(1)
