"""Tokenised texts as plain lists, and their padding into tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from relsym.data.module import Features


def tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], seconds: Sequence[str] | None, max_length: int
) -> Features:
    """Token lists of single texts, or of text pairs as one input; the longer text of a pair is cut first.

    Args:
        tokenizer: from transformers.
        texts: single texts, or the first text of each pair.
        seconds: the second text of each pair; None for single texts.
        max_length: tokens of an input, special ones included.

    Returns:
        For each input its token numbers, attention mask and so on, by the names that the model gives them.
    """
    inputs = [list(texts)]
    if seconds is not None:
        inputs.append(list(seconds))
    encoded = tokenizer(*inputs, truncation="longest_first", max_length=max_length, padding=False)
    keys = [key for key in tokenizer.model_input_names if key in encoded]
    features: Features = []
    for row in range(len(encoded["input_ids"])):
        features.append({key: encoded[key][row] for key in keys})
    return features


def check_padding(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that cannot fill up a batch.

    Raises:
        ValueError: it has no pad token.
    """
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"{name}: its tokenizer has no pad token, so texts of different length do not fit into one "
            'batch. Set one in the model\'s tokenizer_config.json ("pad_token"), the one that the model was '
            "trained with."
        )


def check_length(name: str, max_length: int, config: PretrainedConfig) -> None:
    """Refuse to cut texts later than the model can read.

    Raises:
        ValueError: with the number of places that it has.
    """
    places = getattr(config, "max_position_embeddings", None)
    if places is not None and max_length > places:
        raise ValueError(
            f"model.max_length={max_length}: {name} reads at most {places} tokens. Pass "
            f"model.max_length={places}, or fewer."
        )


def collate(tokenizer: PreTrainedTokenizerBase, features: Features) -> dict[str, Tensor]:
    """Pad on the right to the longest text: one tensor [n length] per input name."""
    length = max(len(feature["input_ids"]) for feature in features)
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    tensors = {}
    for key in features[0]:
        pad = padding.get(key, 0)  # 0 in the attention mask: padding is not attended to
        rows = [feature[key] + [pad] * (length - len(feature[key])) for feature in features]
        tensors[key] = torch.tensor(rows)
    return tensors


def length_batches(features: Features, tokens_per_batch: int) -> Iterator[list[int]]:
    """Row numbers, longest first, in batches of at most ``tokens_per_batch`` tokens including padding.

    A text that is longer than that is a batch of its own.
    """
    lengths = [len(feature["input_ids"]) for feature in features]
    # Longest first: a batch that is too large for the memory fails at once, not after an hour.
    order = sorted(range(len(features)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        rows = max(1, tokens_per_batch // longest)
        yield order[start : start + rows]
        start += rows
