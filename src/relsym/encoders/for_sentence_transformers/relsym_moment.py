"""Moment pooling as a module of sentence-transformers.

relsym writes this file beside the weights of an encoder that is pooled by ``moment``, so that

    SentenceTransformer(FOLDER, trust_remote_code=True)

gives the vectors that relsym gives, up to rounding, on machines without relsym too. It needs torch alone.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

_CONFIG = "config.json"


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
        punctuation_tokens: numbers of the tokens that ``drop`` leaves out at the end.
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
        dropped = punctuation_tokens if final_punctuation == "drop" else []
        self.register_buffer("special", torch.tensor(special_tokens, dtype=torch.long), persistent=False)
        self.register_buffer("dropped", torch.tensor(dropped, dtype=torch.long), persistent=False)

    def forward(self, features: dict[str, Any]) -> dict[str, Any]:
        """Add ``sentence_embedding`` [n, 2 * dim] to the features of a batch."""
        hidden = features["token_embeddings"]
        # Sums of many numbers need the digits that lower precisions drop.
        hidden = hidden.float() if hidden.element_size() < 4 else hidden
        own = self._own_tokens(features["input_ids"], features["attention_mask"])
        counts = own.sum(1, keepdim=True)
        # Counted over the text's own tokens, so that padding in front moves no place.
        places = own.cumsum(1)
        sides = (2 * places - counts - 1) / (counts - 1).clamp(min=1)
        mask = own.unsqueeze(-1).to(hidden.dtype)
        weights = mask * sides.unsqueeze(-1).to(hidden.dtype)
        tokens = counts.clamp(min=1).to(hidden.dtype)  # a text without any token has a vector of zeros
        real = (hidden * mask).sum(1) / tokens
        imaginary = self.config["scale"] * (hidden * weights).sum(1) / tokens
        features["sentence_embedding"] = torch.cat((real, imaginary), dim=-1)
        return features

    def _own_tokens(self, numbers: Tensor, mask: Tensor) -> Tensor:
        """1 at the text's own tokens, by the numbers of the tokens and the mask of padding [n, length]."""
        own = mask * ~torch.isin(numbers, self.special)
        own = own.where(own.sum(1, keepdim=True) > 0, mask)
        if len(self.dropped) == 0:
            return own
        counts = own.sum(1, keepdim=True)
        is_last = own.cumsum(1) == counts
        is_mark = torch.isin(numbers, self.dropped)
        return own * ~(is_last & is_mark & (counts > 1))

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
