"""Moment pooling as a module of sentence-transformers.

relsym writes this file beside the weights of an encoder that is pooled by ``moment``, so that

    SentenceTransformer(FOLDER, trust_remote_code=True)

gives the vectors that relsym gives, up to rounding, on machines without relsym too. It needs torch alone.
relsym itself computes by the two functions below.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_CONFIG = "config.json"


def mean_and_moment(hidden: Tensor, mask: Tensor, scale: float) -> Tensor:
    """The vectors [n, 2 * dim] of texts from those of their tokens [n, length, dim]; see ``MomentPooling``.

    Args:
        mask: 1 at the text's own tokens [n, length].
        scale: of the imaginary parts beside the real ones.
    """
    counts = mask.sum(1, keepdim=True)
    # Counted over the text's own tokens, so that padding in front moves no place: 1 ... n.
    places = mask.cumsum(1)
    sides = (2 * places - counts - 1) / (counts - 1).clamp(min=1)
    own = mask.unsqueeze(-1).to(hidden.dtype)
    weights = own * sides.unsqueeze(-1).to(hidden.dtype)
    tokens = counts.clamp(min=1).to(hidden.dtype)  # a text without any token has a vector of zeros
    real = (hidden * own).sum(1) / tokens
    imaginary = scale * (hidden * weights).sum(1) / tokens
    return torch.cat((real, imaginary), dim=-1)


def mask_of_own_tokens(numbers: Tensor, mask: Tensor, special: Tensor, marks: Tensor) -> Tensor:
    """1 at the own tokens of each text; of a text that has none, at all that are not padding [n, length].

    Args:
        numbers: of the tokens [n, length].
        mask: 0 where a token is padding.
        special: numbers of the tokens that are put around a text.
        marks: numbers of those that are left out where they stand last and not alone; may be empty.
    """
    own = mask * ~torch.isin(numbers, special)
    counts = own.sum(1, keepdim=True)
    own = own.where(counts > 0, mask)
    if len(marks) == 0:
        return own
    counts = own.sum(1, keepdim=True)
    is_last = own.cumsum(1) == counts
    is_mark = torch.isin(numbers, marks)
    # A mark that is all of a text stays.
    return own * ~(is_last & is_mark & (counts > 1))


class MomentPooling(nn.Module):
    """The mean of the token vectors and, as imaginary parts, their first moment in the order of the text.

        re = mean_t h_t,   im = scale * mean_t w_t h_t,   v = [re ; im]

    over the text's own tokens t = 1 ... n, with w_t = (2 t - n - 1) / (n - 1), and 0 for the only one.

    Args:
        word_embedding_dimension: length of a token vector.
        scale: of the imaginary parts beside the real ones.
        final_punctuation: keep, or drop: a last punctuation mark is no token of the text.
        special_tokens: numbers of the tokens that the tokenizer puts around a text. They count where a text
            is nothing else.
        punctuation_tokens: numbers of the tokens that ``drop`` leaves out at the end; empty for ``keep``.
    """

    def __init__(
        self,
        word_embedding_dimension: int,
        scale: float,
        final_punctuation: str,
        special_tokens: list[int],
        punctuation_tokens: list[int],
    ) -> None:
        super().__init__()
        self.config = {
            "word_embedding_dimension": word_embedding_dimension,
            "scale": scale,
            "final_punctuation": final_punctuation,
            "special_tokens": special_tokens,
            "punctuation_tokens": punctuation_tokens,
        }
        self.register_buffer("special", torch.tensor(special_tokens, dtype=torch.long), persistent=False)
        self.register_buffer("marks", torch.tensor(punctuation_tokens, dtype=torch.long), persistent=False)

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add ``sentence_embedding`` [n, 2 * dim] to the features of a batch."""
        hidden = features["token_embeddings"]
        # Sums of many numbers need the digits that lower precisions drop.
        hidden = hidden.float() if hidden.element_size() < 4 else hidden
        own = mask_of_own_tokens(features["input_ids"], features["attention_mask"], self.special, self.marks)
        features["sentence_embedding"] = mean_and_moment(hidden, own, self.config["scale"])
        return features

    def get_sentence_embedding_dimension(self) -> int:
        """Twice the channels of a token."""
        return 2 * self.config["word_embedding_dimension"]

    def save(self, output_path: str, *args: Any, **kwargs: Any) -> None:
        """Write the settings, and this file into the folder above, where it is looked for; no weights."""
        shutil.copy(__file__, Path(output_path).resolve().parent)
        with open(Path(output_path, _CONFIG), "w", encoding="utf-8") as file:
            json.dump(self.config, file, indent=2)

    @staticmethod
    def load(input_path: str) -> MomentPooling:
        """The module that ``save`` or relsym wrote."""
        with open(Path(input_path, _CONFIG), encoding="utf-8") as file:
            return MomentPooling(**json.load(file))
