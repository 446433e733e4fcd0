"""Labels out of what a model said: words in a text, words and their beginnings among likely tokens, words at
the end of an echo.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from relsym.models.server.answers import Answer, Step

THOUGHT = "</think>"
NEGATIONS = ("not", "never", "cannot", "neither", "nor", "no", "without", "hardly")
# Up to two words between a denial and what it denies: "not necessarily true".
DENIED = r"(?:(?<!\w)(?:{negations})\s+(?:\w+\s+){{0,2}}|n['\u2019]t\s+(?:\w+\s+){{0,2}}|(?<!\w)non-)[\"'*]*$"


def parse(answer: str, words: Mapping[str, str]) -> str | None:
    """The label whose word the answer holds; None for no word, words of several labels, or a word that is
    denied ("not true").

    A word counts whatever its case, and whole: "untrue" is not "true". What a model thinks aloud up to
    </think> does not count.
    """
    said = answer.rpartition(THOUGHT)[2].casefold()
    if "<think>" in said:
        return None
    found = {
        label: [match.start() for match in re.finditer(_whole(word), said)] for label, word in words.items()
    }
    named = [label for label, places in found.items() if places]
    if len(named) != 1:
        return None
    denied = re.compile(
        DENIED.format(negations="|".join(set(NEGATIONS) - {word.casefold() for word in words.values()}))
    )
    return None if any(denied.search(said[:place]) for place in found[named[0]]) else named[0]


def word_mass(top: Iterable[tuple[str, float]], words: Mapping[str, str]) -> dict[str, float | None]:
    """Log-probability of each label among the likeliest tokens: the sum over those that are its word, or
    begin it and no other's.

        log p(label) = log sum_t exp(logprob_t)

    Case and blanks around a token do not count. None for a label that no listed token speaks for.
    """
    mass = dict.fromkeys(words, 0.0)
    for token, logprob in top:
        if (label := _meant(token.strip().casefold(), words)) is not None:
            mass[label] += math.exp(logprob)
    return {label: math.log(total) if total else None for label, total in mass.items()}


def ending_logprob(answer: Answer, ending: str) -> float | None:
    """Sum over the tokens that hold the end of an echoed prompt; None where they cannot be told.

    Counted from the back, where texts are plain: offsets of servers go wrong after characters of several
    bytes.
    """
    count = len(answer.steps)
    for made in dict.fromkeys((1 if answer.completion_tokens is None else answer.completion_tokens, 1, 0)):
        if (total := _sum_back(answer.steps[: count - made], ending)) is not None:
            return total
    return None


def _meant(token: str, words: Mapping[str, str]) -> str | None:
    begun = [label for label, word in words.items() if token and word.casefold().startswith(token)]
    whole = [label for label in begun if words[label].casefold() == token]
    return (whole or begun)[0] if len(whole or begun) == 1 else None


def _whole(word: str) -> str:
    return rf"(?<!\w){re.escape(word.casefold())}(?!\w)"


def _sum_back(steps: Sequence[Step], ending: str) -> float | None:
    text, total = "", 0.0
    for step in reversed(steps):
        if step.logprob is None:
            return None
        text, total = step.token + text, total + step.logprob
        if len(text) >= len(ending):
            return total if text.endswith(ending) else None
    return None
