"""Wordings in which a language model is asked whether a hypothesis follows from a premise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Formatter
from typing import Any

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.data.sampling import by_key, in_turn
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text
from relsym.visible import printable

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

    text: with {premise} and {hypothesis}; the answer comes next.
    answers: label -> label word, without a leading blank.
    chat: the text is a user's message in the model's chat template, and the answer starts the assistant's.
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
        words = {}
        for label in labels:
            if label in self.answers:
                words[label] = self.answers[label]
        return words

    def text_of(self, shots: Sequence[Row], premise: str, hypothesis: str) -> str:
        """Labelled examples with their answers, then the pair, as one text without an answer.

        For prompts that are no chat.
        """
        parts = []
        for row in shots:
            example = self.fill(row.premise, row.hypothesis)
            answer = self.answers[row.label]
            parts.append(f"{example}{DELIMITER}{answer}{SEPARATOR}")
        parts.append(self.fill(premise, hypothesis))
        return "".join(parts)

    def messages_of(self, shots: Sequence[Row], premise: str, hypothesis: str) -> list[dict[str, str]]:
        """Labelled examples, then the pair, as a conversation: each example is a question and its answer."""
        messages = []
        for row in shots:
            question = self.fill(row.premise, row.hypothesis)
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": self.answers[row.label]})
        messages.append({"role": "user", "content": self.fill(premise, hypothesis)})
        return messages


def read_prompts(chosen: str | Sequence[str] | None = None, option: str = "model.prompts") -> list[Prompt]:
    """The wordings that come with relsym, some of them by name, or those of a YAML file of one's own.

    Args:
        chosen: names, or the path of a file; None: all of relsym's.
        option: where they were chosen, for messages.

    Raises:
        ValueError: an unknown name, a file that holds something else.
        FileNotFoundError: no such file.
    """
    if isinstance(chosen, str) and Path(chosen).suffix in (".yaml", ".yml"):
        return _parse(Path(chosen).expanduser())
    own = files("relsym.models").joinpath("prompts.yaml")
    prompts = {prompt.name: prompt for prompt in _parse(own)}
    if chosen is None:
        return list(prompts.values())
    names = [chosen] if isinstance(chosen, str) else list(chosen)
    # Texts in the message are quoted, so that a stray blank or comma shows.
    unknown = [repr(name) for name in names if name not in prompts]
    if unknown:
        raise ValueError(
            f"{option}: no wording {', '.join(unknown)}. There are {', '.join(prompts)}; "
            f"or pass a file of your own, {option}=FILE.yaml."
        )
    if not names or len(set(names)) < len(names):
        raise ValueError(f"{option}={names}: name at least one wording, and none twice.")
    return [prompts[name] for name in names]


def choose_shots(train: Iterable[Row], shots: int, prompts: Sequence[Prompt]) -> list[Row]:
    """The first ``shots`` training rows, labels in turn: the same examples before every question.

    Raises:
        ValueError: fewer rows than asked for, or rows with a label that a wording has no word for.
    """
    rows = list(train)
    labels = [row.label for row in rows]
    # Labels in turn, so that a few examples show all of them, and fewer shots are the first of more.
    rows_in_turn = list(in_turn(by_key(rows, labels).values()))
    drawn = rows_in_turn[:shots]
    if len(drawn) < shots:
        raise ValueError(
            f"model.shots={shots}: the training part gives {len(rows)} rows. Raise data.samples."
        )
    drawn_labels = {row.label for row in drawn}
    for prompt in prompts:
        wordless = sorted(drawn_labels - set(prompt.answers))
        if wordless:
            raise ValueError(
                f"model.shots={shots}: the wording {prompt.name} has no answer for {', '.join(wordless)}. "
                "Choose others with model.prompts."
            )
    return drawn


def _parse(path: Path | Traversable) -> list[Prompt]:
    """The wordings in a YAML file."""
    entries = read_yaml(path, plain_keys=True)
    if not isinstance(entries, dict) or not entries:
        raise ValueError(f"{path}: expected wordings by name. Each has {KEYS}.")
    prompts = []
    for name, entry in entries.items():
        prompts.append(_prompt(str(name), entry, str(path)))
    return prompts


def _prompt(name: str, entry: Any, origin: str) -> Prompt:
    """One entry of such a file, which was written by hand: everything about it is checked."""
    problem = _problem_of_entry(name, entry)
    if problem:
        raise ValueError(f"{origin}: {printable(name)}: {problem}. A wording has {KEYS}.")
    return Prompt(name, **entry)


def _problem_of_entry(name: str, entry: Any) -> str:
    """What is wrong with an entry; "" if nothing is."""
    if not isinstance(entry, dict) or not {"text", "answers"} <= entry.keys() <= {"text", "answers", "chat"}:
        return f"got {shown_text(entry)}"
    problem = _problem_of_answers(entry["answers"])
    if problem:
        return problem
    if not isinstance(entry["text"], str):
        return f"text: {shown_text(entry['text'])} is no text; put it in quotes"
    fields = set()
    for _, field, _, _ in Formatter().parse(entry["text"]):
        if field is not None:  # None: text without a field behind it
            fields.add(field)
    if fields != TEXT_FIELDS:
        return (
            f"text={shown_text(entry['text'])}: expected {{premise}} and {{hypothesis}}, each at least once, "
            "and no other field"
        )
    if not isinstance(entry.get("chat", False), bool):
        return f"chat={shown_text(entry['chat'])}: expected true or false"
    # Metric keys are split at "/", and what follows a "-" is the rule of a reading.
    if "/" in name or "-" in name:
        return "a wording's name becomes part of metric keys; leave '/' and '-' out"
    if re.fullmatch(r"\w[\w.+=@ ]{0,59}", name) is None:
        return (
            f"{shown_text(name)}: a wording's name becomes part of file names: 60 letters or digits at most"
        )
    return ""


def _problem_of_answers(entry: Any) -> str:
    """What is wrong with an entry's answers; "" if nothing is."""
    answers = entry if isinstance(entry, dict) else {}
    words = list(answers.values())
    # Compared as texts: YAML may hold anything here, and a list could not stand in a set.
    repeated = len({str(word) for word in words}) < len(words)
    labels_fit = {ENTAILMENT, CONTRADICTION} <= answers.keys() <= {ENTAILMENT, CONTRADICTION, NEUTRAL}
    if repeated or not labels_fit:
        return (
            f"answers={shown_text(answers)}: expected a word of its own for entailment, contradiction and "
            "perhaps neutral"
        )
    for word in words:
        if not isinstance(word, str) or not word or word != word.strip():
            return (
                f"answers={shown_text(answers)}: expected words without blanks around them (in YAML, yes and "
                "no need quotes)"
            )
    return ""
