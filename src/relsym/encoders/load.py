"""Encoders from the hub, from a local folder, or with random weights."""

from __future__ import annotations

from pathlib import Path

import torch
from huggingface_hub import try_to_load_from_cache
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel, BertTokenizerFast

from relsym.data.relations import read_relations
from relsym.encoders.encoder import Encoder
from relsym.encoders.tokens import check_length, check_padding
from relsym.ranges import Dropout, Length, PositiveInt, Seed


def load_encoder(
    name: str,
    revision: str | None = "main",
    pooling: str = "mean",
    max_length: Length = 256,
    dropout: Dropout | None = None,
    trust_remote_code: bool = False,
) -> Encoder:
    """An encoder by hub id or local folder; weights are read from safetensors only.

    Raises:
        ValueError: no such model, no safetensors weights, or the hub is out of reach.
    """
    options = {"revision": revision, "trust_remote_code": trust_remote_code}
    name = local_or_hub(name)
    if (Path(name) / "adapter_config.json").exists():
        raise ValueError(
            f"model.name={name}: the folder holds an adapter (adapter_config.json), whose weights may be a "
            "pickle and "
            "whose base may lie anywhere. Merge it into its model, save that, and pass the folder of the "
            "merged model."
        )
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        model = AutoModel.from_pretrained(name, use_safetensors=True, dtype=torch.float32, **options)
    except Exception as error:  # safetensors and the hub raise types of their own
        raise ValueError(
            f"model.name={name}: cannot load the encoder: {str(error).strip().splitlines()[0]} "
            "Pass the id of a hub model with safetensors weights (and a network), a local folder written by "
            "save_pretrained, or model=bundled."
        ) from error
    check_padding(name, tokenizer)
    check_length(name, max_length, model.config)
    published = None if Path(name).is_dir() else name
    source = {
        "name": name,
        "revision": revision,
        "commit": hub_commit(name, revision),
        "published": published,
    }
    return Encoder(model, tokenizer, pooling, max_length, dropout, source)


def local_or_hub(name: str) -> str:
    """The path of a local folder with ``~`` resolved, or the hub id as it is."""
    path = Path(name).expanduser()
    return str(path) if path.is_dir() else name


def tiny_encoder(
    hidden_size: PositiveInt = 32,
    layers: PositiveInt = 2,
    heads: PositiveInt = 2,
    pooling: str = "mean",
    max_length: Length = 64,
    dropout: Dropout | None = None,
    seed: Seed = 0,
) -> Encoder:
    """A BERT with random weights and a character vocabulary: for tests, where nothing is to be downloaded."""
    tokenizer = BertTokenizerFast(vocab=_tiny_vocabulary())
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * hidden_size,
        max_position_embeddings=max_length,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = BertModel(config)
    return Encoder(
        model,
        tokenizer,
        pooling,
        max_length,
        dropout,
        {"name": "tiny", "revision": str(seed), "commit": None},
    )


def hub_commit(name: str, revision: str | None) -> str | None:
    """The commit that the weights of a hub revision came from: the name of their snapshot folder. None for
    local folders.

    Where the revision has no safetensors, transformers takes them from a conversion elsewhere in the
    repository; then the commit of the configuration is given, and said to be just that.
    """
    if Path(name).is_dir():
        return None
    for file, remark in (
        ("model.safetensors", ""),
        ("model.safetensors.index.json", ""),
        ("config.json", " (weights: a conversion)"),
    ):
        cached = try_to_load_from_cache(name, file, revision=revision)
        if isinstance(cached, str):
            return Path(cached).parent.name + remark
    return None


def _tiny_vocabulary() -> dict[str, int]:
    """Special tokens, the words of the paper's templates, and every printable ASCII character as a word and
    as a continuation.
    """
    words = sorted(
        {
            word.lower()
            for relation in read_relations().values()
            for word in relation.template.replace(".", " ").split()
            if word.isalpha()
        }
    )
    characters = [chr(code) for code in range(33, 127)]
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *characters,
        *(f"##{c}" for c in characters),
        *words,
    ]
    return {token: index for index, token in enumerate(dict.fromkeys(tokens))}
