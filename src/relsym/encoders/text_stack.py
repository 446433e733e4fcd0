"""The part of a checkpoint that encodes texts: all of it, or the encoder of one with a decoder."""

from __future__ import annotations

import logging
import sys
from typing import Any

import transformers
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    EncoderDecoderModel,
    PreTrainedConfig,
    PreTrainedModel,
)

from relsym.encoders.weights import POOLER, load_weights

log = logging.getLogger(__name__)
# The families whose encoder sentence-transformers reads, though transformers has no class for it that is
# called ...EncoderModel. It reads others with a decoder (BART) by their decoder's last hidden states.
READ_BY_ENCODER = (
    "blenderbot",
    "blenderbot-small",
    "m2m_100",
    "marian",
    "pegasus",
    "pegasus_x",
    "prophetnet",
)
# What transformers calls a pair of models of which one encodes and the other decodes.
PAIR = "encoder-decoder"


def load_text_stack(name: str, as_sentence_transformers: bool, **options: Any) -> PreTrainedModel:
    """The model whose token vectors are those of a text.

    Of a model with a decoder (T5, BART) it is the encoder alone: a decoder is made to go on from a text, and
    needs one to start with. Its weights may be missing where transformers has a class for the encoder.

    Args:
        name: hub id or local folder.
        as_sentence_transformers: whether a sentence-transformers folder says how the model is read. Then one
            whose encoder that package does not take apart is read whole, as it reads it.
        options: of ``from_pretrained``.

    Raises:
        ValueError: see ``load_weights``.
        Exception: whatever transformers raises where there is no such model.
    """
    config = AutoConfig.from_pretrained(name, **options)
    kind = _encoder_class(config)
    if kind is not None:
        # T5Gemma's asks for the word; the others do not look.
        without_decoder = {"is_encoder_decoder": False} if config.is_encoder_decoder else {}
        return load_weights(kind, name, unused=(POOLER,), **without_decoder, **options)
    if config.model_type == PAIR:
        return _encoder_of(load_weights(EncoderDecoderModel, name, unused=(POOLER,), **options))
    model = load_weights(AutoModel, name, unused=(POOLER,), **options)
    is_read_whole = as_sentence_transformers and config.model_type not in READ_BY_ENCODER
    if not config.is_encoder_decoder or is_read_whole:
        return model
    return _encoder_of(model)


def warn_of_other_readers(model: PreTrainedModel) -> None:
    """Say of an encoder taken out of its model that other packages add a decoder to it when they load it."""
    taken_out = type(model).__name__.endswith("Encoder")
    if taken_out and model.config.model_type not in READ_BY_ENCODER:
        log.warning(
            "the saved folder holds a %s alone. relsym reads it so; AutoModel and sentence-transformers "
            "have no class for it, and would read it by a decoder of random weights",
            type(model).__name__,
        )


def hidden_size_of(model: PreTrainedModel) -> int:
    """Length of the vectors of tokens that an encoder gives."""
    size = getattr(model.config, "hidden_size", None)
    # T5Gemma's configuration holds one for its encoder and one for its decoder.
    return model.config.encoder.hidden_size if size is None else size


def _encoder_of(model: PreTrainedModel) -> PreTrainedModel:
    """The encoder of a whole model.

    Raises:
        ValueError: it is no model of its own, which could be saved (FSMT).
    """
    encoder = model.get_encoder()
    if not isinstance(encoder, PreTrainedModel):
        raise ValueError(
            f"the encoder of a {type(model).__name__} cannot be taken out of it in transformers. Use another "
            "encoder."
        )
    return encoder


def _encoder_class(config: PreTrainedConfig) -> type[PreTrainedModel] | None:
    """The class of the encoder alone, whose weights the files of the whole model hold too; None if none is.

    ``T5EncoderModel`` for the configuration of ``T5Model``; and what the files say they hold, if it is an
    encoder taken out of its model, as ``Encoder.save`` writes ``BartEncoder``.
    """
    if type(config) not in MODEL_MAPPING:  # code of its own, which AutoModel finds
        return None
    whole = MODEL_MAPPING[type(config)]
    if not isinstance(whole, type):  # a family of several models; the configuration chooses
        return None
    named = getattr(transformers, f"{whole.__name__.removesuffix('Model')}EncoderModel", None)
    if named is not None:
        return named
    for architecture in config.architectures or []:
        if architecture.endswith("Encoder"):
            return getattr(sys.modules[whole.__module__], architecture, None)
    return None
