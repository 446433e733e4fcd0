"""What a sentence-transformers folder says about how its encoder is to be read.

Its JSON files are read as data: the classes that ``modules.json`` names are looked up among those that relsym
has, and refused by name otherwise. Nothing is imported. relsym's own folders may name a pooling that
sentence-transformers lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from relsym.encoders.dense import ACTIVATIONS, Dense, DenseShape
from relsym.encoders.model_files import ModelFiles
from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.registry import OPTIONS_KEY, OWN_TYPES, PUBLISHED_POOLINGS, pooling_named
from relsym.encoders.weights import check_finite_weights

MODULES, SETTINGS = "modules.json", "config_sentence_transformers.json"
# What a module is called in ``type`` has had several beginnings; its last part says what it is.
SENTENCE_PACKAGE = "sentence_transformers."
SUPPORTED = ("Transformer", "Pooling", "Dense", "Normalize")
# The first releases had a module for each architecture, in folders such as 0_BERT, with the same files in it.
# T5's put a task before every text; its settings are refused for that where they name one.
FORMER_TRANSFORMERS = ("BERT", "RoBERTa", "DistilBERT", "CamemBERT", "ALBERT", "XLMRoBERTa", "XLNet", "T5")
SETTINGS_NAMED_FOR = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet", "T5")
# The vector of the text, which modules hand on under this name.
VECTOR = "sentence_embedding"
# The keys of older files, one for each pooling.
FORMER_POOLINGS = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
# In the settings of a pooling of relsym's own, beside its options.
SIZE_KEY = "word_embedding_dimension"
# Also there, for the module that computes it in sentence-transformers; here the tokenizer is asked.
TOKEN_KEYS = ("special_tokens", "punctuation_tokens")
# A prompt is only set before texts that ask for it, which nothing here does: see ``_check_settings``.
OTHER_POOLING_KEYS = (SIZE_KEY, "embedding_dimension", "include_prompt", "pooling_mode")
PLAIN_NUMBERS = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
DENSE_KEYS = ("in_features", "out_features", "bias", "activation_function")
# As the transformer is read here anyway.
TRANSFORMER_DEFAULTS: dict[str, Any] = {
    "transformer_task": "feature-extraction",
    "module_output_name": "token_embeddings",
    "task_identifier": "",  # what the first releases put before every text of a T5
}
TEXT_BY_FORWARD = {"method": "forward", "method_output_name": "last_hidden_state"}
# Keys of the transformer's settings that change no vector, or are read below.
FREE_TRANSFORMER_KEYS = ("max_seq_length", "do_lower_case", "unpad_inputs", "modality_config")


@dataclass(frozen=True)
class FolderReading:
    """How a sentence-transformers folder is to be read.

    transformer: path of the transformer in the folder; "" is the folder itself.
    pooling: as its files say, with its options.
    max_length: tokens after which texts are cut; None where the tokenizer says it.
    lower_case: whether texts are made lower case whatever the tokenizer does.
    dense: the layers after the pooling, in order, with the paths they lie in.
    normalize: whether vectors are scaled to length 1 in the end.
    """

    transformer: str
    pooling: Pooling
    max_length: int | None
    lower_case: bool
    dense: tuple[tuple[str, DenseShape], ...]
    normalize: bool


@dataclass(frozen=True)
class _Module:
    """One entry of ``modules.json``.

    kind: one of ``SUPPORTED``.
    path: a folder.
    own: the class of a pooling that sentence-transformers lacks; None for its own modules.
    """

    kind: str
    path: str
    own: type[Pooling] | None = None

    def file(self, name: str) -> str:
        """The path of a file of this module."""
        return f"{self.path}/{name}" if self.path else name


def is_sentence_folder(files: ModelFiles) -> bool:
    """Whether the files are those of a sentence encoder, by the modules that they name."""
    entries = files.json(MODULES, list) or []
    for entry in entries:
        name = entry.get("type") if isinstance(entry, dict) else None
        if isinstance(name, str) and (name.endswith(".Pooling") or name in OWN_TYPES):
            return True
    return False


def read_folder(files: ModelFiles) -> FolderReading | None:
    """What the folder says; None where it is no sentence-transformers folder.

    Raises:
        ValueError: files that are damaged, or name what relsym cannot read; the message names file and part.
    """
    entries = files.json(MODULES, list)
    if entries is None:
        _check_no_remains(files)
        return None
    modules = [_module(files, entry) for entry in entries]
    _check_order(files, modules)
    _check_settings(files)
    transformer, pooling = modules[0], modules[1]
    max_length, lower_case = _transformer(files, transformer)
    pooling_read = _pooling(files, pooling) if pooling.own is None else _own_pooling(files, pooling)
    dense = []
    for module in modules[2:]:
        if module.kind == "Dense":
            dense.append((module.path, _dense(files, module)))
        else:
            _check_normalize(files, module)
    normalize = modules[-1].kind == "Normalize"
    return FolderReading(transformer.path, pooling_read, max_length, lower_case, tuple(dense), normalize)


def load_dense(files: ModelFiles, reading: FolderReading, hidden_size: int) -> list[Dense]:
    """The dense layers with their weights, from safetensors alone, in fp32.

    Args:
        files: of the model.
        reading: names the layers.
        hidden_size: length of the vectors that the first one gets.

    Raises:
        ValueError: weights that are missing, a pickle, damaged, or of another shape.
    """
    layers = []
    length = hidden_size
    for folder, shape in reading.dense:
        if shape.inputs != length:
            raise ValueError(
                f"{_place(files, folder)}/config.json: in_features is {shape.inputs}, and the vectors that "
                f"come in have {length} channels. {files.advice}"
            )
        length = shape.outputs
        file = f"{folder}/model.safetensors"
        path = files.path(file)
        if path is None:
            raise ValueError(
                f"{_place(files, file)}: the weights of this dense layer are missing. Only safetensors are "
                "read, since a pickle (pytorch_model.bin) can run code: save the model again with a newer "
                "sentence-transformers."
            )
        layer = Dense(shape)
        try:
            stored = load_file(path)
            packed = [name for name, tensor in stored.items() if tensor.dtype not in PLAIN_NUMBERS]
            tensors = {name: tensor.to(torch.float32) for name, tensor in stored.items()}
            layer.load_state_dict(tensors)
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(f"{path}: does not fit its config.json ({reason}). {files.advice}") from error
        _check_dense_weights(path, layer, packed)
        layers.append(layer)
    return layers


def _check_dense_weights(path: Path, layer: Dense, packed: Sequence[str]) -> None:
    """Refuse packed numbers, which mean nothing without a scale, and numbers that are not finite."""
    if packed:
        raise ValueError(f"{path}: {packed[0]} is packed. Save the model in fp32, fp16 or bf16.")
    try:
        check_finite_weights(layer)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check_no_remains(files: ModelFiles) -> None:
    """Refuse a local folder that has a pooling but lost the file that says so."""
    if not files.is_local:
        return
    remains = sorted(path.parent.name for path in Path(files.name).glob("*Pooling/config.json"))
    if remains:
        raise ValueError(
            f"{files.name}: holds {remains[0]} but no {MODULES}, so nothing says how its vectors are made. "
            f"{files.advice}"
        )


def _module(files: ModelFiles, entry: Any) -> _Module:
    """One entry of ``modules.json``, checked."""
    place = _place(files, MODULES)
    kind = entry.get("type") if isinstance(entry, dict) else None
    path = entry.get("path") if isinstance(entry, dict) else None
    if not isinstance(kind, str) or not isinstance(path, str):
        raise ValueError(f"{place}: each module needs a type and a path, got {entry!r:.80}. {files.advice}")
    last = kind.rpartition(".")[2]
    if last in FORMER_TRANSFORMERS:
        last = "Transformer"
    own = OWN_TYPES.get(kind)
    if own is None and not (kind.startswith(SENTENCE_PACKAGE) and last in SUPPORTED):
        raise _unsupported(files, MODULES, f"the module {kind!r:.100}", f"{', '.join(SUPPORTED)} are read")
    parts = PurePosixPath(path).parts
    if "\\" in path or path.startswith("/") or ".." in parts:
        raise ValueError(f"{place}: the path {path!r:.80} leads out of the folder. {files.advice}")
    return _Module("Pooling" if own else last, "/".join(parts), own)


def _check_order(files: ModelFiles, modules: Sequence[_Module]) -> None:
    """Refuse modules in another order than transformer, pooling, dense layers, and one Normalize at most."""
    kinds = [module.kind for module in modules]
    layers = kinds[2:]
    if layers and layers[-1] == "Normalize":
        layers = layers[:-1]
    if kinds[:2] != ["Transformer", "Pooling"] or any(kind != "Dense" for kind in layers):
        order = ", ".join(kinds) or "nothing"
        supported = "expected are Transformer, Pooling, any number of Dense, and perhaps Normalize"
        raise _unsupported(files, MODULES, f"the order {order}", supported)


def _check_settings(files: ModelFiles) -> None:
    """Refuse settings of the whole model that would change its vectors."""
    settings = files.json(SETTINGS, dict) or {}
    kind = settings.get("model_type")
    if kind not in (None, "SentenceTransformer"):
        raise _unsupported(files, SETTINGS, f"model_type {kind!r:.80}", "only SentenceTransformer is read")
    if settings.get("truncate_dim") is not None:
        raise _unsupported(
            files, SETTINGS, f"truncate_dim {settings['truncate_dim']!r:.80}", "set it to null"
        )
    default = settings.get("default_prompt_name")
    if default is None:
        return
    prompts = settings.get("prompts")
    prompt = prompts.get(default) if isinstance(prompts, dict) and isinstance(default, str) else None
    if prompt != "":
        raise _unsupported(
            files,
            SETTINGS,
            f"default_prompt_name {default!r:.80}, which puts {prompt!r:.80} before every text,",
            "set it to null to encode texts as they are",
        )


def _transformer(files: ModelFiles, module: _Module) -> tuple[int | None, bool]:
    """Tokens after which texts are cut, and whether they are made lower case."""
    file = module.file("sentence_bert_config.json")
    settings: dict[str, Any] = {}
    for architecture in SETTINGS_NAMED_FOR:  # older files are named for it
        named = module.file(f"sentence_{architecture}_config.json")
        content = files.json(named, dict)
        if content:  # sentence-transformers passes over an empty one too
            file, settings = named, content
            break
    _check_transformer(files, file, settings)
    lower_case = settings.get("do_lower_case", False)
    if not isinstance(lower_case, bool):
        raise _wrong(files, file, "do_lower_case", "true or false", lower_case)
    length = settings.get("max_seq_length")
    if length is not None and not (_is_whole(length) and length >= 1):
        raise _wrong(files, file, "max_seq_length", "a whole number from 1, or null", length)
    return length, lower_case


def _check_transformer(files: ModelFiles, file: str, settings: dict[str, Any]) -> None:
    """Refuse settings of the transformer that would change its vectors."""
    for key, value in settings.items():
        if key in FREE_TRANSFORMER_KEYS or value in (None, {}, []):
            continue
        if value != TRANSFORMER_DEFAULTS.get(key):
            raise _unsupported(files, file, f"{key!r:.80} {value!r:.80}", "save the model without it")
    modalities = settings.get("modality_config")
    if modalities is None:
        return
    text = modalities.get("text") if isinstance(modalities, dict) else None
    if text != TEXT_BY_FORWARD:
        what = f"modality_config.text {text!r:.100}"
        raise _unsupported(files, file, what, "texts are read by their last_hidden_state")


def _own_pooling(files: ModelFiles, module: _Module) -> Pooling:
    """A pooling that sentence-transformers lacks, with the options that its file says."""
    file = module.file("config.json")
    settings = _required(files, file)
    options = {key: value for key, value in settings.items() if key not in (SIZE_KEY, *TOKEN_KEYS)}
    for name in module.own.option_names:
        if name not in options:
            raise ValueError(
                f"{_place(files, file)}: no {name}, which {module.own.name} needs. {files.advice}"
            )
    try:
        return pooling_named(module.own.name, options)
    except ValueError as error:
        reason = str(error).removeprefix(f"{OPTIONS_KEY}: ")
        raise ValueError(f"{_place(files, file)}: {reason} {files.advice}") from error


def _pooling(files: ModelFiles, module: _Module) -> Pooling:
    """A pooling of sentence-transformers'."""
    file = module.file("config.json")
    settings = _required(files, file)
    unknown = sorted(set(settings) - set(FORMER_POOLINGS) - set(OTHER_POOLING_KEYS))
    if unknown:
        raise _unsupported(files, file, f"the key {unknown[0]!r:.80}", "it may change the pooling")
    modes = settings.get("pooling_mode")
    if modes is None:
        former = [name for key, name in FORMER_POOLINGS.items() if settings.get(key)]
        modes = former or ["mean"]  # sentence-transformers' default
    if isinstance(modes, str):
        modes = [modes]
    known = ", ".join(PUBLISHED_POOLINGS)
    is_list = isinstance(modes, list) and len(modes) > 0
    if not is_list or any(str(mode) not in PUBLISHED_POOLINGS for mode in modes):
        raise _unsupported(files, file, f"the pooling {modes!r:.100}", f"known are {known}")
    if len(modes) > 1:
        together = " + ".join(modes)
        raise _unsupported(
            files, file, f"several poolings side by side ({together})", f"one of {known} is read"
        )
    return pooling_named(modes[0])


