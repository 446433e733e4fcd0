"""log p(answer | question) under a causal language model, for many questions that begin alike."""

from __future__ import annotations

import copy
import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache, DynamicLayer

from relsym.encoders.tokens import length_batches
from relsym.models.base import Advance

# Fewer common tokens than this are read again sooner than their keys and values are handed round.
WORTH_SHARING = 16
_Tokens = list[int]  # numbers in the vocabulary


class Question(NamedTuple):
    """Tokens of the text before the answer, and those of every answer; none of these lists is empty."""

    context: _Tokens
    answers: list[_Tokens]


class Asked(NamedTuple):
    """A token whose log-probability is asked for.

    place: of the token before it, which predicts it, in its stretch.
    token: its number in the vocabulary.
    answers: numbers of the question's answers that it is a part of.
    """

    place: int
    token: int
    answers: tuple[int, ...]


class Stretch(NamedTuple):
    """Tokens read in one go, and what is asked on the way; ``row`` is the question's number."""

    row: int
    tokens: _Tokens
    asked: list[Asked]


class Likelihoods:
    """Log-probabilities of answers after their questions, in nats.

        L(answer | context) = sum_i log p(answer_i | context, answer_<i)

    Summed in fp32 whatever the weights are. What all contexts begin with (labelled examples, the wording) is
    read once, and its keys and values are lent to every batch. What the answers to a question begin with is
    read with the question, so answers of one token, or that differ in their last one only, cost one pass;
    longer ones go on from the question's keys and values. Batches are padded behind, with a token that no
    earlier one sees, so no padding token is needed. Models that keep anything but plain keys and values
    (sliding windows, states) read every answer from its beginning, with the same result.

    Args:
        network: a causal language model.
        tokens_per_batch: of a forward pass, padding included; the shared beginning does not count.
        share: False reads everything from its beginning.
    """

    def __init__(self, network: PreTrainedModel, tokens_per_batch: int, share: bool = True) -> None:
        self.network = network
        self.tokens_per_batch = tokens_per_batch
        # Models differ in what their forward takes.
        parameters = inspect.signature(network.forward).parameters
        self.chooses_logits = "logits_to_keep" in parameters
        self.takes_cache = {"past_key_values", "use_cache"} <= set(parameters)
        self.shares = share and self.takes_cache and _keeps_plain_keys(network)
        self.goes_on = self.shares and "position_ids" in parameters

    @torch.inference_mode()
    def __call__(
        self, questions: Sequence[Question], advance: Advance = lambda count: None
    ) -> list[list[float]]:
        """One sum for every answer of every question.

        ``advance`` is called with the number of questions that have just been completed.
        """
        sums = [[0.0] * len(question.answers) for question in questions]
        prefix: _Tokens = []
        if self.shares:
            contexts = [question.context for question in questions]
            prefix = shared_prefix(contexts)
        start = len(prefix)
        lent: Cache | None = None
        if prefix:
            _, lent = self._forward([prefix], [0], keep=True)

        stretches: list[Stretch] = []
        for row, question in enumerate(questions):
            stretches += self._stretches(row, question, start)
        # A question is done once all of its stretches are read, which may stand in different batches.
        unread = Counter(stretch.row for stretch in stretches)
        features = [{"input_ids": stretch.tokens} for stretch in stretches]
        for numbers in length_batches(features, self.tokens_per_batch):
            batch = [stretches[number] for number in numbers]
            self._read(batch, questions, lent, start, sums)
            rows = [stretch.row for stretch in batch]
            unread.subtract(rows)
            done = [row for row in set(rows) if unread[row] == 0]
            advance(len(done))
        return sums

    def _stretches(self, row: int, question: Question, start: int) -> list[Stretch]:
        """What is read of one question.

        The question with what its answers begin with alike, and a stretch of its own for each answer that
        cannot go on from there.

        ``start``: how many tokens of the context are read already, as the shared beginning.
        """
        context = question.context
        answers = question.answers
        # Each answer is left a token of its own, so that there is one to ask for.
        shortest = min(len(answer) for answer in answers)
        common = common_prefix(answers)[: shortest - 1]
        every_answer = tuple(range(len(answers)))
        rest = context[start:]
        end = len(rest) - 1  # place of the context's last token, which predicts the answers' first ones
        fork = len(common)  # where answers begin to differ
        shared = []
        for i, token in enumerate(common):
            shared.append(Asked(end + i, token, every_answer))
        apart: list[Stretch] = []
        for a, answer in enumerate(answers):
            if self.goes_on or len(answer) == fork + 1:
                shared.append(Asked(end + fork, answer[fork], (a,)))
                continue
            own = []
            for i in range(fork, len(answer)):
                own.append(Asked(end + i, answer[i], (a,)))
            # An answer's last token is only predicted, never read.
            apart.append(Stretch(row, rest + answer[:-1], own))
        if not shared:
            return apart
        together = Stretch(row, rest + common, shared)
        return [together, *apart]

    def _read(
        self,
        batch: list[Stretch],
        questions: Sequence[Question],
        lent: Cache | None,
        start: int,
        sums: list[list[float]],
    ) -> None:
        """One pass over the batch, and one more for each answer that is longer than what the pass held.

        ``lent``: keys and values of the shared beginning, which has ``start`` tokens.
        """
        answers = [questions[stretch.row].answers for stretch in batch]
        held = []  # how many tokens of its answers each stretch holds; one more is predicted
        for stretch in batch:
            context = questions[stretch.row].context
            held.append(start + len(stretch.tokens) - len(context))
        longer = _longer(answers, held) if self.goes_on else {}

        past = None
        if lent is not None:
            past = _select(lent, lambda keys: keys.expand(len(batch), *keys.shape[1:]))
        cache = self._ask(batch, past, sums, keep=bool(longer))
        for a, rows in longer.items():
            further = []
            for i in rows:
                unread = answers[i][a][held[i] :]
                own = []
                # The first of these was predicted already, and predicts the second.
                for place, token in enumerate(unread[1:]):
                    own.append(Asked(place, token, (a,)))
                further.append(Stretch(batch[i].row, unread[:-1], own))
            # A slice copies nothing, a list of rows does.
            chosen = slice(None) if len(rows) == len(batch) else rows
            past = _select(cache, lambda keys, chosen=chosen: keys[chosen])
            read = [start + len(batch[i].tokens) for i in rows]
            self._ask(further, past, sums, read=read)

    def _ask(
        self,
        batch: list[Stretch],
        past: Cache | None,
        sums: list[list[float]],
        keep: bool = False,
        read: list[int] | None = None,
    ) -> Cache | None:
        """Add the log-probabilities that a batch asks for to the sums.

        ``past``: keys and values of what stands before the batch.
        ``keep``: whether to return those of the batch.
        ``read``: how many tokens of ``past`` count for each row, where it holds padding.
        """
        places: set[int] = set()
        for stretch in batch:
            places.update(asked.place for asked in stretch.asked)
        columns = sorted(places)  # the places whose logits come back, in the order that they come in
        tokens = [stretch.tokens for stretch in batch]
        logits, cache = self._forward(tokens, columns, keep, past, read)

        indices = []
        for i, stretch in enumerate(batch):
            for asked in stretch.asked:
                column = columns.index(asked.place)
                indices.append((i, column, asked.token))
        # One tensor for all three: each would cost a transfer to the device.
        rows, places_read, targets = torch.tensor(indices, device=logits.device).T
        chosen = logits[rows, places_read].float()
        target_logits = chosen.gather(1, targets[:, None])[:, 0]
        values = (target_logits - chosen.logsumexp(-1)).tolist()
        log_probabilities = iter(values)
        for stretch in batch:
            for asked in stretch.asked:
                log_probability = next(log_probabilities)
                for a in asked.answers:
                    sums[stretch.row][a] += log_probability
        return cache

    def _forward(
        self,
        tokens: list[_Tokens],
        places: list[int],
        keep: bool,
        past: Cache | None = None,
        read: list[int] | None = None,
    ) -> tuple[Tensor, Cache | None]:
        """Logits [n places vocabulary] at the places; the model's keys and values, None unless ``keep``."""
        device = self.network.device
        longest = max(len(row) for row in tokens)
        padded = []
        for row in tokens:
            padding = row[-1:] * (longest - len(row))
            padded.append(row + padding)
        inputs: dict[str, Any] = {"input_ids": torch.tensor(padded, device=device)}
        if read is not None:
            # Behind the tokens that count, ``past`` holds padding, up to where the new tokens begin: it is
            # masked, and positions go on as if it was not there.
            counts = torch.tensor(read, device=device)[:, None]
            begin = past.get_seq_length()
            places_held = torch.arange(begin + longest, device=device)[None]
            seen = (places_held < counts) | (places_held >= begin)
            inputs["attention_mask"] = seen.long()
            inputs["position_ids"] = counts + torch.arange(longest, device=device)[None]
        if self.takes_cache:
            inputs["use_cache"] = keep or past is not None
            inputs["past_key_values"] = past
        if self.chooses_logits:
            inputs["logits_to_keep"] = torch.tensor(places, device=device)
        output = self.network(**inputs)
        logits = output.logits
        if not self.chooses_logits:
            logits = logits[:, places]
        cache = output.past_key_values if keep else None
        return logits, cache


