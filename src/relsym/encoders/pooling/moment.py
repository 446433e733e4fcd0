"""The mean of the token vectors and, as imaginary parts, their first moment in the order of the text."""

from __future__ import annotations

import math
from typing import Any, ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.encoders.for_sentence_transformers.relsym_moment import mean_and_moment
from relsym.encoders.pooling.base import Pooling
from relsym.visible import printable

KEEP_MARK, DROP_MARK = "keep", "drop"


@final
class Moment(Pooling):
    """What stands in the text, and on which side of it, as one complex vector.

        re = mean_t h_t,   im = scale * mean_t w_t h_t,   v = [re ; im]

    over the text's own tokens t = 1 ... n, with w_t = (2 t - n - 1) / (n - 1): from -1 at the first token to
    1 at the last, and 0 for the only one. Special tokens and padding are left out; of a text that is nothing
    else, the special ones count. A pair that is read as one input is one text, both sentences in turn.

    v has twice the channels of a token: the first half are real parts and the second half imaginary ones, as
    ``metric=rotate`` reads them. For token vectors that do not know their context, reversing the order of the
    tokens conjugates v, and exchanging two spans leaves re as it is and changes im by the tokens alone that
    were moved.

    Args:
        scale: of the imaginary parts beside the real ones.
        final_punctuation: ``drop`` leaves out a last token that is one of . ! ? … 。, so that a text with a
            full stop has the vector of the text without it, but for context; ``keep`` counts it as a token.

    Raises:
        ValueError: a scale that is no finite number above 0, or another word for the punctuation.
    """

    name: ClassVar[str] = "moment"
    published: ClassVar[str | None] = None
    module: ClassVar[str | None] = "relsym_moment.MomentPooling"
    reads_own_tokens: ClassVar[bool] = True
    option_names: ClassVar[tuple[str, ...]] = ("scale", "final_punctuation")

    def __init__(self, scale: Any = 1.5, final_punctuation: Any = KEEP_MARK) -> None:
        super().__init__()
        if not _is_positive(scale):
            raise ValueError(
                f"model.pooling_options: scale={printable(repr(scale))}: expected a finite number above 0."
            )
        if final_punctuation not in (KEEP_MARK, DROP_MARK):
            raise ValueError(
                f"model.pooling_options: final_punctuation={printable(repr(final_punctuation))}: expected "
                f"{KEEP_MARK} or {DROP_MARK}."
            )
        self.scale = float(scale)
        self.final_punctuation = final_punctuation

    @property
    def options(self) -> dict[str, Any]:
        """Scale and punctuation."""
        return {"scale": self.scale, "final_punctuation": self.final_punctuation}

    @property
    def drops_final_punctuation(self) -> bool:
        """Whether a last punctuation mark is no token of the text."""
        return self.final_punctuation == DROP_MARK

    def channels(self, hidden_size: int) -> int:
        """Twice as many as a token has."""
        return 2 * hidden_size

    def forward(
        self, hidden: Float[Tensor, "n length dim"], mask: Int[Tensor, "n length"]
    ) -> Float[Tensor, "n channels"]:
        """Mean and moment of each row."""
        return mean_and_moment(hidden, mask, self.scale)


def _is_positive(value: Any) -> bool:
    """Whether a value is a finite number above 0; Python counts True as one."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        return is_number and math.isfinite(value) and value > 0
    except OverflowError:  # a whole number of more digits than a float has
        return False
