"""Causal language models, asked in words."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from transformers import AutoModelForCausalLM

from relsym.encoders.tokens import check_tokens
from relsym.extras import install_line, needs, refuse_missing_packages
from relsym.models.base import Advance
from relsym.models.language_models import check_settings, load_language_model, window_of
from relsym.models.likelihood import Likelihoods, Question
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.worded import Text, WordedModel
from relsym.ranges import NonNegativeInt, PositiveInt

log = logging.getLogger(__name__)
# The best of a few in benchmarks/evaluate_llm.py; a GPU's is bounded by the memory of the logits.
TOKENS_PER_BATCH_CPU = {torch.float32: 1024, torch.bfloat16: 2048}
TOKENS_PER_BATCH_GPU = 16384


@final
@needs("model.gguf_file", "gguf", "pip install gguf", argument="gguf_file")
@needs("model.quantization", "bitsandbytes", install_line("quantized"), argument="quantization")
@needs("model.quantization", "accelerate", install_line("quantized"), argument="quantization")
@needs("model.device_map", "accelerate", "pip install accelerate", argument="device_map")
class CausalLm(WordedModel):
    """The likelihood of label words after a prompt (``WordedModel`` says what is read off it).

    Tokens are those of lm-evaluation-harness: context and answer are encoded as one text, blanks at the
    context's end with the answer, and split behind as many tokens as the context has alone; the tokenizer's
    own tokens stand before it unless the text brings them.

    Args:
        name: hub id or local folder.
        revision: of the hub.
        prompts: names of wordings, or a YAML file of them; None: all that the tokenizer has a chat template
            for, if they need one.
        shots: labelled examples before every question, from the training part, the same for all.
        precision: fp32 or bf16.
        accelerator: cpu, gpu or auto.
        device_map: None or "auto" (several GPUs; needs accelerate).
        quantization: None or "4bit" (a CUDA GPU and bitsandbytes).
        gguf_file: a GGUF file of the folder or repository; its weights are unpacked.
        tokens_per_batch: of a forward pass, padding included; None takes a default for the device.
        title: what a report calls the model; None: its name.
        source: replaces what is known of the weights' origin.

    Raises:
        ValueError: no such model, a setting that is unknown or cannot be had here, no wording that can be
            asked.
        ImportError: a package that a setting needs is not installed.
    """

    kind = "causal_lm"

    def __init__(
        self,
        name: str | None,
        revision: str | None = "main",
        prompts: str | Sequence[str] | None = None,
        shots: NonNegativeInt = 0,
        precision: str = "fp32",
        accelerator: str = "cpu",
        device_map: str | None = None,
        quantization: str | None = None,
        gguf_file: str | None = None,
        trust_remote_code: bool = False,
        tokens_per_batch: PositiveInt | None = None,
        title: str | None = None,
        source: Mapping[str, Any] | None = None,
    ) -> None:
        check_settings(precision, accelerator, quantization)
        refuse_missing_packages(
            type(self), {"device_map": device_map, "quantization": quantization, "gguf_file": gguf_file}
        )
        if tokens_per_batch is not None and tokens_per_batch < 1:
            raise ValueError(
                f"model.tokens_per_batch={tokens_per_batch}: expected null or a positive number."
            )
        loaded = load_language_model(
            AutoModelForCausalLM,
            name,
            revision,
            precision,
            accelerator,
            device_map,
            quantization,
            gguf_file,
            trust_remote_code,
        )
        if source:
            loaded = loaded._replace(source=source)
        super().__init__(loaded, title or str(name), prompts, shots)
        if self.network.device.type == "cpu":
            default = TOKENS_PER_BATCH_CPU.get(self.network.dtype, 1024)
        else:
            default = TOKENS_PER_BATCH_GPU
        self.likelihoods = Likelihoods(self.network, tokens_per_batch or default)
        self.window = window_of(self.network, self.tokenizer)
        # Where there is no token for a text's beginning, its end stands there (as in GPT-2).
        first = self.tokenizer.bos_token_id
        if first is None:
            first = self.tokenizer.eos_token_id
        self.beginning = "" if first is None else self.tokenizer.decode([first])

    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """All wordings; those that are no chats where the tokenizer has no chat template."""
        if self.tokenizer.chat_template is not None:
            return prompts
        left_out = [prompt.name for prompt in prompts if prompt.chat]
        if left_out:
            log.info("%s has no chat template: the wordings %s are left out", self.name, ", ".join(left_out))
        if len(left_out) == len(prompts):
            raise ValueError(
                f"model.prompts={left_out}: {self.name} has no chat template, which these wordings need. "
                "Choose others with model.prompts, or an instruction-tuned model."
            )
        return [prompt for prompt in prompts if not prompt.chat]

    def text_of(self, prompt: Prompt, premise: str, hypothesis: str) -> Text:
        """The wording as plain text, or as a conversation up to where the assistant's turn begins."""
        if not prompt.chat:
            return Text(prompt.text_of(self.examples, premise, hypothesis), DELIMITER)
        messages = prompt.messages_of(self.examples, premise, hypothesis)
        # The template ends where the answer begins, so nothing stands between them.
        context = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return Text(context, "")

    def likelihoods_of(
        self, texts: Sequence[Text], words: Sequence[str], advance: Advance
    ) -> list[list[float | None]]:
        """Sums of the log-probabilities of the words' tokens, in nats."""
        questions = self.questions(texts, words)
        fitting = []
        for number, question in enumerate(questions):
            if self.fits(question):
                fitting.append(number)
        sums = self.likelihoods([questions[number] for number in fitting], advance)
        values: list[list[float | None]] = []
        for _ in questions:
            values.append([None] * len(words))
        for number, word_sums in zip(fitting, sums, strict=True):
            values[number] = [*word_sums]
        advance(len(questions) - len(fitting))
        return values

    def fits(self, question: Question) -> bool:
        """Whether the window holds the question and its longest answer.

        The last token of an answer is only predicted, never read, so it needs no place.
        """
        # An answer without a token: the tokenizer made one token of its first letters and the context's end.
        if not all(question.answers):
            return False
        longest = max(len(answer) for answer in question.answers)
        read = len(question.context) + longest - 1
        return self.window is None or read <= self.window

    def questions(self, texts: Sequence[Text], words: Sequence[str]) -> list[Question]:
        """Tokens of the texts' contexts, and of the words behind each. Raises as ``check_tokens``."""
        contexts = [text.context.rstrip() for text in texts]
        wholes: list[str] = []
        for text in texts:
            wholes += text.answered(words)
        # One call for all contexts and one for all answers: the tokenizer works on many texts at a time.
        context_tokens = self.encode(contexts)
        whole_tokens = self.encode(wholes)
        questions = []
        for number, context in enumerate(context_tokens):
            # Split by number of tokens, as the harness does: a tokenizer may join letters across the border.
            start = number * len(words)
            own = whole_tokens[start : start + len(words)]
            answers = [tokens[len(context) :] for tokens in own]
            questions.append(Question(context, answers))
        check_tokens(whole_tokens, self.tokenizer, self.network)
        return questions

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token lists, behind the tokenizer's own first tokens unless the text begins with them."""
        # Chat templates write the first token into the text: it must not stand there twice.
        begun, bare = [], []  # texts with and without the tokenizer's first token
        for text in dict.fromkeys(texts):
            if self.beginning and text.startswith(self.beginning):
                begun.append(text)
            else:
                bare.append(text)
        tokens: dict[str, list[int]] = {}
        for chosen, add_special_tokens in ((begun, False), (bare, True)):
            if chosen:
                encoded = self.tokenizer(
                    chosen, add_special_tokens=add_special_tokens, return_attention_mask=False
                )
                tokens |= zip(chosen, encoded["input_ids"], strict=True)
        return [tokens[text] for text in texts]
