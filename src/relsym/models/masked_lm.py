"""Masked language models, asked by a cloze."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor
from transformers import AutoModelForMaskedLM

from relsym.encoders.tokens import check_tokens, length_batches
from relsym.models.base import Advance
from relsym.models.language_models import UNLIMITED, load_language_model, window_of
from relsym.models.prompts import DELIMITER, Prompt
from relsym.models.worded import Text, WordedModel
from relsym.ranges import NonNegativeInt, PositiveInt

log = logging.getLogger(__name__)
TOKENS_PER_BATCH_CPU, TOKENS_PER_BATCH_GPU = 1024, 16384


class Cloze(NamedTuple):
    """A text with one token masked.

    tokens: the text's, the mask among them.
    place: where the mask stands.
    asked: (number of the text, number of the word, token in the mask's place) for every word of the text that
        looks like this; at least one.
    """

    tokens: tuple[int, ...]
    place: int
    asked: list[tuple[int, int, int]]

    @property
    def row(self) -> int:
        """The number of the text, which is the same in all of ``asked``."""
        return self.asked[0][0]


@final
class MaskedLm(WordedModel):
    """The pseudo-likelihood of label words in a text (``WordedModel`` says what is read off it).

        L(w | question) = sum_i log p(w_i | question, w without w_i, what follows)

    Every token of the word is masked in turn while the others stand; a text that is the same for several
    words (each of one token) is read once. Source: Salazar et al. 2020, arXiv:1910.14659, of whose sum over
    the whole text only the answer's part is taken.

    Args:
        name: hub id or local folder.
        revision: of the hub.
        prompts: names of wordings, or a YAML file of them; None: all that are no chats.
        shots: labelled examples before every question, from the training part, the same for all.
        precision: fp32 or bf16.
        accelerator: cpu, gpu or auto.
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
        on_cpu = self.network.device.type == "cpu"
        default = TOKENS_PER_BATCH_CPU if on_cpu else TOKENS_PER_BATCH_GPU
        self.tokens_per_batch = tokens_per_batch or default
        self.window = self._window()

    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """Those that are no chats."""
        left_out = [prompt.name for prompt in prompts if prompt.chat]
        if left_out:
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
        check_tokens((cloze.tokens for cloze in clozes), self.tokenizer, self.network)
        # One word that does not fit leaves its text without any value: words are compared with each other.
        too_long = set()
        for cloze in clozes:
            if self.window and len(cloze.tokens) > self.window:
                too_long.add(cloze.row)
        clozes = [cloze for cloze in clozes if cloze.row not in too_long]
        values: list[list[float | None]] = []
        for row in range(len(texts)):
            value = None if row in too_long else 0.0
            values.append([value] * len(words))

        unread = Counter(cloze.row for cloze in clozes)
        features = [{"input_ids": list(cloze.tokens)} for cloze in clozes]
        for numbers in length_batches(features, self.tokens_per_batch):
            batch = [clozes[number] for number in numbers]
            for cloze, logs in zip(batch, self._logs(batch), strict=True):
                for row, word, token in cloze.asked:
                    values[row][word] += logs[token].item()
            rows = [cloze.row for cloze in batch]
            unread.subtract(rows)
            done = [row for row in set(rows) if unread[row] == 0]
            advance(len(done))
        advance(len(too_long))
        return values

    def clozes(self, texts: Sequence[Text], words: Sequence[str]) -> list[Cloze]:
        """Every text with every token of every word masked; equal ones of a text once."""
        contexts = [text.context for text in texts]
        wholes: list[str] = []
        for text in texts:
            wholes += text.answered(words)
        context_tokens = self.tokenizer(contexts, add_special_tokens=False)["input_ids"]
        bare_tokens = self.tokenizer(wholes, add_special_tokens=False)["input_ids"]
        full_tokens = self.tokenizer(wholes)["input_ids"]
        clozes: dict[tuple, Cloze] = {}
        for number, (bare, full) in enumerate(zip(bare_tokens, full_tokens, strict=True)):
            row, word = divmod(number, len(words))
            first = _place_of(bare, full)
            start = first + len(context_tokens[row])
            for place in range(start, first + len(bare)):
                tokens = list(full)
                tokens[place] = self.tokenizer.mask_token_id
                masked = tuple(tokens)
                # Words of one token leave the same text behind when they are masked: it is read once for all.
                key = (row, masked, place)
                if key not in clozes:
                    clozes[key] = Cloze(masked, place, [])
                clozes[key].asked.append((row, word, full[place]))
        return list(clozes.values())

    @torch.inference_mode()
    def _logs(self, batch: list[Cloze]) -> Tensor:
        """Log-probabilities [n vocabulary] of what is masked, in nats."""
        device = self.network.device
        longest = max(len(cloze.tokens) for cloze in batch)
        padding = self.tokenizer.pad_token_id
        if padding is None:
            padding = 0  # any token would do: none sees it
        padded = []
        seen = []  # 1 for a token, 0 for padding
        for cloze in batch:
            count = len(cloze.tokens)
            missing = longest - count
            padded.append(list(cloze.tokens) + [padding] * missing)
            seen.append([1] * count + [0] * missing)
        tokens = torch.tensor(padded, device=device)
        attention_mask = torch.tensor(seen, device=device)
        logits = self.network(input_ids=tokens, attention_mask=attention_mask).logits
        rows = torch.arange(len(batch), device=logits.device)
        places = torch.tensor([cloze.place for cloze in batch], device=logits.device)
        return logits[rows, places].float().log_softmax(-1).cpu()

    def _window(self) -> int | None:
        """How many tokens the model can read at once; None where nothing names a limit."""
        limits = []
        window = window_of(self.network, self.tokenizer)
        if window is not None:
            limits.append(window)
        if self.tokenizer.model_max_length < UNLIMITED:
            limits.append(self.tokenizer.model_max_length)
        return min(limits, default=None)


def _place_of(bare: list[int], full: list[int]) -> int:
    """Where a text's tokens stand among the special tokens, which each tokenizer places in its own way."""
    places = range(len(full))
    return next(place for place in places if full[place : place + len(bare)] == bare)
