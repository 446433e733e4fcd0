"""The first token's vector."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling, rows_at


@final
class Cls(Pooling):
    """The vector of the first token of the text, which encoders are trained to gather it in.

        v = h_t,   t the first with m_t = 1

    Source: Devlin et al. 2019, arXiv:1810.04805, section 3.
    """

    name: ClassVar[str] = "cls"
    published: ClassVar[str] = "cls"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The first token of each row."""
        return rows_at(hidden, mask.argmax(1))  # of equal values, the first place
