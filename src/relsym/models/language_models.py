"""Language models from the hub or a local folder.

Their weights are whole, come from safetensors or GGUF, and lie on the device that is to compute.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from relsym.encoders.load import hub_commit, loading_reason, local_or_hub
from relsym.encoders.padding_check import warn_if_padding_is_read
from relsym.encoders.tokens import check_vocabulary, reserved_places
from relsym.encoders.weights import load_weights
from relsym.models.device import device_of, dtype_of

log = logging.getLogger(__name__)
# What configurations call the number of positions a model was made for.
WINDOWS = (
    "max_position_embeddings",
    "n_positions",
    "n_ctx",
    "max_seq_len",
    "seq_length",
    "max_sequence_length",
)
# How far equal figures may differ by rounding, as a part of the largest one.
FINE_ROUNDED = {torch.float32: 1e-4}
COARSE_ROUNDED = 0.05
UNLIMITED = 10**9  # tokenizers without a limit hold a larger number


class LanguageModel(NamedTuple):
    """Weights and tokenizer, ready to compute, and where they came from."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    source: Mapping[str, Any]


def load_language_model(
    kind: type[AutoModelForCausalLM] | type[AutoModelForMaskedLM],
    name: str | None,
    revision: str | None = "main",
    precision: str = "fp32",
    accelerator: str = "cpu",
    device_map: str | None = None,
    quantization: str | None = None,
    gguf_file: str | None = None,
    trust_remote_code: bool = False,
) -> LanguageModel:
    """A causal or masked language model by hub id or local folder.

    Raises:
        ValueError: no such model, a model of another kind, weights that are missing, broken or no safetensors
            (``load_weights``), a tokenizer of another model, a setting that cannot be had here.
    """
    check_settings(precision, accelerator, quantization)
    if not name:
        raise ValueError("model.name=null: name a model of the hub, or a local folder.")
    name = local_or_hub(name)
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    files = {} if gguf_file is None else {"gguf_file": gguf_file}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options, **files)
        unpacking = _unpacking(gguf_file, quantization)
        packing = {**files, **unpacking, "dtype": dtype_of(precision), "device_map": device_map}
        network = load_weights(kind, name, **options, **packing)
    except Exception as error:  # safetensors and the hub raise types of their own
        reason = loading_reason(error)
        other = "causal_lm" if kind is AutoModelForMaskedLM else "masked_lm"
        raise ValueError(
            f"model.name={name}: cannot load the language model: {reason} "
            "Pass the id of a hub model with safetensors weights (and a network), a local folder written by "
            f"save_pretrained, or model=smollm2; for a language model of the other kind, model={other}."
        ) from error
    check_language_model(kind, name, network)
    # A causal model's batches are filled up with tokens that it does know (``Likelihoods``).
    check_vocabulary(name, tokenizer, network, pads=kind is AutoModelForMaskedLM)
    # With either of these settings, transformers has put the weights where they belong.
    if device_map is None and quantization is None:
        network = network.to(device_of(accelerator))
    network = network.eval()
    if kind is AutoModelForCausalLM:
        check_direction(name, network, tokenizer)
    elif tokenizer.pad_token_id is not None:
        warn_if_padding_is_read(name, network, tokenizer)
    source = {"name": name, "revision": revision, "commit": hub_commit(name, revision)}
    return LanguageModel(network, tokenizer, source)


def check_settings(precision: str, accelerator: str, quantization: str | None) -> None:
    """Refuse what is misspelt, or cannot be had on this machine, before gigabytes are read."""
    dtype_of(precision)
    device_of(accelerator)
    if quantization not in (None, "4bit"):
        raise ValueError(f"model.quantization={quantization}: expected null or 4bit.")
    if quantization == "4bit" and not torch.cuda.is_available():
        raise ValueError(
            "model.quantization=4bit needs a CUDA GPU, and there is none here. Leave it null; precision=bf16 "
            "takes half the memory of fp32."
        )


def check_language_model(kind: type, name: str, network: PreTrainedModel) -> None:
    """Refuse a language model whose scores would mean nothing, though its weights are whole.

    Raises:
        ValueError: a model that reads to both sides as a causal one, weights that are not in memory.
    """
    config = network.config
    # BERT's configuration can be a decoder's, so causal classes take it and would use it the wrong way.
    no_decoder = getattr(config, "is_decoder", True) is False
    reads_both_sides = no_decoder and type(config) in _masked_configs()
    if kind is AutoModelForCausalLM and reads_both_sides:
        raise ValueError(
            f"model.name={name}: a {config.model_type} that reads to both sides is no causal "
            "language model. Use model=masked_lm."
        )
    # With device_map, accelerate leaves on "meta" what fits nowhere.
    if any(parameter.is_meta for parameter in network.parameters()):
        raise ValueError(
            f"model.name={name}: the weights do not fit into the memory there is. Use precision=bf16, "
            "model.quantization=4bit, or more GPUs."
        )


@torch.inference_mode()
def check_direction(name: str, network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a model whose first predictions change with the last token: it has seen what it is to predict.

    transformers loads such models as causal ones too (XLM, XLNet). Four tokens are read twice, the second
    time with another one at the end. Configurations do not tell: each family has settings of its own.

    Args:
        name: of the model, for messages.
        network: a causal language model, on its device, in evaluation mode.
        tokenizer: its own.

    Raises:
        ValueError: it looks ahead.
    """
    special = set(tokenizer.all_special_ids)
    plain = (token for token in range(len(tokenizer)) if token not in special)
    tokens = list(islice(plain, 5))
    if len(tokens) < 5:
        return  # a vocabulary of a few tokens: no text can be told from another
    *first, last, other = tokens
    rows = torch.tensor([[*first, last], [*first, other]], device=network.device)
    logits = network(input_ids=rows, attention_mask=torch.ones_like(rows)).logits.float()
    change = (logits[0, :-1] - logits[1, :-1]).abs().max()
    # Rows of one batch may be rounded differently; a model that looks ahead differs by more.
    rounding = FINE_ROUNDED.get(network.dtype, COARSE_ROUNDED)
    if change > rounding * logits.abs().max():
        raise ValueError(
            f"model.name={name}: a {type(network).__name__} that reads to both sides is no causal language "
            "model: its first predictions change with the last token of a text. Use model=encoder, or "
            "model=masked_lm if its tokenizer has a mask token."
        )


def window_of(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """How many tokens the model can read at once; None where its files name no limit."""
    # Of models that see images as well, the part that reads text.
    config = network.config.get_text_config()
    for key in WINDOWS:
        positions = getattr(config, key, None)
        if isinstance(positions, int) and positions > 0:  # XLNet's -1 means that there is no limit
            return positions - reserved_places(network)
    limit = tokenizer.model_max_length
    return limit if limit < UNLIMITED else None


def _unpacking(gguf_file: str | None, quantization: str | None) -> dict[str, Any]:
    """The argument of ``from_pretrained`` that says how weights are packed, if any is needed."""
    if quantization == "4bit":
        from transformers import BitsAndBytesConfig

        packing = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16)
        return {"quantization_config": packing}
    if gguf_file is None:
        return {}
    try:
        from transformers import GgufConfig
    except ImportError:  # earlier releases of transformers unpack without being told
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def _masked_configs() -> set[type]:
    """The configurations of all models that have a masked language model."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    return set(MODEL_FOR_MASKED_LM_MAPPING)
