"""What causal and masked language models share.

Wordings, labelled examples, and three ways to compare label words.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from math import exp, isnan
from typing import NamedTuple, final

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from relsym.data.pairs import Row
from relsym.data.relations import ENTAILMENT
from relsym.encoders.weights import weights_hash
from relsym.models.base import Advance, Columns, Examples, Judged, Model, Reading
from relsym.models.language_models import LanguageModel
from relsym.models.prompts import CONTENT_FREE, Prompt, choose_shots, read_prompts

log = logging.getLogger(__name__)


class Text(NamedTuple):
    """What stands before the answer, and what stands between the two."""

    context: str
    delimiter: str

    def answered(self, words: Sequence[str]) -> list[str]:
        """The text with each of these words behind it."""
        return [f"{self.context}{self.delimiter}{word}" for word in words]


class WordedModel(Model):
    """Log-likelihoods of label words after a question, for every wording, and what is read off them.

        NAME             L(w | question)
        NAME-normalised  L(w | question) / characters of w
        NAME-corrected   L(w | question) - L(w | "N/A" for both texts)

    The normalised one is acc_norm of lm-evaluation-harness; to divide by tokens is another convention. Source
    of the corrected one: Zhao et al. 2021, arXiv:2102.09690.

    The answer is the label whose word has the highest value, the first of the benchmark's labels where two
    are equal. The score is the softmax over the words' values, at entailment. Questions longer than the
    model's window have no value and no answer.

    Args:
        loaded: the model.
        name: what a report calls it.
        prompts: names of wordings, or a YAML file of them; None: all.
        shots: labelled examples before every question.
    """

    shard_rows = 512

    def __init__(
        self, loaded: LanguageModel, name: str, prompts: str | Sequence[str] | None, shots: int
    ) -> None:
        # True and False are whole numbers to Python.
        if isinstance(shots, bool) or not isinstance(shots, int) or shots < 0:
            raise ValueError(f"model.shots={shots}: expected a whole number, 0 or more.")
        self.network: PreTrainedModel = loaded.network
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer
        self.name, self.source = name, loaded.source
        self.prompts = self.usable(read_prompts(prompts))
        self.shots = shots
        self.learns = shots > 0
        self.examples: list[Row] = []
        # Of each wording: the word of each label, and its log-likelihood where both texts are CONTENT_FREE.
        self.words: dict[str, dict[str, str]] = {}
        self.leaning: dict[str, Mapping[str, float]] = {}

    @abstractmethod
    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """Those of the wordings that the model can be asked in, at least one."""

    @abstractmethod
    def likelihoods_of(
        self, texts: Sequence[Text], words: Sequence[str], advance: Advance
    ) -> list[list[float | None]]:
        """L of every word after every text, in nats, a list for each text.

        None for all words of a text that the model's window is too short for.
        """

    @abstractmethod
    def text_of(self, prompt: Prompt, premise: str, hypothesis: str) -> Text:
        """A question after the labelled examples."""

    @final
    def prepare(self, examples: Examples) -> None:
        """Choose the labelled examples, and ask for the leaning of every wording.

        Raises:
            ValueError: too few rows, a window too short for them, or likelihoods that are NaN.
        """
        self.examples = choose_shots(examples.train, self.shots, self.prompts)
        for prompt in self.prompts:
            words = prompt.words(examples.labels)
            self.words[prompt.name] = words
            empty = self.text_of(prompt, CONTENT_FREE, CONTENT_FREE)
            (values,) = self.likelihoods_of([empty], list(words.values()), _ignore)
            # Any question is longer than the empty one: if that does not fit, none does.
            if None in values:
                raise ValueError(
                    f"model.shots={self.shots}: the window of {self.name} is too short for the examples in "
                    f"the wording {prompt.name}, even with an empty question. Lower model.shots, or choose "
                    "others with model.prompts."
                )
            if any(isnan(value) for value in values):
                raise ValueError(
                    f"{self.name}: the likelihoods of label words are NaN in the wording {prompt.name}. In "
                    "low precision numbers can overflow: pass precision=fp32; otherwise the model is broken."
                )
            self.leaning[prompt.name] = dict(zip(words, values, strict=True))

    @final
    def fingerprint(self) -> str:
        """SHA-256 over weights and vocabulary, read once: gigabytes are hashed, and it is asked for often."""
        return self._hash

    @cached_property
    def _hash(self) -> str:
        return weights_hash(self.network, self.tokenizer)

    @final
    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """One column of log-likelihoods for every wording and label: ``yes_no:entailment``."""
        columns: Columns = {}
        advance_questions = in_rows(advance, len(self.prompts))
        for prompt in self.prompts:
            words = self.words[prompt.name]
            texts = []
            for row in rows:
                texts.append(self.text_of(prompt, row.premise, row.hypothesis))
            likelihoods = self.likelihoods_of(texts, list(words.values()), advance_questions)
            for number, label in enumerate(words):
                column = [line[number] for line in likelihoods]
                columns[f"{prompt.name}:{label}"] = column
            unread = sum(None in line for line in likelihoods)
            if unread:
                log.warning(
                    "%s: %d of %d questions do not fit into the model's window and stay without an answer",
                    prompt.name,
                    unread,
                    len(rows),
                )
        return columns

    @final
    def readings(self) -> tuple[Reading, ...]:
        """Every wording by the three rules; the readings of one rule are a family."""
        readings = []
        for suffix in ("", "-normalised", "-corrected"):
            family = f"prompts{suffix.replace('-', '_')}"
            for prompt in self.prompts:
                readings.append(Reading(f"{prompt.name}{suffix}", family, probability=True))
        return tuple(readings)

    @final
    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """Answers and scores of one wording by one rule; rows whose question was too long have neither."""
        name, _, rule = reading.partition("-")  # a wording's own name has no "-" (``read_prompts``)
        columns = [measured[f"{name}:{label}"] for label in self.words[name]]
        labels: list[str | None] = []
        scores: list[float | None] = []
        for likelihoods in zip(*columns, strict=True):
            if None in likelihoods:
                labels.append(None)
                scores.append(None)
            else:
                values = self._by_rule(rule, name, likelihoods)
                labels.append(max(values, key=values.__getitem__))
                scores.append(_share(values))
        return Judged(labels, scores)

    def _by_rule(self, rule: str, name: str, likelihoods: Sequence[float]) -> dict[str, float]:
        """The value of each label's word after one question in the wording ``name``."""
        values = {}
        words = self.words[name]
        for (label, word), likelihood in zip(words.items(), likelihoods, strict=True):
            if rule == "normalised":
                values[label] = likelihood / len(word)
            elif rule == "corrected":
                values[label] = likelihood - self.leaning[name][label]
            else:
                values[label] = likelihood
        return values


def in_rows(advance: Advance, each: int) -> Advance:
    """Take counts of questions, ``each`` of them to a row, and pass on counts of rows."""
    # Wordings are asked one after the other, so no question alone completes a row.
    questions = 0

    def advance_questions(count: int) -> None:
        nonlocal questions
        rows_before = questions // each
        questions += count
        advance(questions // each - rows_before)

    return advance_questions


def _ignore(count: int) -> None:
    """Questions about the leaning are no part of the progress, which counts rows."""


def _share(values: Mapping[str, float]) -> float:
    """Softmax over the labels' values, at entailment."""
    highest = max(values.values())  # taken off, so that no exponential overflows
    total = sum(exp(value - highest) for value in values.values())
    return exp(values[ENTAILMENT] - highest) / total
