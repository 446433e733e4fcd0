"""Encoders from the hub, from a local folder, or with random weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from huggingface_hub import try_to_load_from_cache
from msgspec import Meta
from transformers import AutoTokenizer, BertConfig, BertModel, BertTokenizerFast, PreTrainedTokenizerBase

from relsym.data.relations import read_relations
from relsym.encoders.encoder import Encoder
from relsym.encoders.model_files import ModelFiles
from relsym.encoders.padding_check import warn_if_padding_is_read
from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.registry import pooling_named
from relsym.encoders.sentence_transformers import FolderReading, load_dense, read_folder
from relsym.encoders.text_stack import hidden_size_of, load_text_stack
from relsym.encoders.tokens import check_padding, fit_tokenizer, length_of, limit_of, lower_texts
from relsym.ranges import Dropout, Length, Seed

log = logging.getLogger(__name__)
DEFAULT_POOLING = "mean"
TINY_LENGTH = 64
TinySize = Annotated[int, Meta(ge=1, le=4096)]
TinyLayers = Annotated[int, Meta(ge=1, le=256)]


def load_encoder(
    name: str,
    revision: str | None = "main",
    pooling: str | None = None,
    max_length: Length | None = None,
    dropout: Dropout | None = None,
    trust_remote_code: bool = False,
    pooling_options: Mapping[str, Any] | None = None,
) -> Encoder:
    """An encoder by hub id or local folder; weights are read from safetensors only.

    Of a model with a decoder its encoder alone is taken (``load_text_stack``).

    Args:
        name: hub id, or path of a folder written by ``save_pretrained``.
        revision: branch, tag or commit on the hub.
        pooling: None takes what a sentence-transformers folder says of itself, and the mean for others.
        max_length: tokens after which a text is cut; None takes the folder's word likewise, else 256 or what
            the model reads if that is less.
        dropout: see ``Encoder``.
        trust_remote_code: whether Python code from the hub may run.
        pooling_options: arguments of the pooling's class, where it has some; None takes the folder's own if
            it says the same pooling, else the defaults.

    Raises:
        ValueError: no such model, no safetensors weights, weights that are not in its files, or the hub is
            out of reach; no such pooling, or no such option of it; the folder holds an adapter; its tokenizer
            has no pad token or belongs to another model; texts could be longer than it reads; a
            sentence-transformers folder that is damaged or names what relsym cannot read.
    """
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    name = local_or_hub(name)
    files = ModelFiles(name, revision)
    reading = read_folder(files)
    # Looked at before the weights are read: a wrong word is told at once.
    chosen = _pooling_of(name, pooling, pooling_options, reading)
    subfolder = "" if reading is None else reading.transformer
    if subfolder:
        options["subfolder"] = subfolder
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model = load_text_stack(name, reading is not None, **options)
    except Exception as error:  # safetensors and the hub raise types of their own
        reason = loading_reason(error)
        raise ValueError(
            f"model.name={name}: cannot load the encoder: {reason} "
            "Pass the id of a hub model with safetensors weights (and a network), a local folder written by "
            "save_pretrained, or model=bundled."
        ) from error
    check_padding(name, tokenizer)
    fit_tokenizer(name, tokenizer, model)
    warn_if_padding_is_read(name, model, tokenizer)
    published = None if Path(name).is_dir() else name
    source = {
        "name": name,
        "revision": revision,
        "commit": hub_commit(name, revision, subfolder),
        "published": published,
    }
    if reading is None:
        _check_reached(files, pooling)
        length = length_of(name, max_length, None, model)
        return Encoder(model, tokenizer, chosen, length, dropout, source)
    own_length = reading.max_length or limit_of(tokenizer, model)
    _check_room(name, own_length, tokenizer)
    return Encoder(
        model,
        tokenizer,
        chosen,
        length_of(name, max_length, own_length, model),
        dropout,
        source,
        load_dense(files, reading, chosen.channels(hidden_size_of(model))),
        reading.normalize,
        reading.lower_case and lower_texts(name, tokenizer),
    )


def _check_room(name: str, own_length: int | None, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a folder by whose word nothing of a text is read.

    Raises:
        ValueError: the special tokens alone are as many as it reads.
    """
    special = tokenizer.num_special_tokens_to_add()
    if own_length is not None and own_length <= special:
        raise ValueError(
            f"model.name={name}: it says that it reads {own_length} tokens (max_seq_length, or "
            f"model_max_length of its tokenizer), and {special} of them are special ones. Correct the number "
            "in its files."
        )


def _check_reached(files: ModelFiles, pooling: str | None) -> None:
    """Refuse to guess how a model of the hub is to be read when the hub cannot say.

    Raises:
        ValueError: nothing is said by the call either.
    """
    if files.reached or pooling is not None:
        return
    raise ValueError(
        f"model.name={files.name}: its weights are on this machine, but not whether it has a modules.json, "
        "which says how it is to be read, and the hub is out of reach. Load it once with a network, or pass "
        "model.pooling (mean, say) if it is no sentence-transformers model."
    )


