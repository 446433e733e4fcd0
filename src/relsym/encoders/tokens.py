"""Tokenised texts as plain lists, and their padding into tensors."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence

import torch
from tokenizers.normalizers import Lowercase, Normalizer
from tokenizers.normalizers import Sequence as Normalizers
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from relsym.data.pairs import Features

log = logging.getLogger(__name__)
# Where neither the call nor the model says when texts are cut.
DEFAULT_LENGTH = 256
# Tokenizers without a limit have one of 30 digits.
NO_LIMIT = 10**9
# What configurations call the number of positions; LED has one for its encoder and one for its decoder.
POSITION_KEYS = ("max_position_embeddings", "max_encoder_position_embeddings")
NEEDED_INPUTS = ("input_ids", "attention_mask")
TOKEN_TYPES = "token_type_ids"
TYPE_EMBEDDINGS = "token_type_embeddings"
OTHER_TOKENIZER = (
    "the tokenizer is another model's, or has had tokens added without the model. Save the model with the "
    "tokenizer that it was trained with, or resize its embedding and train it."
)
UPPER_CASE = "AZÄÉŐĐΩЖ"


def tokenize(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], seconds: Sequence[str] | None, max_length: int
) -> Features:
    """Token lists of single texts, or of text pairs as one input; the longer text of a pair is cut first.

    Args:
        tokenizer: from transformers.
        texts: single texts, or the first text of each pair.
        seconds: the second text of each pair; None for single texts.
        max_length: tokens of an input, special ones included.

    Returns:
        For each input its token numbers, attention mask and so on, by the names that the model gives them.
    """
    inputs = [list(texts)]
    if seconds is not None:
        inputs.append(list(seconds))
    encoded = tokenizer(*inputs, truncation="longest_first", max_length=max_length, padding=False)
    keys = [key for key in tokenizer.model_input_names if key in encoded]
    features: Features = []
    for row in range(len(encoded["input_ids"])):
        features.append({key: encoded[key][row] for key in keys})
    return features


def check_padding(name: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that cannot fill up a batch.

    Raises:
        ValueError: it has no pad token.
    """
    if tokenizer.pad_token_id is None:
        raise ValueError(
            f"{name}: its tokenizer has no pad token, so texts of different length do not fit into one "
            'batch. Set one in the model\'s tokenizer_config.json ("pad_token"), the one that the model was '
            "trained with."
        )


