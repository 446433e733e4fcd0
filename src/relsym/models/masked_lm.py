"""Masked language models, asked by a cloze."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from relsym.encoders.tokens import length_batches
from relsym.models.base import Advance
from relsym.models.language_models import UNLIMITED, load_language_model, window_of
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.worded import Text, WordedModel
from relsym.ranges import NonNegativeInt, PositiveInt

log = logging.getLogger(__name__)
TOKENS_PER_BATCH_CPU, TOKENS_PER_BATCH_GPU = 1024, 16384


class Cloze(NamedTuple):
    """A text with one token masked, and which token belongs there in which (text, word)."""

    tokens: tuple[int, ...]
    place: int
    asked: list[tuple[int, int, int]]


@final
class MaskedLm(WordedModel):
    """The pseudo-likelihood of label words in a text (``WordedModel`` says what is read off it).

        L(w | question) = sum_i log p(w_i | question, w without w_i, what follows)

    Every token of the word is masked in turn while the others stand; a text that is the same for several
    words (each of one token) is read once. Source: Salazar et al. 2020, arXiv:1910.14659, of whose sum over
    the whole text only the answer's part is taken.

    Args:
        name: hub id or local folder.  revision: of the hub.
        prompts: names of wordings, or a YAML file of them; None: all that are no chats.
        shots: labelled examples before every question, from the training part, the same for all.
        precision: fp32 or bf16.  accelerator: cpu, gpu or auto.
        tokens_per_batch: of a forward pass, padding included; None takes a default for the device.

    Raises:
        ValueError: no such model, a setting that is unknown, no wording that can be asked, a tokenizer
        without a mask token.
    """

    kind = "masked_lm"

    def __init__(
        self,
        name: str | None,
        revision: str | None = "main",
        prompts: str | Sequence[str] | None = None,
        shots: NonNegativeInt = 0,
        precision: str = "fp32",
        accelerator: str = "cpu",
        trust_remote_code: bool = False,
        tokens_per_batch: PositiveInt | None = None,
    ) -> None:
        if tokens_per_batch is not None and tokens_per_batch < 1:
            raise ValueError(
                f"model.tokens_per_batch={tokens_per_batch}: expected null or a positive number."
            )
        loaded = load_language_model(
            AutoModelForMaskedLM, name, revision, precision, accelerator, trust_remote_code=trust_remote_code
        )
        if loaded.tokenizer.mask_token_id is None:
            raise ValueError(
                f"model.name={name}: its tokenizer has no mask token. Use model=causal_lm, or choose a "
                "masked language model."
            )
        super().__init__(loaded, str(name), prompts, shots)
        default = TOKENS_PER_BATCH_CPU if self.network.device.type == "cpu" else TOKENS_PER_BATCH_GPU
        self.tokens_per_batch = tokens_per_batch or default
        self.window = self._window()

    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """Those that are no chats."""
        if left_out := [prompt.name for prompt in prompts if prompt.chat]:
            log.info(
                "a masked language model takes no part in chats: the wordings %s are left out",
                ", ".join(left_out),
            )
        if len(left_out) == len(prompts):
            raise ValueError(
                f"model.prompts={left_out}: a masked language model takes no part in chats. Choose others "
                "with model.prompts."
            )
        return [prompt for prompt in prompts if not prompt.chat]

    def text_of(self, prompt: Prompt, premise: str, hypothesis: str) -> Text:
        """The wording as plain text."""
        return Text(prompt.text_of(self.examples, premise, hypothesis), DELIMITER)

    def likelihoods_of(
        self, texts: Sequence[Text], words: Sequence[str], advance: Advance
    ) -> list[list[float | None]]:
        """Sums of the log-probabilities of the words' tokens, each masked while the others stand, in nats."""
        clozes = self.clozes(texts, words)
        short = {
            row
            for cloze in clozes
            if len(cloze.tokens) > (self.window or len(cloze.tokens))
            for row, _, _ in cloze.asked
        }
        clozes = [cloze for cloze in clozes if cloze.asked[0][0] not in short]
        values: list[list[float | None]] = [
            [None if row in short else 0.0] * len(words) for row in range(len(texts))
        ]
        left = Counter(cloze.asked[0][0] for cloze in clozes)
        for numbers in length_batches(
            [{"input_ids": list(cloze.tokens)} for cloze in clozes], self.tokens_per_batch
        ):
            batch = [clozes[number] for number in numbers]
            for cloze, logs in zip(batch, self._logs(batch), strict=True):
                for row, word, token in cloze.asked:
                    values[row][word] += logs[token].item()
            left.subtract(cloze.asked[0][0] for cloze in batch)
            advance(sum(left[row] == 0 for row in {cloze.asked[0][0] for cloze in batch}))
        advance(len(short))
        return values

    def clozes(self, texts: Sequence[Text], words: Sequence[str]) -> list[Cloze]:
        """Every text with every token of every word masked; equal ones of a text once."""
        contexts = self.tokenizer([text.context for text in texts], add_special_tokens=False)["input_ids"]
        wholes = [f"{text.context}{text.delimiter}{word}" for text in texts for word in words]
        bare = self.tokenizer(wholes, add_special_tokens=False)["input_ids"]
        found: dict[tuple[int, tuple[int, ...], int], Cloze] = {}
        for number, (alone, full) in enumerate(zip(bare, self.tokenizer(wholes)["input_ids"], strict=True)):
            row, word = divmod(number, len(words))
            first = next(place for place in range(len(full)) if full[place : place + len(alone)] == alone)
            for place in range(first + len(contexts[row]), first + len(alone)):
                masked = (*full[:place], self.tokenizer.mask_token_id, *full[place + 1 :])
                found.setdefault((row, masked, place), Cloze(masked, place, [])).asked.append(
                    (row, word, full[place])
                )
        return list(found.values())

    @torch.inference_mode()
    def _logs(self, batch: list[Cloze]) -> Tensor:
        """Log-probabilities [n vocabulary] of what is masked."""
        longest, device = max(len(cloze.tokens) for cloze in batch), self.network.device
        filling = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else 0
        tokens = torch.tensor(
            [[*cloze.tokens, *[filling] * (longest - len(cloze.tokens))] for cloze in batch], device=device
        )
        counts = torch.tensor([[len(cloze.tokens)] for cloze in batch], device=device)
        seen = (torch.arange(longest, device=device) < counts).long()
        logits = self.network(input_ids=tokens, attention_mask=seen).logits
        rows, places = (
            torch.arange(len(batch), device=logits.device),
            torch.tensor([cloze.place for cloze in batch], device=logits.device),
        )
        return logits[rows, places].float().log_softmax(-1).cpu()

    def _window(self) -> int | None:
        """Positions for tokens; some models count theirs from behind the padding token's number."""
        window = window_of(self.network, self.tokenizer)
        positions = getattr(getattr(self.network.base_model, "embeddings", None), "position_embeddings", None)
        before = getattr(positions, "padding_idx", None)
        limits = [window - (0 if before is None else before + 1)] if window is not None else []
        return min(
            [
                *limits,
                *([self.tokenizer.model_max_length] if self.tokenizer.model_max_length < UNLIMITED else []),
            ],
            default=None,
        )
