"""The weights of a model: read so that none is left at random, and what identifies them."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from hashlib import sha256
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)
# What wrappers put before the names of weights: torch.compile, data parallelism, and modules that hold the
# model as a part of theirs.
WRAPPER_PREFIXES = ("_orig_mod.", "module.", "encoder.model.", "model.")
POOLER = "pooler"
NAMES_SHOWN = 3


def load_weights(kind: type, name: str, unused: Collection[str] = (), **options: Any) -> PreTrainedModel:
    """A model with all of its weights from its files, in fp32; safetensors alone, since pickles can run code.

    transformers fills what the files lack with random numbers, and only warns. Such a model has scores, but
    they mean nothing and differ from run to run.

    Args:
        kind: one of transformers' ``Auto`` classes.
        name: hub id or local folder.
        unused: parts of the model that no output depends on, such as the pooler of an encoder whose token
            vectors are pooled here. Where the files lack them they are set to zero, so that the same files
            always make the same model.
        options: of ``from_pretrained``.

    Raises:
        ValueError: weights that the model needs are not in its files; the message names the first ones.
        Exception: whatever transformers raises where there is no such model.
    """
    options = {**options, "use_safetensors": True, "dtype": torch.float32, "output_loading_info": True}
    model, loaded = kind.from_pretrained(name, **options)
    lacking = _needed(loaded["missing_keys"], unused)
    prefix = _wrapper_prefix(lacking, loaded["unexpected_keys"])
    if prefix is not None:
        log.info("%s: its weights are called %s..., as a wrapper left them; read without that", name, prefix)
        mapping = {f"^{re.escape(prefix)}": ""}
        model, loaded = kind.from_pretrained(name, key_mapping=mapping, **options)
        lacking = _needed(loaded["missing_keys"], unused)
    if lacking:
        raise ValueError(_lacking_message(model, lacking, loaded["unexpected_keys"]))
    for weight_name in loaded["missing_keys"]:
        nn.init.zeros_(model.get_parameter(weight_name))
    return model


def _needed(missing: Collection[str], unused: Collection[str]) -> list[str]:
    """The names of missing weights that are in no unused part of the model, in order."""
    needed = []
    for name in sorted(missing):
        parts = name.split(".")
        if not any(part in unused for part in parts):
            needed.append(name)
    return needed


def _wrapper_prefix(lacking: Collection[str], unexpected: Collection[str]) -> str | None:
    """The prefix under which the files hold every weight that the model lacks; None if there is none."""
    if not lacking:
        return None
    for prefix in WRAPPER_PREFIXES:
        if all(f"{prefix}{name}" in unexpected for name in lacking):
            return prefix
    return None


def _lacking_message(model: PreTrainedModel, lacking: list[str], unexpected: Collection[str]) -> str:
    """What a message says about weights that are not in the files, and about those there in their place."""
    shown = ", ".join(lacking[:NAMES_SHOWN])
    message = (
        f"its files lack {len(lacking)} of the weights that {type(model).__name__} needs ({shown}), which "
        "would be random numbers."
    )
    if unexpected:
        others = ", ".join(sorted(unexpected)[:NAMES_SHOWN])
        message += f" They hold {len(unexpected)} that it has no place for ({others})."
    return message


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
