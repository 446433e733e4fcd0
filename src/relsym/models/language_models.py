"""Language models from the hub or a local folder: weights whole, in safetensors or GGUF, where they are to
compute.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from relsym.encoders.load import hub_commit, local_or_hub
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
        ValueError: no such model, a model of another kind, weights that are missing or no safetensors, a
        setting that cannot be had here. ImportError: a package that a setting needs.
    """
    check_settings(precision, accelerator, device_map, quantization, gguf_file)
    if not name:
        raise ValueError("model.name=null: name a model of the hub, or a local folder.")
    name = local_or_hub(name)
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    files = {} if gguf_file is None else {"gguf_file": gguf_file}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options, **files)
        unpacking = _unpacking(gguf_file, quantization)
        network, loaded = kind.from_pretrained(
            name,
            **options,
            **files,
            **unpacking,
            use_safetensors=True,
            dtype=dtype_of(precision),
            device_map=device_map,
            output_loading_info=True,
        )
    except Exception as error:  # safetensors and the hub raise types of their own
        raise ValueError(
            f"model.name={name}: cannot load the language model: {str(error).strip().splitlines()[0]} "
            "Pass the id of a hub model with safetensors weights (and a network), a local folder written by "
            "save_pretrained, or model=smollm2."
        ) from error
    check_weights(kind, name, network, set(loaded["missing_keys"]))
    if device_map is None and quantization is None:
        network = network.to(device_of(accelerator))
    source = {"name": name, "revision": revision, "commit": hub_commit(name, revision)}
    return LanguageModel(network.eval(), tokenizer, source)


def check_settings(
    precision: str, accelerator: str, device_map: str | None, quantization: str | None, gguf_file: str | None
) -> None:
    """Refuse what is misspelt, or cannot be had on this machine, before gigabytes are read."""
    dtype_of(precision)
    device_of(accelerator)
    if quantization not in (None, "4bit"):
        raise ValueError(f"model.quantization={quantization}: expected null or 4bit.")
    if quantization == "4bit" and not torch.cuda.is_available():
        raise ValueError(
            "model.quantization=4bit needs a CUDA GPU, and there is none here. Leave it null; precision=bf16 "
            "takes half the "
            "memory of fp32."
        )
    needed = {
        "accelerate": bool(device_map or quantization),
        "bitsandbytes": quantization == "4bit",
        "gguf": bool(gguf_file),
    }
    for package in (package for package, asked in needed.items() if asked and find_spec(package) is None):
        key = "gguf_file" if package == "gguf" else "quantization" if quantization else "device_map"
        extra = "quantized" if quantization else "smollm2"
        raise ImportError(
            f"model.{key} needs the package {package}: pip install {package}, or pip install "
            f'"relsym[{extra}]"'
        )


def check_weights(kind: type, name: str, network: PreTrainedModel, missing: set[str]) -> None:
    """Refuse weights that would be random, models that read to both sides as causal ones, and weights that
    are not in memory.
    """
    other = "causal_lm" if kind is AutoModelForMaskedLM else "masked_lm"
    if missing:
        raise ValueError(
            f"model.name={name}: {len(missing)} of the weights that {type(network).__name__} "
            f"needs are not in its files ({', '.join(sorted(missing)[:3])}): it is no such "
            f"language model. Try model={other}, or choose another."
        )
    config = network.config
    reads_both_sides = getattr(config, "is_decoder", True) is False and type(config) in _masked_configs()
    if kind is AutoModelForCausalLM and reads_both_sides:
        raise ValueError(
            f"model.name={name}: a {config.model_type} that reads to both sides is no causal "
            "language model. Use model=masked_lm."
        )
    if any(parameter.is_meta for parameter in network.parameters()):
        raise ValueError(
            f"model.name={name}: the weights do not fit into the memory there is. Use precision=bf16, "
            "model.quantization=4bit, or more GPUs."
        )


def window_of(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """How many tokens the model can read at once; None where its files name no limit."""
    config = network.config.get_text_config()
    found = [value for value in (getattr(config, key, None) for key in WINDOWS) if isinstance(value, int)]
    return (
        found[0] if found else tokenizer.model_max_length if tokenizer.model_max_length < UNLIMITED else None
    )


def _unpacking(gguf_file: str | None, quantization: str | None) -> dict[str, Any]:
    if quantization == "4bit":
        from transformers import BitsAndBytesConfig

        return {
            "quantization_config": BitsAndBytesConfig(
                load_in_4bit=True, bnb_4bit_compute_dtype=torch.bfloat16
            )
        }
    if gguf_file is None:
        return {}
    try:
        from transformers import GgufConfig
    except ImportError:  # earlier releases of transformers unpack without being told
        return {}
    return {"quantization_config": GgufConfig(dequantize=True)}


def _masked_configs() -> set[type]:
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    return set(MODEL_FOR_MASKED_LM_MAPPING)
