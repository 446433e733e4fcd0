"""What every pooling is: token vectors and their mask in, one vector for each text out."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from jaxtyping import Float, Int
from torch import Tensor, nn


class Pooling(nn.Module):
    """The one vector of a text, from those of its tokens.

    Attributes:
        name: the word in ``model.pooling``, and in everything that relsym stores.
        published: the word of sentence-transformers' files for the same; None where that package has no such
            pooling.
        module: of a pooling that sentence-transformers lacks, what ``modules.json`` calls the class that
            computes it there; its file, of ``for_sentence_transformers``, is written beside the weights.
        reads_own_tokens: whether the mask that it gets has 0 at special tokens too.
        option_names: the arguments of the class, which ``model.pooling_options`` sets.
    """

    name: ClassVar[str]
    published: ClassVar[str | None]
    module: ClassVar[str | None] = None
    reads_own_tokens: ClassVar[bool] = False
    option_names: ClassVar[tuple[str, ...]] = ()

    @property
    def options(self) -> dict[str, Any]:
        """What it was made with, by the names in ``option_names``; plain values, as they are stored."""
        return {}

    @property
    def drops_final_punctuation(self) -> bool:
        """Whether the mask that it gets has 0 at a last punctuation mark too; only with own tokens."""
        return False

    def is_like(self, other: Pooling) -> bool:
        """Whether another pooling gives the same vectors."""
        return self.name == other.name and self.options == other.options

    def described(self) -> str:
        """Name and options for a message."""
        options = [f"{key} {value}" for key, value in self.options.items()]
        return f"{self.name} ({', '.join(options)})" if options else self.name

    def channels(self, hidden_size: int) -> int:
        """Length of the vectors, for token vectors of this length."""
        return hidden_size

    @abstractmethod
    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n channels"]:
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