def _dense(files: ModelFiles, module: _Module) -> DenseShape:
    """The shape of a dense layer."""
    file = module.file("config.json")
    settings = _required(files, file)
    _check_vector_names(files, file, settings)
    others = sorted(set(settings) - set(DENSE_KEYS) - {"module_input_name", "module_output_name"})
    for key in others:
        if settings[key]:
            raise _unsupported(files, file, f"{key!r:.80} {settings[key]!r:.80}", "of a dense layer")
    sizes = []
    for key in ("in_features", "out_features"):
        size = settings.get(key)
        if not _is_whole(size) or size < 1:
            raise _wrong(files, file, key, "a whole number from 1", size)
        sizes.append(size)
    bias = settings.get("bias", True)
    if not isinstance(bias, bool):
        raise _wrong(files, file, "bias", "true or false", bias)
    function = settings.get("activation_function", "torch.nn.Tanh")  # sentence-transformers' default
    activation = str(function).rpartition(".")[2]
    if str(function) not in _paths_of(activation):
        known = ", ".join(ACTIVATIONS)
        raise _unsupported(files, file, f"activation_function {function!r:.100}", f"known are {known}")
    return DenseShape(sizes[0], sizes[1], bias, activation)


def _paths_of(activation: str) -> tuple[str, ...]:
    """The names under which a folder may ask for an activation; none if relsym does not have it."""
    kind = ACTIVATIONS.get(activation)
    return () if kind is None else (f"torch.nn.{activation}", f"{kind.__module__}.{activation}")


