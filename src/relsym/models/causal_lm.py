"""Causal language models, asked in words."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from transformers import AutoModelForCausalLM

from relsym.models.base import Advance
from relsym.models.language_models import load_language_model, window_of
from relsym.models.likelihood import Likelihoods, Question
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.worded import Text, WordedModel
from relsym.ranges import NonNegativeInt, PositiveInt

log = logging.getLogger(__name__)
# The best of a few in benchmarks/evaluate_llm.py; a GPU's is bounded by the memory of the logits.
TOKENS_PER_BATCH_CPU = {torch.float32: 1024, torch.bfloat16: 2048}
TOKENS_PER_BATCH_GPU = 16384


@final
class CausalLm(WordedModel):
    """The likelihood of label words after a prompt (``WordedModel`` says what is read off it).

    Tokens are those of lm-evaluation-harness: context and answer are encoded as one text, blanks at the
    context's end with the answer, and split behind as many tokens as the context has alone; the tokenizer's
    own tokens stand before it unless the text brings them.

    Args:
        name: hub id or local folder.  revision: of the hub.
        prompts: names of wordings, or a YAML file of them; None: all that the tokenizer has a chat template
        for, if they need one. shots: labelled examples before every question, from the training part, the
        same for all. precision: fp32 or bf16.  accelerator: cpu, gpu or auto.  device_map: None or "auto"
        (several GPUs; needs accelerate). quantization: None or "4bit" (a CUDA GPU and bitsandbytes).
        gguf_file: a GGUF file of the folder or repository; unpacked. tokens_per_batch: None takes a default
        for the device. title: what a report calls the model; None: its name.  source: replaces what is known
        of the weights' origin.

    Raises:
        ValueError: no such model, a setting that is unknown or cannot be had here, no wording that can be
        asked.
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
        super().__init__(loaded._replace(source=source or loaded.source), title or str(name), prompts, shots)
        on_cpu = self.network.device.type == "cpu"
        default = TOKENS_PER_BATCH_CPU.get(self.network.dtype, 1024) if on_cpu else TOKENS_PER_BATCH_GPU
        self.likelihoods = Likelihoods(self.network, tokens_per_batch or default)
        self.window = window_of(self.network, self.tokenizer)
        first = (
            self.tokenizer.bos_token_id
            if self.tokenizer.bos_token_id is not None
            else self.tokenizer.eos_token_id
        )
        self.beginning = self.tokenizer.decode([first]) if first is not None else ""

    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """All, or those that are no chats where there is no chat template."""
        if self.tokenizer.chat_template is not None:
            return prompts
        if left_out := [prompt.name for prompt in prompts if prompt.chat]:
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
        return Text(
            self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True), ""
        )

    def likelihoods_of(
        self, texts: Sequence[Text], words: Sequence[str], advance: Advance
    ) -> list[list[float | None]]:
        """Sums of the log-probabilities of the words' tokens, in nats."""
        questions = self.questions(texts, words)
        fitting = [number for number, question in enumerate(questions) if self.fits(question)]
        values: list[list[float | None]] = [[None] * len(words) for _ in questions]
        for number, found in zip(
            fitting, self.likelihoods([questions[number] for number in fitting], advance), strict=True
        ):
            values[number] = [*found]
        advance(len(questions) - len(fitting))
        return values

    def fits(self, question: Question) -> bool:
        """Whether the window holds the question and all of its longest answer that is read (the last token is
        only predicted).
        """
        read = len(question.context) + max(map(len, question.answers)) - 1
        return all(question.answers) and (self.window is None or read <= self.window)

    def questions(self, texts: Sequence[Text], words: Sequence[str]) -> list[Question]:
        """Tokens of contexts and answers."""
        contexts = [text.context.rstrip() for text in texts]
        whole = [f"{text.context}{text.delimiter}{word}" for text in texts for word in words]
        alone, together = self.encode(contexts), self.encode(whole)
        return [
            Question(
                tokens,
                [line[len(tokens) :] for line in together[number * len(words) : (number + 1) * len(words)]],
            )
            for number, tokens in enumerate(alone)
        ]

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token lists, behind the tokenizer's own first tokens unless the text begins with them."""
        tokens: dict[str, list[int]] = {}
        for brought in (True, False):
            chosen = [
                text
                for text in dict.fromkeys(texts)
                if bool(self.beginning and text.startswith(self.beginning)) is brought
            ]
            if chosen:
                tokens |= zip(
                    chosen,
                    self.tokenizer(chosen, add_special_tokens=not brought, return_attention_mask=False)[
                        "input_ids"
                    ],
                    strict=True,
                )
        return [tokens[text] for text in texts]
