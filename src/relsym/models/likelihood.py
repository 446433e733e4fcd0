"""log p(answer | question) under a causal language model, for many questions that begin alike."""

from __future__ import annotations

import copy
import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

from relsym.encoders.tokens import length_batches
from relsym.models.base import Advance

# Fewer common tokens are read again sooner than their keys are handed round.
WORTH_SHARING = 16


class Question(NamedTuple):
    """Tokens of the text before the answer, and those of every answer; none of them empty."""

    context: list[int]
    answers: list[list[int]]


class Asked(NamedTuple):
    """A token that counts for some answers of a question, and the place of the token before it."""

    place: int
    token: int
    answers: tuple[int, ...]


class Stretch(NamedTuple):
    """Tokens read in one go, and what is asked on the way; ``row`` is the question's number."""

    row: int
    tokens: list[int]
    asked: list[Asked]


class Likelihoods:
    """Sums of log-probabilities, in fp32 whatever the weights are.

        L(answer | context) = sum_i log p(answer_i | context, answer_<i)

    What all contexts begin with (labelled examples, the wording) is read once, and its keys and values are
    lent to every batch. What the answers to a question begin with is read with the question, so answers of
    one token, or that differ in their last one only, cost one pass; longer ones go on from the question's
    keys and values. Batches are padded behind, with a token that no earlier one sees, so no padding token is
    needed. Models that keep anything but plain keys and values (sliding windows, states) read every answer
    from its beginning, with the same result.

    Args:
        network: causal.  tokens_per_batch: of a forward pass, padding included, the shared beginning not.
        share: False reads everything from its beginning.
    """

    def __init__(self, network: PreTrainedModel, tokens_per_batch: int, share: bool = True) -> None:
        self.network, self.tokens_per_batch = network, tokens_per_batch
        taken = inspect.signature(network.forward).parameters
        self.chooses_logits = "logits_to_keep" in taken
        self.takes_cache = {"past_key_values", "use_cache"} <= set(taken)
        self.shares = share and self.takes_cache and _keeps_plain_keys(network)
        self.goes_on = self.shares and "position_ids" in taken

    @torch.inference_mode()
    def __call__(
        self, questions: Sequence[Question], advance: Advance = lambda count: None
    ) -> list[list[float]]:
        """One sum for every answer of every question. ``advance`` is told of questions, as they are done."""
        sums = [[0.0] * len(question.answers) for question in questions]
        prefix = shared_prefix([question.context for question in questions]) if self.shares else []
        lent = self._forward([prefix], [0], keep=True)[1] if prefix else None
        stretches = [
            stretch
            for row, question in enumerate(questions)
            for stretch in self._stretches(row, question, len(prefix))
        ]
        left = Counter(stretch.row for stretch in stretches)
        for numbers in length_batches(
            [{"input_ids": stretch.tokens} for stretch in stretches], self.tokens_per_batch
        ):
            batch = [stretches[number] for number in numbers]
            self._read(batch, questions, lent, len(prefix), sums)
            left.subtract(stretch.row for stretch in batch)
            advance(sum(left[row] == 0 for row in {stretch.row for stretch in batch}))
        return sums

    def _stretches(self, row: int, question: Question, start: int) -> list[Stretch]:
        """The question with what its answers share, and each answer that cannot go on from there with a
        stretch of its own.
        """
        context, answers = question
        common = common_prefix(answers)[: min(map(len, answers)) - 1]
        end, everyone = len(context) - 1 - start, tuple(range(len(answers)))
        asked = [Asked(end + i, token, everyone) for i, token in enumerate(common)]
        whole = [a for a, answer in enumerate(answers) if not self.goes_on and len(answer) > len(common) + 1]
        asked += [Asked(end + len(common), answers[a][len(common)], (a,)) for a in everyone if a not in whole]
        together = [Stretch(row, [*context, *common][start:], asked)] if asked else []
        return together + [
            Stretch(
                row,
                [*context, *answers[a][:-1]][start:],
                [Asked(end + i, answers[a][i], (a,)) for i in range(len(common), len(answers[a]))],
            )
            for a in whole
        ]

    def _read(
        self,
        batch: list[Stretch],
        questions: Sequence[Question],
        lent: Cache | None,
        start: int,
        sums: list[list[float]],
    ) -> None:
        """One pass over the batch; longer answers go on from it."""
        answers = [questions[stretch.row].answers for stretch in batch]
        done = [len(stretch.tokens) + start - len(questions[stretch.row].context) for stretch in batch]
        longer = (
            {
                a: rows
                for a in range(len(answers[0]))
                if (rows := [i for i in range(len(batch)) if len(answers[i][a]) > done[i] + 1])
            }
            if self.goes_on
            else {}
        )
        past = None if lent is None else _select(lent, lambda keys: keys.expand(len(batch), *keys.shape[1:]))
        cache = self._ask(batch, past, sums, keep=bool(longer))
        for a, rows in longer.items():
            further = [
                Stretch(
                    batch[i].row,
                    answers[i][a][done[i] : -1],
                    [Asked(place, token, (a,)) for place, token in enumerate(answers[i][a][done[i] + 1 :])],
                )
                for i in rows
            ]
            past = _select(cache, lambda keys, rows=rows: keys if len(rows) == len(batch) else keys[rows])
            self._ask(further, past, sums, read=[start + len(batch[i].tokens) for i in rows])

    def _ask(
        self,
        batch: list[Stretch],
        past: Cache | None,
        sums: list[list[float]],
        keep: bool = False,
        read: list[int] | None = None,
    ) -> Cache | None:
        """Add the log-probabilities that a batch asks for.

        ``read``: how many tokens of ``past`` count, where it holds padding.
        """
        places = sorted({asked.place for stretch in batch for asked in stretch.asked})
        logits, cache = self._forward([stretch.tokens for stretch in batch], places, keep, past, read)
        every = [(i, asked) for i, stretch in enumerate(batch) for asked in stretch.asked]
        rows, columns, tokens = torch.tensor(
            [(i, places.index(asked.place), asked.token) for i, asked in every], device=logits.device
        ).T
        chosen = logits[rows, columns].float()
        values = (chosen.gather(1, tokens[:, None])[:, 0] - chosen.logsumexp(-1)).tolist()
        for (i, asked), value in zip(every, values, strict=True):
            for a in asked.answers:
                sums[batch[i].row][a] += value
        return cache

    def _forward(
        self,
        tokens: list[list[int]],
        places: list[int],
        keep: bool,
        past: Cache | None = None,
        read: list[int] | None = None,
    ) -> tuple[Tensor, Cache | None]:
        """Logits [n places vocabulary] at the places, and what the model keeps."""
        device, longest = self.network.device, max(map(len, tokens))
        inputs: dict[str, Any] = {
            "input_ids": torch.tensor(
                [row + row[-1:] * (longest - len(row)) for row in tokens], device=device
            )
        }
        if read is not None:
            counts, held = torch.tensor(read, device=device)[:, None], past.get_seq_length()
            seen = torch.arange(held + longest, device=device)[None]
            inputs["attention_mask"] = ((seen < counts) | (seen >= held)).long()
            inputs["position_ids"] = counts + torch.arange(longest, device=device)[None]
        if self.takes_cache:
            inputs |= {"use_cache": keep or past is not None, "past_key_values": past}
        if self.chooses_logits:
            inputs["logits_to_keep"] = torch.tensor(places, device=device)
        output = self.network(**inputs)
        return output.logits if self.chooses_logits else output.logits[
            :, places
        ], output.past_key_values if keep else None