def _check_normalize(files: ModelFiles, module: _Module) -> None:
    """Refuse a Normalize of something else than the vector of the text; it need not have a file."""
    file = module.file("config.json")
    _check_vector_names(files, file, files.json(file, dict) or {})


def _check_vector_names(files: ModelFiles, file: str, settings: dict[str, Any]) -> None:
    """Refuse a module that reads or makes something else than the vector of the text."""
    for key in ("module_input_name", "module_output_name"):
        value = settings.get(key)
        if value not in (None, VECTOR):
            raise _unsupported(files, file, f"{key} {value!r:.80}", f"only {VECTOR} is read")


def _required(files: ModelFiles, file: str) -> dict[str, Any]:
    """The content of a JSON file that must be there."""
    content = files.json(file, dict)
    if content is None:
        raise ValueError(f"{_place(files, file)}: missing, though {MODULES} names it. {files.advice}")
    return content


def _is_whole(value: Any) -> bool:
    """Whether a value is a whole number; Python counts True as one."""
    return isinstance(value, int) and not isinstance(value, bool)


def _place(files: ModelFiles, file: str) -> str:
    """A file for a message."""
    return f"{files.name.rstrip('/')}/{file}"


def _wrong(files: ModelFiles, file: str, key: str, expected: str, value: Any) -> ValueError:
    """What is raised about a value of a wrong type."""
    return ValueError(f"{_place(files, file)}: {key}: expected {expected}, got {value!r:.80}. {files.advice}")


def _unsupported(files: ModelFiles, file: str, what: str, supported: str) -> ValueError:
    """What is raised about something that relsym does not do."""
    return ValueError(
        f"{_place(files, file)}: {what} is not supported ({supported}), and without it the vectors would not "
        "be the model's own. Use a model without it."
    )
