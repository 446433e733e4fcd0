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
    """Token lists of single texts, or of text pairs as one input; the longer text of a pair is cut first."""
    pairs = (list(texts),) if seconds is None else (list(texts), list(seconds))
    encoded = tokenizer(*pairs, truncation="longest_first", max_length=max_length, padding=False)
    keys = [key for key in tokenizer.model_input_names if key in encoded]
    return [
        dict(zip(keys, values, strict=True)) for values in zip(*(encoded[key] for key in keys), strict=True)
    ]


def check_padding(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that cannot fill up a batch.

    Raises:
        ValueError: it has no pad token.
    """
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"{name}: its tokenizer has no pad token, so texts of different length do not fit into one "
            "batch. Set one in the "
            'model\'s tokenizer_config.json ("pad_token"), the one that the model was trained with.'
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
    return {
        key: torch.tensor(
            [feature[key] + [padding.get(key, 0)] * (length - len(feature[key])) for feature in features]
        )
        for key in features[0]
    }


def length_batches(features: Features, tokens_per_batch: int) -> Iterator[list[int]]:
    """Row numbers, longest first, in batches of at most ``tokens_per_batch`` tokens including padding (at
    least one row each).
    """
    order = sorted(range(len(features)), key=lambda i: -len(features[i]["input_ids"]))
    start = 0
    while start < len(order):
        rows = max(1, tokens_per_batch // len(features[order[start]]["input_ids"]))
        yield order[start : start + rows]
        start += rows
