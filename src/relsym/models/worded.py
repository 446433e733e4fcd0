"""What causal and masked language models share: wordings, labelled examples, and three ways to compare label
words.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from math import exp
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


class WordedModel(Model):
    """Log-likelihoods of label words after a question, for every wording, and what is read off them.

        NAME             L(w | question)
        NAME-normalised  L(w | question) / characters of w         (lm-evaluation-harness: acc_norm; per token
        is another convention) NAME-corrected   L(w | question) - L(w | "N/A" for both texts)      (Zhao et
        al. 2021, arXiv:2102.09690)

    The answer is the label whose word has the highest value, the first of the benchmark's labels where two
    are equal. The score is the softmax over the words' values, at entailment. Questions longer than the
    model's window have no value and no answer.

    Args:
        loaded: the model.  name: what a report calls it.
        prompts: names of wordings, or a YAML file of them; None: all.  shots: labelled examples before every
        question.
    """

    shard_rows = 512

    def __init__(
        self, loaded: LanguageModel, name: str, prompts: str | Sequence[str] | None, shots: int
    ) -> None:
        if isinstance(shots, bool) or not isinstance(shots, int) or shots < 0:
            raise ValueError(f"model.shots={shots}: expected a whole number, 0 or more.")
        self.network: PreTrainedModel = loaded.network
        self.tokenizer: PreTrainedTokenizerBase = loaded.tokenizer
        self.name, self.source = name, loaded.source
        self.prompts, self.shots = self.usable(read_prompts(prompts)), shots
        self.examples: list[Row] = []
        self.words: dict[str, dict[str, str]] = {}
        self.leaning: dict[str, Mapping[str, float]] = {}

    @abstractmethod
    def usable(self, prompts: list[Prompt]) -> list[Prompt]:
        """Those of the wordings that the model can be asked in, at least one."""

    @abstractmethod
    def likelihoods_of(
        self, texts: Sequence[Text], words: Sequence[str], advance: Advance
    ) -> list[list[float | None]]:
        """L of every word after every text; None for all words of a text that the model's window is too short
        for.
        """

    @abstractmethod
    def text_of(self, prompt: Prompt, premise: str, hypothesis: str) -> Text:
        """A question after the labelled examples."""

    @final
    def prepare(self, examples: Examples) -> None:
        """Choose the labelled examples, and ask for the leaning of every wording.

        Raises:
            ValueError: too few rows, or a window too short for them.
        """
        self.examples = choose_shots(examples.train, self.shots, self.prompts)
        self.words = {prompt.name: prompt.words(examples.labels) for prompt in self.prompts}
        for prompt in self.prompts:
            words, empty = self.words[prompt.name], self.text_of(prompt, CONTENT_FREE, CONTENT_FREE)
            (values,) = self.likelihoods_of([empty], list(words.values()), lambda count: None)
            if None in values:
                raise ValueError(
                    f"model.shots={self.shots}: the window of {self.name} is too short for the examples in "
                    "the wording "
                    f"{prompt.name}, even with an empty question. Lower model.shots, or choose others with "
                    "model.prompts."
                )
            self.leaning[prompt.name] = dict(zip(words, values, strict=True))

    @final
    def fingerprint(self) -> str:
        """SHA-256 over weights and vocabulary."""
        return weights_hash(self.network, self.tokenizer)

    @final
    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """One column of log-likelihoods for every wording and label: ``yes_no:entailment``."""
        columns: Columns = {}
        told = in_rows(advance, len(self.prompts))
        for prompt in self.prompts:
            words = self.words[prompt.name]
            texts = [self.text_of(prompt, row.premise, row.hypothesis) for row in rows]
            values = self.likelihoods_of(texts, list(words.values()), told)
            columns |= {
                f"{prompt.name}:{label}": [line[number] for line in values]
                for number, label in enumerate(words)
            }
            if unread := sum(None in line for line in values):
                log.warning(
                    "%s: %d of %d questions do not fit into the model's window and stay without an answer",
                    prompt.name,
                    unread,
                    len(rows),
                )
        return columns

    @final
    def readings(self) -> tuple[Reading, ...]:
        """Every wording by the three rules."""
        return tuple(
            Reading(f"{prompt.name}{suffix}", f"prompts{suffix.replace('-', '_')}", probability=True)
            for suffix in ("", "-normalised", "-corrected")
            for prompt in self.prompts
        )

    @final
    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """Answers and scores of one wording by one rule."""
        name, _, rule = reading.partition("-")
        words = self.words[name]
        change: dict[str, Callable[[str, float], float]] = {
            "": lambda label, value: value,
            "normalised": lambda label, value: value / len(words[label]),
            "corrected": lambda label, value: value - self.leaning[name][label],
        }
        lines = zip(*(measured[f"{name}:{label}"] for label in words), strict=True)
        values = [
            None
            if None in line
            else {label: change[rule](label, value) for label, value in zip(words, line, strict=True)}
            for line in lines
        ]
        return Judged(
            [line and max(line, key=line.__getitem__) for line in values],
            [line and _share(line) for line in values],
        )


def in_rows(advance: Advance, each: int) -> Advance:
    """Take counts of questions, ``each`` of them to a row, and pass on counts of rows."""
    asked = 0

    def told(count: int) -> None:
        nonlocal asked
        before, asked = asked, asked + count
        advance(asked // each - before // each)

    return told


def _share(values: Mapping[str, float]) -> float:
    """Softmax at entailment."""
    highest = max(values.values())
    return exp(values[ENTAILMENT] - highest) / sum(exp(value - highest) for value in values.values())