def _pooling_of(
    name: str, pooling: str | None, options: Mapping[str, Any] | None, reading: FolderReading | None
) -> Pooling:
    """The pooling that was asked for, or the folder's own; a warning where they differ.

    Raises:
        ValueError: there is no such pooling, or no such option of it, or dense layers read another length.
    """
    if reading is None:
        return pooling_named(pooling or DEFAULT_POOLING, options)
    own = reading.pooling
    chosen = pooling_named(pooling or own.name, options)
    if options is None and chosen.name == own.name:
        return own
    if not chosen.is_like(own):
        log.warning(
            "model.pooling=%s: %s itself says %s, so its vectors are not its own (model.pooling=null takes "
            "its word)",
            chosen.described(),
            name,
            own.described(),
        )
    if reading.dense and chosen.channels(1) != own.channels(1):
        raise ValueError(
            f"model.pooling={chosen.name}: {name} has a dense layer after its own pooling, {own.name}, whose "
            "vectors have another length. Leave model.pooling null, or use a model without dense layers."
        )
    return chosen


def local_or_hub(name: str) -> str:
    """The path of a local folder with ``~`` resolved, or the hub id as it is.

    Raises:
        ValueError: it is written as a path, which no hub id is, and there is no such folder.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return str(path)
    if path.is_absolute() or name.startswith(".") or len(path.parts) > 2:
        what = "is a file, not a folder" if path.is_file() else "no such folder"
        raise ValueError(
            f"model.name={name}: {what}. Pass a folder that save_pretrained wrote, or a hub id (OWNER/NAME)."
        )
    return name


def loading_reason(error: Exception) -> str:
    """What transformers or the hub says, in one line, with the list that its first line may announce."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if lines[0].endswith(":"):
        return " ".join(lines)
    return lines[0]


def tiny_encoder(
    hidden_size: TinySize = 32,
    layers: TinyLayers = 2,
    heads: TinySize = 2,
    pooling: str | None = None,
    max_length: Length | None = None,
    dropout: Dropout | None = None,
    seed: Seed = 0,
    pooling_options: Mapping[str, Any] | None = None,
) -> Encoder:
    """A BERT with random weights and a character vocabulary: for tests, where nothing is to be downloaded.

    Args:
        hidden_size, layers, heads: of the model.
        pooling: None takes the mean.
        max_length: tokens that it reads; None: 64.
        dropout: see ``Encoder``.
        seed: of the weights.
        pooling_options: arguments of the pooling's class, where it has some.

    Raises:
        ValueError: there is no such pooling, or no such option of it; the heads cannot share the hidden size.
    """
    if hidden_size % heads:
        raise ValueError(
            f"model.hidden_size={hidden_size}: {heads} heads share it, so it has to be a multiple of "
            "model.heads."
        )
    chosen = pooling_named(pooling or DEFAULT_POOLING, pooling_options)
    length = max_length or TINY_LENGTH
    tokenizer = BertTokenizerFast(vocab=_tiny_vocabulary())
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden_size,
        max_position_embeddings=length,
    )
    # The weights depend on this seed alone, and what is drawn afterwards does not depend on them.
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertModel(config)
    source = {"name": "tiny", "revision": str(seed), "commit": None}
    return Encoder(model, tokenizer, chosen, length, dropout, source)


def hub_commit(name: str, revision: str | None, subfolder: str = "") -> str | None:
    """The commit that the weights of a hub revision came from; None for local folders.

    Args:
        name, revision: of the model.
        subfolder: where its weights lie in the repository.

    Where the revision has no safetensors, transformers takes them from a conversion elsewhere in the
    repository; then the commit of the configuration is returned, with the remark "(weights: a conversion)".
    """
    if Path(name).is_dir():
        return None
    remark_of_file = {
        "model.safetensors": "",
        "model.safetensors.index.json": "",
        "config.json": " (weights: a conversion)",
    }
    for file, remark in remark_of_file.items():
        path = f"{subfolder}/{file}" if subfolder else file
        cached = try_to_load_from_cache(name, path, revision=revision)
        # A string is a path; there are other values for a file that is missing, here or on the hub.
        if isinstance(cached, str):
            # The snapshot's folder is named by its commit.
            commit = Path(cached).parents[path.count("/")].name
            return commit + remark
    return None


def _tiny_vocabulary() -> dict[str, int]:
    """Token -> its number, for ``tiny_encoder``.

    The tokens are the special ones, every printable ASCII character as a word and as a continuation, and the
    words of the paper's templates.
    """
    words = set()
    for relation in read_relations().values():
        for word in relation.template.replace(".", " ").split():
            if word.isalpha():
                words.add(word.lower())
    characters = [chr(code) for code in range(33, 127)]
    continuations = [f"##{character}" for character in characters]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokens = [*special, *characters, *continuations, *sorted(words)]
    # A word of one letter is among the characters already.
    distinct = dict.fromkeys(tokens)
    return {token: number for number, token in enumerate(distinct)}