def common_prefix(texts: Sequence[_Tokens]) -> _Tokens:
    """What all token lists begin with."""
    # In the order of a dictionary, all others stand between these two.
    first = min(texts)
    last = max(texts)
    prefix = []
    for token, other in zip(first, last, strict=False):
        if token != other:
            break
        prefix.append(token)
    return prefix


def shared_prefix(contexts: Sequence[_Tokens]) -> _Tokens:
    """What all contexts begin with, a token of each left over; empty where it is too short to gain by."""
    if len(contexts) < 2:
        return []
    shortest = min(len(context) for context in contexts)
    prefix = common_prefix(contexts)[: shortest - 1]
    return prefix if len(prefix) >= WORTH_SHARING else []


def _longer(answers: Sequence[Sequence[_Tokens]], held: Sequence[int]) -> dict[int, list[int]]:
    """For each answer's number, the rows whose answer is not read to its end yet.

    That is, it goes on behind what was read and the token that this predicts. Numbers without such rows are
    left out.
    """
    longer = {}
    for a in range(len(answers[0])):
        rows = []
        for i, row_answers in enumerate(answers):
            if len(row_answers[a]) > held[i] + 1:
                rows.append(i)
        if rows:
            longer[a] = rows
    return longer


@torch.inference_mode()
def _keeps_plain_keys(network: PreTrainedModel) -> bool:
    """Whether the cache of every layer holds one key and value for each token.

    Then rows of it can be repeated and chosen. One token is read to see it.
    """
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    cache = network(input_ids=token, use_cache=True).past_key_values
    if not isinstance(cache, Cache):
        return False
    for layer in cache.layers:
        # Subclasses (sliding windows) drop or pack tokens, so isinstance would let too many in.
        if type(layer) is not DynamicLayer or not isinstance(layer.keys, Tensor):
            return False
    return True


def _select(cache: Cache, of: Callable[[Tensor], Tensor]) -> Cache:
    """A new cache of what ``of`` makes of another one's keys and values.

    The other one stays as it is, though a forward pass lengthens the cache that it is given: layers are
    copied, and their tensors are never written to.
    """
    selected = copy.copy(cache)
    selected.layers = [copy.copy(layer) for layer in cache.layers]
    for layer in selected.layers:
        layer.keys = of(layer.keys)
        layer.values = of(layer.values)
    return selected
