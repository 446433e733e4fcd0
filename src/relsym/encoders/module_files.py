"""The files that make a Hugging Face folder a sentence-transformers model."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from relsym.encoders.dense import Dense
from relsym.encoders.own_tokens import OwnTokens
from relsym.encoders.pooling.base import Pooling
from relsym.encoders.sentence_transformers import FORMER_POOLINGS, MODULES, SIZE_KEY, TOKEN_KEYS

# The names that all releases of sentence-transformers read.
MODULE_TYPES = "sentence_transformers.models."
# Other poolings are named only where they are the one: the oldest releases know these two alone.
ALWAYS_NAMED = ("cls", "mean")


def write_module_files(
    folder: Path,
    hidden_size: int,
    pooling: Pooling,
    max_length: int,
    dense: Sequence[Dense] = (),
    normalize: bool = False,
    own_tokens: OwnTokens | None = None,
) -> None:
    """Describe the modules in the folder that holds the weights of the transformer.

    Of a pooling that sentence-transformers lacks, the module that computes it there is written too.

    Args:
        folder: exists already.
        hidden_size: length of the token vectors.
        pooling: how they become one.
        max_length: tokens after which a text is cut.
        dense: layers after the pooling; their weights are written too.
        normalize: whether vectors are scaled to length 1 in the end.
        own_tokens: of a pooling that reads them.

    Raises:
        ValueError: a pooling that neither sentence-transformers nor a module of relsym's computes there.
    """
    if pooling.published is None and pooling.module is None:
        raise ValueError(
            f"the pooling {pooling.name} has neither published nor module, so no file can say how the saved "
            "vectors are made. Set one in its class (encoders/pooling/base.py)."
        )
    kinds = ["Transformer", "Pooling", *["Dense"] * len(dense)]
    if normalize:
        kinds.append("Normalize")
    modules = []
    for number, kind in enumerate(kinds):
        path = f"{number}_{kind}" if number else ""
        modules.append({"idx": number, "name": str(number), "path": path, "type": f"{MODULE_TYPES}{kind}"})
        if path:
            (folder / path).mkdir(exist_ok=True)
    if pooling.module is not None:
        modules[1]["type"] = pooling.module
        file = f"{pooling.module.partition('.')[0]}.py"
        source = files("relsym.encoders.for_sentence_transformers").joinpath(file)
        (folder / file).write_bytes(source.read_bytes())
    _write_json(folder / MODULES, modules)
    # Whether letters are made small is the tokenizer's own business, and saved with it.
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    _write_json(
        folder / modules[1]["path"] / "config.json", _pooling_settings(hidden_size, pooling, own_tokens)
    )
    for module, layer in zip(modules[2:], dense, strict=False):
        _write_dense(folder / module["path"], layer)


def _pooling_settings(hidden_size: int, pooling: Pooling, own_tokens: OwnTokens | None) -> dict[str, Any]:
    """The pooling in the keys that all releases read; one that sentence-transformers lacks by its options."""
    settings: dict[str, Any] = {SIZE_KEY: hidden_size}
    if pooling.published is None:
        settings |= pooling.options
        if own_tokens is not None:  # its module has no tokenizer to ask
            numbers = (own_tokens.special.tolist(), own_tokens.marks.tolist())
            settings |= zip(TOKEN_KEYS, numbers, strict=True)
        return settings
    for key, published in FORMER_POOLINGS.items():
        is_active = published == pooling.published
        if is_active or published in ALWAYS_NAMED:
            settings[key] = is_active
    return settings


def _write_dense(folder: Path, layer: Dense) -> None:
    """Shape and weights of one layer."""
    shape = layer.shape
    function = type(layer.activation)
    settings = {
        "in_features": shape.inputs,
        "out_features": shape.outputs,
        "bias": shape.bias,
        "activation_function": f"{function.__module__}.{function.__qualname__}",
    }
    _write_json(folder / "config.json", settings)
    tensors = {name: tensor.contiguous() for name, tensor in layer.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
