"""Wordings in which a language model is asked whether a hypothesis follows from a premise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

import yaml

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.data.sampling import by_key, in_turn

# Between text and answer, and between one labelled example and the next.
DELIMITER, SEPARATOR = " ", "\n\n"
# What stands for both texts when only the prompt's own leaning is asked for. Source: Zhao et al. 2021,
# arXiv:2102.09690.
CONTENT_FREE = "N/A"
TEXT_FIELDS = {"premise", "hypothesis"}
KEYS = "text, answers (entailment, contradiction and perhaps neutral: a word each), chat (true or false)"


@dataclass(frozen=True)
class Prompt:
    """One wording.

    text: with {premise} and {hypothesis}; the answer comes next.  answers: label -> label word, without a
    leading blank. chat: the text is a user's message in the model's chat template, and the answer starts the
    assistant's.
    """

    name: str
    text: str
    answers: Mapping[str, str]
    chat: bool = False

    def fill(self, premise: str, hypothesis: str) -> str:
        """The text about one pair."""
        return self.text.format(premise=premise, hypothesis=hypothesis)

    def words(self, labels: Sequence[str]) -> dict[str, str]:
        """Label words of those of the labels that the wording has one for, in the labels' order."""
        return {label: self.answers[label] for label in labels if label in self.answers}

    def text_of(self, shots: Sequence[Row], premise: str, hypothesis: str) -> str:
        """Labelled examples with their answers, then the pair, as one text without an answer.

        For prompts that are no chat.
        """
        examples = [
            f"{self.fill(row.premise, row.hypothesis)}{DELIMITER}{self.answers[row.label]}{SEPARATOR}"
            for row in shots
        ]
        return "".join([*examples, self.fill(premise, hypothesis)])

    def messages_of(self, shots: Sequence[Row], premise: str, hypothesis: str) -> list[dict[str, str]]:
        """The same as a conversation: each example a question and its answer."""
        examples = [(self.fill(row.premise, row.hypothesis), self.answers[row.label]) for row in shots]
        turns = [
            {"role": role, "content": text}
            for pair in examples
            for role, text in zip(("user", "assistant"), pair, strict=True)
        ]
        return [*turns, {"role": "user", "content": self.fill(premise, hypothesis)}]


def read_prompts(chosen: str | Sequence[str] | None = None) -> list[Prompt]:
    """The wordings that come with relsym, some of them by name, or those of a YAML file of one's own.

    Raises:
        ValueError: an unknown name, a file that holds something else.  FileNotFoundError: no such file.
    """
    if isinstance(chosen, str) and Path(chosen).suffix in (".yaml", ".yml"):
        return _parse(Path(chosen).expanduser().read_text(encoding="utf-8"), chosen)
    known = {
        prompt.name: prompt
        for prompt in _parse(
            files("relsym.models").joinpath("prompts.yaml").read_text(encoding="utf-8"), "prompts.yaml"
        )
    }
    names = list(known) if chosen is None else [chosen] if isinstance(chosen, str) else list(chosen)
    if unknown := [name for name in names if name not in known]:
        raise ValueError(
            f"model.prompts: no wording {', '.join(map(repr, unknown))}. There are {', '.join(known)}; "
            "or pass a file of your own, model.prompts=FILE.yaml."
        )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"model.prompts={names}: name at least one wording, and none twice.")
    return [known[name] for name in names]


def choose_shots(train: Iterable[Row], shots: int, prompts: Sequence[Prompt]) -> list[Row]:
    """The first ``shots`` training rows, labels in turn: the same examples before every question.

    Raises:
        ValueError: fewer rows than asked for, or rows with a label that a wording has no word for.
    """
    rows = list(train)
    drawn = list(in_turn(by_key(rows, [row.label for row in rows]).values()))[:shots]
    if len(drawn) < shots:
        raise ValueError(
            f"model.shots={shots}: the training part gives {len(rows)} rows. Raise data.samples."
        )
    for prompt in prompts:
        if wordless := {row.label for row in drawn} - set(prompt.answers):
            raise ValueError(
                f"model.shots={shots}: the wording {prompt.name} has no answer for "
                f"{', '.join(sorted(wordless))}. "
                "Choose others with model.prompts."
            )
    return drawn


def _parse(text: str, origin: str) -> list[Prompt]:
    entries = yaml.safe_load(text)
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"{origin}: expected wordings by name. Each has {KEYS}.")
    return [_prompt(str(name), entry, origin) for name, entry in entries.items()]


def _prompt(name: str, entry: Any, origin: str) -> Prompt:
    def refuse(what: str) -> ValueError:
        return ValueError(f"{origin}: {name}: {what}. A wording has {KEYS}.")

    if not isinstance(entry, dict) or not {"text", "answers"} <= entry.keys() <= {"text", "answers", "chat"}:
        raise refuse(f"got {entry!r}")
    answers = entry["answers"] if isinstance(entry["answers"], dict) else {}
    words = list(answers.values())
    if not {ENTAILMENT, CONTRADICTION} <= answers.keys() <= {ENTAILMENT, CONTRADICTION, NEUTRAL} or len(
        {*map(str, words)}
    ) < len(words):
        raise refuse(
            f"answers={answers}: expected a word of its own for entailment, contradiction and perhaps neutral"
        )
    if not all(isinstance(word, str) and word and word == word.strip() for word in words):
        raise refuse(
            f"answers={answers}: expected words without blanks around them (in YAML, yes and no need quotes)"
        )
    fields = {field for _, field, _, _ in Formatter().parse(str(entry["text"])) if field is not None}
    if fields != TEXT_FIELDS:
        raise refuse(
            f"text={entry['text']!r}: expected {{premise}} and {{hypothesis}}, each at least once, and no "
            "other field"
        )
    if not isinstance(entry.get("chat", False), bool):
        raise refuse(f"chat={entry['chat']!r}: expected true or false")
    if "/" in name or "-" in name:
        raise refuse("a wording's name becomes part of metric keys; leave '/' and '-' out")
    return Prompt(name, **entry)
