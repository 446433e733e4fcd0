"""The last token's vector."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.pooling.base import Pooling, rows_at


@final
class LastToken(Pooling):
    """The vector of the last token of the text, the one that has seen all of it in a decoder.

        v = h_t,   t the last with m_t = 1

    Source: Neelakantan et al. 2022, arXiv:2201.10005, section 3.
    """

    name: ClassVar[str] = "last_token"
    published: ClassVar[str] = "lasttoken"

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The last token of each row."""
        # The count of the text's tokens so far is largest, for the first time, at the last of them.
        return rows_at(hidden, mask.cumsum(1).argmax(1))
