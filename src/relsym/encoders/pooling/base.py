"""What every pooling is: token vectors and their mask in, one vector for each text out."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn


class Pooling(nn.Module):
    """The one vector of a text, from those of its tokens.

    Attributes:
        name: the word in ``model.pooling``, and in everything that relsym stores.
        published: the word of sentence-transformers' files for the same.
    """

    name: ClassVar[str]
    published: ClassVar[str]

    @abstractmethod
    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n dim"]:
        """The vectors, whichever side a text is padded on.

        Args:
            hidden: vectors of the tokens.
            mask: 1 where a token is one of the text's, 0 where it is padding; a row has at least one 1.
        """


def weight_of(
    mask: Int[Tensor, "n length"], hidden: Float[Tensor, "n length dim"]
) -> Float[Tensor, "n length 1"]:
    """The mask as a factor of the token vectors."""
    return mask.unsqueeze(-1).to(hidden.dtype)


def rows_at(hidden: Float[Tensor, "n length dim"], places: Int[Tensor, " n"]) -> Float[Tensor, "n dim"]:
    """The vector of one token of each text, by its place in the row."""
    rows = places.new_tensor(range(len(places)))
    return hidden[rows, places]
