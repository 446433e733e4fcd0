"""What identifies a model: its weights and its vocabulary."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase


def weights_hash(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over names, shapes, types and bytes of the weights, and over the vocabulary."""
    hasher = sha256()
    for name, tensor in sorted(model.state_dict().items()):
        header = f"{name} {tuple(tensor.shape)} {tensor.dtype}"
        hasher.update(header.encode())
        values = tensor.detach().cpu().contiguous().flatten()
        # Seen as bytes, since numpy has no bf16.
        hasher.update(values.view(torch.uint8).numpy())
    vocabulary = sorted(tokenizer.get_vocab().items())
    hasher.update(repr(vocabulary).encode())
    return hasher.hexdigest()
