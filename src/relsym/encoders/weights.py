"""The weights of a model: read so that none is left at random, and what identifies them."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)
# What wrappers put before the names of weights: torch.compile, data parallelism, and modules that hold the
# model as a part of theirs.
WRAPPER_PREFIXES = ("_orig_mod.", "module.", "encoder.model.", "model.")
# One may stand in another, as where a compiled model was trained in parallel.
_WRAPPERS = re.compile("(?:" + "|".join(map(re.escape, WRAPPER_PREFIXES)) + ")+")
_NUMBER = re.compile(r"(?<=\.)\d+(?=\.)")
POOLER = "pooler"
NAMES_SHOWN = 3
ADAPTER = "adapter_config.json"


def load_weights(kind: type, name: str, unused: Collection[str] = (), **options: Any) -> PreTrainedModel:
    """A model with all of its weights from its files: safetensors or GGUF, since pickles can run code.

    transformers fills what the files lack with random numbers, and only warns. Such a model has scores, but
    they mean nothing and differ from run to run.

    Args:
        kind: one of transformers' ``Auto`` classes.
        name: hub id or local folder.
        unused: parts of the model that no output depends on, such as the pooler of an encoder whose token
            vectors are pooled here. Where the files lack them they are set to zero, so that the same files
            always make the same model.
        options: of ``from_pretrained``; the weights are fp32 unless ``dtype`` says otherwise.

    Raises:
        ValueError: weights that the model needs are not in its files, are there twice, packed or as a change
            of others, have another shape than the configuration says, or are not finite; the message names
            the first ones. Or an adapter.
        Exception: whatever transformers raises where there is no such model.
    """
    _refuse_adapter(Path(name) / options.get("subfolder", ""))
    options = {"dtype": torch.float32, **options, "use_safetensors": True, "output_loading_info": True}
    # Weights of another shape are refused below, by their names, which transformers' own message lacks.
    options["ignore_mismatched_sizes"] = True
    model, loaded = kind.from_pretrained(name, **options)
    prefix = _wrapper_prefix(model, loaded)
    if prefix is not None:
        log.info("%s: its weights are called %s..., as a wrapper left them; read without that", name, prefix)
        mapping = {f"^{re.escape(prefix)}": ""}
        first_look = loaded
        model, loaded = kind.from_pretrained(name, key_mapping=mapping, **options)
        _refuse_two_models(model, first_look)
    _check_whole(model, loaded, unused)
    if options.get("gguf_file") is None:  # whose own packing transformers knows
        _refuse_unread_parts(model, loaded["unexpected_keys"])
    check_finite_weights(model)
    _warn_of_further_layers(name, model, loaded["unexpected_keys"])
    for weight_name in loaded["missing_keys"]:
        nn.init.zeros_(model.get_parameter(weight_name))
    return model


def _refuse_adapter(folder: Path) -> None:
    """Refuse a folder with an adapter: it would be left out, or its base taken from wherever it says."""
    if (folder / ADAPTER).exists():
        raise ValueError(
            f"the folder holds an adapter ({ADAPTER}), whose weights may be a pickle and whose base may lie "
            "anywhere. Merge it into its model, save that, and pass the folder of the merged model."
        )


def _wrapper_prefix(model: PreTrainedModel, loaded: Mapping[str, Any]) -> str | None:
    """The prefix of a wrapper under which the files hold a weight that the model lacks; None if none does.

    One weight tells: what is still missing without the prefix is refused afterwards.
    """
    unexpected = sorted(loaded["unexpected_keys"])
    # The files may be of the bare model or of one with a head: then either side has the base's name as well.
    base = f"{model.base_model_prefix}." if model.base_model_prefix else ""
    for lacking in sorted(loaded["missing_keys"]):
        bare_name = lacking.removeprefix(base)
        for stored in unexpected:
            if not stored.endswith(f".{bare_name}"):
                continue
            before = stored.removesuffix(bare_name)
            for prefix in (before, before.removesuffix(base)):
                if _WRAPPERS.fullmatch(prefix):
                    return prefix
    return None


def _refuse_two_models(model: PreTrainedModel, loaded: Mapping[str, Any]) -> None:
    """Refuse files that hold one weight twice, under its own name and a wrapper's, or under two wrappers'.

    Args:
        loaded: what was found out before a wrapper's prefix was taken off.
    """
    base = f"{model.base_model_prefix}."
    stored_as = {}
    for weight_name in set(model.state_dict()) - set(loaded["missing_keys"]):
        stored_as[weight_name.removeprefix(base)] = weight_name
    for stored in sorted(loaded["unexpected_keys"]):
        wrapper = _WRAPPERS.match(stored)
        bare_name = stored[wrapper.end() :] if wrapper else stored
        bare_name = bare_name.removeprefix(base)
        other = stored_as.setdefault(bare_name, stored)
        if other != stored:
            raise ValueError(
                f"its files hold one weight twice, as {other} and as {stored}: two models, or one before and "
                "after a training. Save the one that you mean by itself."
            )


def _refuse_unread_parts(model: PreTrainedModel, unexpected: Collection[str]) -> None:
    """Refuse files that say more about a layer than is read: scales of packed weights, a change by adapters.

    What belongs to other layers, such as a head that the model does not have, is no part of it.
    """
    if getattr(model.config, "quantization_config", None) is not None:
        return  # transformers unpacks these itself
    base = f"{model.base_model_prefix}."
    layers = set()
    for name, module in model.named_modules():
        if next(module.parameters(recurse=False), None) is not None:
            layers.add(name.removeprefix(base))
    unread = []
    for stored in sorted(unexpected):
        parents = stored.removeprefix(base).split(".")[:-1]
        if any(".".join(parents[:count]) in layers for count in range(1, len(parents) + 1)):
            unread.append(stored)
    if unread:
        raise ValueError(
            f"its files say more about {len(unread)} of its layers than {type(model).__name__} reads "
            f"({_first(unread)}): packed weights without their scales, or a training that was stored apart, "
            "would be taken for the model. Save it unpacked and merged."
        )


def _check_whole(model: PreTrainedModel, loaded: Mapping[str, Any], unused: Collection[str]) -> None:
    """Refuse a model that lacks weights, or whose weights have another shape in the files."""
    architecture = type(model).__name__
    unexpected = loaded["unexpected_keys"]
    needed = _needed(loaded["missing_keys"], unused)
    if needed:
        message = (
            f"its files lack {len(needed)} of the weights that {architecture} needs ({_first(needed)}), "
            "which would be random numbers."
        )
        if unexpected:
            message += f" They hold {len(unexpected)} that it has no place for ({_first(unexpected)})."
        raise ValueError(message)
    shapes = []
    for weight_name, stored, wanted in sorted(loaded["mismatched_keys"]):
        shapes.append(f"{weight_name} {list(stored)} in place of {list(wanted)}")
    if shapes:
        raise ValueError(
            f"{len(shapes)} weights in its files have another shape than {architecture} has by its "
            f"config.json ({_first(shapes)}). Pass the config.json that was saved with these weights (its "
            "number of labels makes the shape of a classifier's head)."
        )


def _needed(missing: Collection[str], unused: Collection[str]) -> list[str]:
    """The names of missing weights that are in no unused part of the model, in order."""
    needed = []
    for name in sorted(missing):
        parts = name.split(".")
        if not any(part in unused for part in parts):
            needed.append(name)
    return needed


def check_finite_weights(model: nn.Module) -> None:
    """Refuse weights with NaN or infinite numbers, as a diverged training or a broken conversion leaves.

    Raises:
        ValueError: naming the first ones.
    """
    broken = []
    for name, weight in model.named_parameters():
        # Packed weights are whole numbers, and what lies on "meta" is not in memory.
        if weight.is_floating_point() and not weight.is_meta and not torch.isfinite(weight).all():
            broken.append(name)
    if broken:
        raise ValueError(
            f"{len(broken)} of its weights hold NaN or infinite numbers ({_first(broken)}), so that its "
            "answers mean nothing. Save the model again from a state before its loss diverged."
        )


def _warn_of_further_layers(name: str, model: PreTrainedModel, unexpected: Collection[str]) -> None:
    """Say aloud that the files hold more layers than the model's configuration counts."""
    base = f"{model.base_model_prefix}."
    kinds = {_NUMBER.sub("#", weight_name.removeprefix(base)) for weight_name in model.state_dict()}
    further = []
    for stored in sorted(unexpected):
        if _NUMBER.sub("#", stored.removeprefix(base)) in kinds:
            further.append(stored)
    if further:
        log.warning(
            "%s: its files hold %d weights of further layers, which its config.json does not count and which "
            "are not read (%s)",
            name,
            len(further),
            _first(further),
        )


def _first(names: Collection[str]) -> str:
    """The first names, as a message shows them."""
    return ", ".join(sorted(names)[:NAMES_SHOWN])


def weights_hash(model: nn.Module, tokenizer: PreTrainedTokenizerBase) -> str:
    """SHA-256 over names, shapes, types and bytes of the weights, and over the vocabulary."""
    hasher = sha256()
    _add_state(hasher, model)
    vocabulary = sorted(tokenizer.get_vocab().items())
    hasher.update(repr(vocabulary).encode())
    return hasher.hexdigest()


def state_hash(module: nn.Module) -> str:
    """SHA-256 over names, shapes, types and bytes of the weights of one part."""
    hasher = sha256()
    _add_state(hasher, module)
    return hasher.hexdigest()


def _add_state(hasher: Any, module: nn.Module) -> None:
    """Hash names, shapes, types and bytes of the weights."""
    for name, tensor in sorted(module.state_dict().items()):
        header = f"{name} {tuple(tensor.shape)} {tensor.dtype}"
        hasher.update(header.encode())
        values = tensor.detach().cpu().contiguous().flatten()
        # Seen as bytes, since numpy has no bf16.
        hasher.update(values.view(torch.uint8).numpy())