def common_prefix(texts: Sequence[list[int]]) -> list[int]:
    """What all token lists begin with."""
    first, last = min(texts), max(texts)  # in the order of a dictionary, all others stand between these two
    return [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))]


def shared_prefix(contexts: Sequence[list[int]]) -> list[int]:
    """What all contexts begin with, a token of each left over; empty where it is too short to gain by."""
    if len(contexts) < 2:
        return []
    prefix = common_prefix(contexts)[: min(map(len, contexts)) - 1]
    return prefix if len(prefix) >= WORTH_SHARING else []


@torch.inference_mode()
def _keeps_plain_keys(network: PreTrainedModel) -> bool:
    """Whether keys and values of every layer stand in the cache, one for each token, so that rows can be
    repeated and chosen.
    """
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    cache = network(input_ids=token, use_cache=True).past_key_values
    return isinstance(cache, Cache) and all(
        type(layer) is DynamicLayer and isinstance(layer.keys, Tensor) for layer in cache.layers
    )


def _select(cache: Cache, of: Callable[[Tensor], Tensor]) -> Cache:
    """A cache of its own with some rows of another's keys and values, which stay as they are."""
    selected = copy.copy(cache)
    selected.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in selected.layers:
        layer.keys, layer.values = of(layer.keys), of(layer.values)
    return selected
