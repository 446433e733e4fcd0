"""Checkpoints of many families, tiny and of random weights, for the tests of what loads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from relsym.encoders.load import tiny_encoder

PLACES = 66


def tokenizer() -> PreTrainedTokenizerBase:
    """BERT's form, which marks the second text of a pair by a type of token of its own."""
    return tiny_encoder().tokenizer


VOCABULARY = len(tokenizer())
BERT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": PLACES,
    "pad_token_id": 0,
}
ROBERTA = {**BERT, "type_vocab_size": 1, "pad_token_id": 1, "bos_token_id": 2, "eos_token_id": 3}
DEBERTA = {**BERT, "type_vocab_size": 0, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}
T5 = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "d_kv": 16,
    "d_ff": 64,
    "num_layers": 2,
    "num_heads": 2,
    "decoder_start_token_id": 0,
}
LED = {
    "vocab_size": VOCABULARY,
    "d_model": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": 3,
    "decoder_start_token_id": 2,
}
BART = {**LED, "max_position_embeddings": PLACES}
XLM = {
    "vocab_size": VOCABULARY,
    "emb_dim": 32,
    "n_layers": 2,
    "n_heads": 2,
    "max_position_embeddings": PLACES,
}
GPT2 = {"vocab_size": VOCABULARY, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": PLACES}
# By the class of the model: its settings, and how many tokens it reads of those that it has positions for.
WHOLE: dict[str, tuple[Mapping[str, Any], int | None]] = {
    "BertModel": (BERT, PLACES),
    "ElectraModel": (BERT | {"embedding_size": 16}, PLACES),
    "AlbertModel": (BERT | {"embedding_size": 16}, PLACES),
    "DistilBertModel": (
        {"vocab_size": VOCABULARY, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
        | {"max_position_embeddings": PLACES},
        PLACES,
    ),
    "ModernBertModel": (
        BERT | {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3},
        PLACES,
    ),
    "DebertaModel": (DEBERTA, PLACES),
    "DebertaV2Model": (DEBERTA, PLACES),
    "RobertaModel": (ROBERTA, PLACES - 2),
    "XLMRobertaModel": (ROBERTA, PLACES - 2),
    "CamembertModel": (ROBERTA, PLACES - 2),
    "Data2VecTextModel": (ROBERTA, PLACES - 2),
    "LongformerModel": (ROBERTA | {"attention_window": 8}, PLACES - 2),
    "IBertModel": (ROBERTA, PLACES - 2),
    "MPNetModel": (BERT | {"pad_token_id": 1}, PLACES - 2),
    "XLNetModel": ({"vocab_size": VOCABULARY, "d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 64}, None),
    "XLMModel": (XLM, PLACES),
    "GPT2Model": (GPT2, PLACES),
    "GPT2LMHeadModel": (GPT2, PLACES),
}
# Models with a decoder, and encoders that were taken out of one.
WITH_DECODER: dict[str, tuple[Mapping[str, Any], int | None]] = {
    "T5Model": (T5, None),
    "T5EncoderModel": (T5, None),
    "T5ForConditionalGeneration": (T5 | {"tie_word_embeddings": False}, None),
    "MT5Model": (T5, None),
    "MT5EncoderModel": (T5, None),
    "UMT5Model": (T5, None),
    "UMT5EncoderModel": (T5, None),
    "LongT5EncoderModel": (T5, None),
    "SwitchTransformersModel": (T5 | {"num_experts": 2}, None),
    "BartModel": (BART, PLACES),
    "BartForConditionalGeneration": (BART, PLACES),
    "MBartModel": (BART, PLACES),
    "LEDModel": (
        LED
        | {"max_encoder_position_embeddings": PLACES, "max_decoder_position_embeddings": PLACES}
        | {"attention_window": 6},  # to a multiple of which it pads
        PLACES,
    ),
    "PegasusModel": (BART, PLACES),
    "MarianModel": (BART, PLACES),
    "M2M100Model": (BART, PLACES),
    "BlenderbotModel": (BART, PLACES),
}
FAMILIES = {**WHOLE, **WITH_DECODER}
# One of each way to read a model; the others are run with the marked tests.
EACH_WAY = ("BertModel", "RobertaModel", "MPNetModel", "T5Model", "T5EncoderModel", "BartModel", "LEDModel")


def model_of(family: str, **settings: Any) -> PreTrainedModel:
    """A model of a class of transformers, with the same random weights every time."""
    kind = getattr(transformers, family)
    config = kind.config_class(**{**FAMILIES[family][0], **settings})
    torch.manual_seed(0)
    return kind(config).eval()


def encoder_of(model: PreTrainedModel) -> Callable[..., Any]:
    """What transformers itself computes the vectors of a text's tokens with."""
    if type(model).__name__ in WITH_DECODER and "EncoderModel" not in type(model).__name__:
        return model.get_encoder()
    return model.base_model


def saved(model: PreTrainedModel, folder: Path) -> str:
    """A folder with the model and the tokenizer of ``tokenizer``."""
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return str(folder)
