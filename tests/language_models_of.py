"""Language models with random weights and a vocabulary of bytes and a few words, as folders on disk."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

CHAT = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}{% if "
    "add_generation_prompt %}<s>assistant\n{% endif %}"
)
SPECIAL = ("<s>", "</s>", "<mask>", "<pad>")
WORDS = (" yes", " no", " true", " premise", " follow")  # one token each; all else is bytes


def tokenizer(begins: bool = False, surrounds: bool = False, **options: object) -> PreTrainedTokenizerFast:
    """Bytes, and ``WORDS``. begins: <s> before every text.  surrounds: and </s> behind it."""
    vocabulary = {
        token: number for number, token in enumerate([*SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())])
    }
    merges = []
    for word in WORDS:
        whole = word.replace(" ", "Ġ")
        for end in range(1, len(whole)):
            if whole[: end + 1] not in vocabulary:
                merges.append((whole[:end], whole[end]))
                vocabulary[whole[: end + 1]] = len(vocabulary)
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    inner.pre_tokenizer, inner.decoder = (
        pre_tokenizers.ByteLevel(add_prefix_space=False),
        decoders.ByteLevel(),
    )
    if begins or surrounds:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>" if surrounds else "<s> $A", special_tokens=[("<s>", 0), ("</s>", 1)]
        )
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", **options)


def llama(window: int = 2048) -> PreTrainedModel:
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=320,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=window,
            initializer_range=0.3,
        )
    )


def gpt2() -> PreTrainedModel:
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=320, n_embd=32, n_layer=2, n_head=4, n_positions=2048, initializer_range=0.3)
    )


def sliding() -> PreTrainedModel:
    """Its layers see 40 tokens back, so their cache is no plain one."""
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=320,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            sliding_window=40,
            initializer_range=0.3,
        )
    )


def bert(**options: object) -> PreTrainedModel:
    return BertForMaskedLM(
        BertConfig(
            **{
                "vocab_size": 320,
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "max_position_embeddings": 600,
                "initializer_range": 0.3,
                **options,
            }
        )
    )


def roberta() -> PreTrainedModel:
    """Its positions are counted from the padding token's number on."""
    return RobertaForMaskedLM(
        RobertaConfig(
            vocab_size=320,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=600,
            pad_token_id=3,
            initializer_range=0.3,
        )
    )


def written(
    folder: Path,
    make: object = llama,
    words: PreTrainedTokenizerFast | None = None,
    chat: bool = True,
    seed: int = 0,
) -> str:
    """Save a model and its tokenizer; the folder as text."""
    words = words or tokenizer()
    words.chat_template = CHAT if chat else None
    torch.manual_seed(seed)
    make().save_pretrained(folder)
    words.save_pretrained(folder)
    return str(folder)