def fit_tokenizer(name: str, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> None:
    """Have a tokenizer give what the model can read, or refuse it.

    Without this, a number that the model has no row for ends in an IndexError in the middle of the work.

    Args:
        name: of the model, for messages.
        tokenizer: is changed if it gives types of tokens and the model has one type, or none.
        model: an encoder, a classifier or a language model.

    Raises:
        ValueError: its vocabulary is larger than the model's embedding, so that it is another model's; or its
            types of tokens are more than the model's two or more; or it gives no token numbers, or no mask.
    """
    lacking = [key for key in NEEDED_INPUTS if key not in tokenizer.model_input_names]
    if lacking:
        raise ValueError(
            f"{name}: its tokenizer does not give {' and '.join(lacking)} (model_input_names in "
            "tokenizer_config.json), without which a model reads no text, or takes padding for text. Add "
            "the name there, or take the line out."
        )
    check_vocabulary(name, tokenizer, model)
    if TOKEN_TYPES not in tokenizer.model_input_names:
        return
    types = _types_of(model)
    if types is None:
        return
    types_of_pair = tokenizer("a", "b").get(TOKEN_TYPES, [])
    highest = max([*types_of_pair, tokenizer.pad_token_type_id])
    if highest < types:
        return
    if types > 1:
        raise ValueError(
            f"{name}: its tokenizer numbers types of tokens up to {highest}, and the model knows {types} of "
            "them (type_vocab_size). The second text of a pair would be taken for something else: save the "
            "model with the tokenizer that it was trained with."
        )
    # A model of one type was trained with zeros alone, and takes them where no types are given. It tells the
    # texts of a pair apart by the separators between them, which the tokenizer still writes, so nothing that
    # it could read is lost. To refuse it would shut out RoBERTa with a vocabulary in BERT's form.
    log.warning(
        "%s: its tokenizer marks the second text of a pair by a type of token of its own, and the model has "
        "one type. All tokens get that one; the separators between the texts stay",
        name,
    )
    tokenizer.model_input_names = [key for key in tokenizer.model_input_names if key != TOKEN_TYPES]


def _types_of(model: PreTrainedModel) -> int | None:
    """How many types of tokens a model has vectors for; None if it does not look any up."""
    for module_name, module in model.named_modules():
        if module_name.endswith(TYPE_EMBEDDINGS):
            return len(module.weight)  # I-BERT's is no nn.Embedding
    return None


def vocabulary_size_of(model: PreTrainedModel) -> int | None:
    """How many tokens a model has vectors for; None if it has no such table (CANINE reads characters)."""
    try:
        table = model.get_input_embeddings()
    except (NotImplementedError, AttributeError):
        return None
    return getattr(table, "num_embeddings", None)


def check_vocabulary(
    name: str, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel, pads: bool = True
) -> None:
    """Refuse a tokenizer with more tokens than the model.

    Tokens that were added to it are let pass until a text holds one (``check_tokens``): some models of the
    hub have such, and never use them.

    Args:
        name: of the model, for messages.
        tokenizer, model: as they were loaded.
        pads: whether batches are filled up with the tokenizer's padding, which the model then reads.

    Raises:
        ValueError: naming the token with the highest number.
    """
    size = vocabulary_size_of(model)
    if size is None:
        return
    added = tokenizer.get_added_vocab()
    numbers = [number for token, number in tokenizer.get_vocab().items() if token not in added]
    if pads and tokenizer.pad_token_id is not None:
        numbers.append(tokenizer.pad_token_id)
    highest = max(numbers, default=0)
    if highest >= size:
        token = tokenizer.convert_ids_to_tokens(highest)
        raise ValueError(
            f"{name}: its tokenizer numbers tokens up to {highest} ({token!r:.40}), and {_fewer(size)}"
        )


def check_tokens(
    rows: Iterable[Sequence[int]], tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel
) -> None:
    """Refuse texts without any token, and those with a token that the model has no vector for.

    Args:
        rows: token numbers of each text.
        tokenizer: names the token in the message.
        model: reads the rows.

    Raises:
        ValueError: naming the first such token.
    """
    size = vocabulary_size_of(model)
    for tokens in rows:
        if len(tokens) == 0:
            raise ValueError(
                "a text is empty, or blank, and this tokenizer puts no token around one: there is nothing to "
                "make a vector of. Leave such texts out."
            )
        if size is None:
            continue
        highest = max(tokens)
        if highest >= size:
            token = tokenizer.convert_ids_to_tokens(highest)
            raise ValueError(
                f"a text holds the token {token!r:.40}, number {highest} of the tokenizer, and {_fewer(size)}"
            )


def _fewer(size: int) -> str:
    """The end of a message about a token beyond the vectors of a model, and what to do."""
    return f"the model has vectors for {size} (0 to {size - 1}): {OTHER_TOKENIZER}"


def places_of(model: PreTrainedModel) -> int | None:
    """How many tokens a model reads; None where it knows no limit."""
    for key in POSITION_KEYS:
        places = getattr(model.config, key, None)
        if isinstance(places, int) and places >= 1:  # -1: no limit
            return places - reserved_places(model)
    return None


def reserved_places(model: PreTrainedModel) -> int:
    """How many of a model's positions no token of a text gets.

    RoBERTa and its relatives count places from the one after the padding's: two are reserved where its number
    is 1.
    """
    for name, module in model.named_modules():
        if name.endswith("position_embeddings"):
            padding = getattr(module, "padding_idx", None)
            if padding is not None:
                return padding + 1
    return 0


def length_of(name: str, max_length: int | None, own: int | None, model: PreTrainedModel) -> int:
    """The number of tokens after which texts are cut.

    Args:
        name: of the model, for messages.
        max_length: what the call asks for; None takes the model's own word, else ``DEFAULT_LENGTH``.
        own: the model's own word, if it has one.
        model: may read fewer, and then has the last word where nothing was asked for.

    Raises:
        ValueError: the call asks for more than the model can read.
    """
    places = places_of(model)
    default = own or DEFAULT_LENGTH
    readable = default if places is None else min(default, places)
    if max_length is None:
        if readable < default:
            log.info("%s reads at most %d tokens: model.max_length=%d", name, readable, readable)
        return readable
    _check_length(name, max_length, model)
    if own is not None and max_length != readable:
        log.warning(
            "model.max_length=%d: %s itself says %d tokens, so vectors of longer texts are not its own "
            "(model.max_length=null takes its word)",
            max_length,
            name,
            readable,
        )
    return max_length


def limit_of(tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> int | None:
    """The tokens after which sentence-transformers cuts texts of a folder that names no number."""
    limits = []
    if tokenizer.model_max_length < NO_LIMIT:
        limits.append(tokenizer.model_max_length)
    places = places_of(model)
    if places is not None:
        limits.append(places)
    return min(limits, default=None)


def lower_texts(name: str, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Let a tokenizer make texts lower case first, and say whether that changes anything.

    Raises:
        ValueError: it is a slow tokenizer, which has no such step.
    """
    if not tokenizer.is_fast:
        raise ValueError(
            f"{name}: do_lower_case is supported for fast tokenizers (tokenizer.json) alone. Save the "
            "tokenizer as one."
        )
    backend = tokenizer.backend_tokenizer
    former: Normalizer | None = backend.normalizer
    steps = [Lowercase()] if former is None else [Lowercase(), former]
    lowered = Normalizers(steps)
    before = UPPER_CASE if former is None else former.normalize_str(UPPER_CASE)
    if lowered.normalize_str(UPPER_CASE) == before:
        return False
    backend.normalizer = lowered
    return True


def _check_length(name: str, max_length: int, model: PreTrainedModel) -> None:
    """Refuse to cut texts later than the model can read.

    Raises:
        ValueError: with the number of places that it has.
    """
    places = places_of(model)
    if places is not None and max_length > places:
        raise ValueError(
            f"model.max_length={max_length}: {name} reads at most {places} tokens. Pass "
            f"model.max_length={places}, or fewer."
        )


def collate(
    tokenizer: PreTrainedTokenizerBase, features: Features, on_left: bool = False
) -> dict[str, Tensor]:
    """Pad to the longest text: one tensor [n length] per input name.

    Args:
        tokenizer: names the padding.
        features: of each text.
        on_left: pad before the texts. On the right, where ``padding_side`` does not count, a text has the
            positions that it has alone.
    """
    length = max(len(feature["input_ids"]) for feature in features)
    padding = {"input_ids": tokenizer.pad_token_id, "token_type_ids": tokenizer.pad_token_type_id}
    tensors = {}
    for key in features[0]:
        pad = padding.get(key, 0)  # 0 in the attention mask: padding is not attended to
        rows = []
        for feature in features:
            padding_of_row = [pad] * (length - len(feature[key]))
            rows.append(padding_of_row + feature[key] if on_left else feature[key] + padding_of_row)
        tensors[key] = torch.tensor(rows)
    return tensors


def length_batches(features: Features, tokens_per_batch: int) -> Iterator[list[int]]:
    """Row numbers, longest first, in batches of at most ``tokens_per_batch`` tokens including padding.

    A text that is longer than that is a batch of its own.
    """
    lengths = [len(feature["input_ids"]) for feature in features]
    # Longest first: a batch that is too large for the memory fails at once, not after an hour.
    order = sorted(range(len(features)), key=lambda row: -lengths[row])
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        rows = max(1, tokens_per_batch // longest)
        yield order[start : start + rows]
        start += rows
