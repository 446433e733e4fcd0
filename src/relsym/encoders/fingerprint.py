"""Which weights and which vocabulary a model has, as one number."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase


def fingerprint(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over names, shapes, types and bytes of the weights, and over the vocabulary."""
    hasher = sha256()
    for name, tensor in sorted(model.state_dict().items()):
        hasher.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        hasher.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    hasher.update(repr(sorted(tokenizer.get_vocab().items())).encode())
    return hasher.hexdigest()
