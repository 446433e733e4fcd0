"""Which tokens of an input are the text's own, and not put around it by the tokenizer."""

from __future__ import annotations

import torch
from jaxtyping import Int
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from relsym.encoders.for_sentence_transformers.relsym_moment import mask_of_own_tokens

PUNCTUATION = (".", "!", "?", "…", "。")
# A mark may be another token after a word, after a space, and alone.
PLACES_OF_MARK = ("a{}", "a {}", "{}")


class OwnTokens(nn.Module):
    """The mask of a text's own tokens, from token numbers and the mask of padding.

    Args:
        tokenizer: is asked once which numbers special tokens and punctuation marks have.
        drop_final: whether a last punctuation mark is none of the text's tokens.
    """

    special: Int[Tensor, " special"]
    marks: Int[Tensor, " marks"]

    def __init__(self, tokenizer: PreTrainedTokenizerBase, drop_final: bool) -> None:
        super().__init__()
        special = torch.tensor(special_numbers(tokenizer), dtype=torch.long)
        marks = torch.tensor(mark_numbers(tokenizer) if drop_final else [], dtype=torch.long)
        # They follow the weights to the device, and are no part of what is stored.
        self.register_buffer("special", special, persistent=False)
        self.register_buffer("marks", marks, persistent=False)

    def forward(
        self, numbers: Int[Tensor, "n length"], mask: Int[Tensor, "n length"]
    ) -> Int[Tensor, "n length"]:
        """1 at the own tokens of each text; of a text that has none, at all that are not padding.

        Args:
            numbers: of the tokens.
            mask: 0 where a token is padding.
        """
        return mask_of_own_tokens(numbers, mask, self.special, self.marks)


def special_numbers(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The numbers of the tokens that a tokenizer puts around a text or between two.

    The unknown token is none of them, though it is called special too: it stands for a part of the text.
    """
    numbers = set()
    for texts in (("a",), ("a", "a")):
        encoded = tokenizer(*texts, return_special_tokens_mask=True)
        for number, is_special in zip(encoded["input_ids"], encoded["special_tokens_mask"], strict=True):
            if is_special and number != tokenizer.unk_token_id:
                numbers.add(number)
    return sorted(numbers)


def mark_numbers(tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """The numbers of the tokens that are one of ``PUNCTUATION`` and nothing else."""
    numbers = set()
    for mark in PUNCTUATION:
        for place in PLACES_OF_MARK:
            text = place.format(mark)
            last = tokenizer(text, add_special_tokens=False)["input_ids"][-1:]
            # Of a mark of several tokens the last is no mark, nor is the unknown token.
            if tokenizer.decode(last).strip() == mark:
                numbers.update(last)
    return sorted(numbers)
