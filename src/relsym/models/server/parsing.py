"""Labels out of what a model said.

They are read off a text, off the likeliest tokens, or off the end of an echo of the prompt.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from relsym.models.server.answers import Answer, Step

THOUGHT = "</think>"
# Servers round: where likely tokens come to 1, this much may still be left for all others.
SMALLEST = 1e-6
ASCII_END = re.compile(r"[\x00-\x7f]*\Z")
# Blanks, and the single bytes of line feeds and characters as tokenizers write them.
UNPRINTED = re.compile(r"<0x[0-9A-Fa-f]{2}>|[^!-~]")
NEGATIONS = ("not", "never", "cannot", "neither", "nor", "no", "without", "hardly")
# Up to two words between a denial and what it denies: "not necessarily true".
DENIED = r"(?:(?<!\w)(?:{negations})\s+(?:\w+\s+){{0,2}}|n['\u2019]t\s+(?:\w+\s+){{0,2}}|(?<!\w)non-)[\"'*]*$"


def parse(answer: str, words: Mapping[str, str]) -> str | None:
    """The label whose word the answer holds.

    None for no word, for words of several labels, and for a word that is denied ("not true").

    A word counts whatever its case, and whole: "untrue" is not "true". What a model thinks aloud up to
    </think> does not count.

    Args:
        words: the word of each label.
    """
    _, _, said = answer.rpartition(THOUGHT)
    said = said.casefold()
    if "<think>" in said:  # the thought was cut off: there is no answer behind it
        return None
    places: dict[str, list[int]] = {}
    for label, word in words.items():
        matches = re.finditer(_whole(word), said)
        starts = [match.start() for match in matches]
        if starts:
            places[label] = starts
    if len(places) != 1:
        return None
    (label,) = places
    denial = _denial(words)
    for start in places[label]:
        if denial.search(said[:start]):
            return None
    return label


def word_mass(top: Iterable[tuple[str, float]], words: Mapping[str, str]) -> dict[str, float | None]:
    """Log-probability of each label among the likeliest tokens.

    The sum is over the tokens that are the label's word, or begin it and no other label's.

        log p(label) = log sum_t exp(logprob_t)

    Case and blanks around a token do not count. None for a label that no listed token speaks for: how likely
    it is, is not known then; see ``most_unlisted``.
    """
    of_label: dict[str, list[float]] = {label: [] for label in words}
    for token, logprob in top:
        label = _meant(token.strip().casefold(), words)
        if label is not None:
            of_label[label].append(logprob)
    logprobs: dict[str, float | None] = {}
    for label, terms in of_label.items():
        logprobs[label] = _log_of_sum(terms) if terms else None
    return logprobs


def most_unlisted(top: Sequence[tuple[str, float]], further: float | None = None) -> float | None:
    """The most that the log-probability of a token can be which is not among the likeliest ones, in nats.

        min(least logprob_t, log(1 - sum_t exp(logprob_t))),   t over the tokens listed

    It is no likelier than any of those, and all tokens together have probability 1. None where no token is
    told.

    Args:
        top: the likeliest tokens.
        further: log-probability of a token that the server tells beside them, which leaves less for others.
    """
    listed = [logprob for _, logprob in top]
    known = listed if further is None else [*listed, further]
    if not known:
        return None
    remainder = 1 - sum(math.exp(logprob) for logprob in known)
    return min([*listed, math.log(max(remainder, SMALLEST))])


def ending_logprob(answer: Answer, ending: str) -> float | None:
    """Log-probability of the end of an echoed prompt, in nats; None where its tokens cannot be told apart.

    Counted from the back, where texts are plain: offsets of servers go wrong after characters of several
    bytes.
    """
    for steps in _echoes(answer):
        total = _sum_back(steps, ending)
        if total is not None:
            return total
    return None


def ends_alike(answer: Answer, prompt: str, kept: int) -> bool:
    """Whether the tokens of an echo, as far as they are kept, end in what the prompt ends in.

    Blanks and line feeds do not count, nor what stands before the last character outside ASCII: servers write
    those in as many ways as there are.

    Args:
        kept: how many tokens are kept of a longer answer.
    """
    ending = _printed(ASCII_END.search(prompt)[0])
    is_cut = len(answer.steps) >= kept
    for steps in _echoes(answer):
        text = _printed("".join(step.token for step in steps))
        is_end = text.endswith(ending) or (is_cut and ending.endswith(text))
        if is_end and len(steps) > 1:
            return True
    return False


def _echoes(answer: Answer) -> Iterator[Sequence[Step]]:
    """What may be the echo in an answer, likelier ones first.

    Behind the echo stand the tokens that were generated: one was asked for. The server's own count comes
    first, but some count otherwise, so one and none are tried as well.
    """
    count = len(answer.steps)
    generated = 1 if answer.completion_tokens is None else answer.completion_tokens
    for behind in dict.fromkeys((generated, 1, 0)):
        yield answer.steps[: count - behind]


def _printed(text: str) -> str:
    """The text without what servers write in several ways."""
    return UNPRINTED.sub("", text)


def _log_of_sum(logprobs: Sequence[float]) -> float:
    """log sum exp; the highest is taken off first, so that very small ones do not come to 0."""
    highest = max(logprobs)
    return highest + math.log(sum(math.exp(logprob - highest) for logprob in logprobs))


def _denial(words: Mapping[str, str]) -> re.Pattern[str]:
    """What denies the word behind it; a label's own word ("no") denies nothing."""
    own = {word.casefold() for word in words.values()}
    negations = [negation for negation in NEGATIONS if negation not in own]
    return re.compile(DENIED.format(negations="|".join(negations)))


def _meant(token: str, words: Mapping[str, str]) -> str | None:
    """The label whose word the token is, or else the only one whose word it begins."""
    if not token:
        return None
    whole, begun = [], []
    for label, word in words.items():
        if word.casefold() == token:
            whole.append(label)
        elif word.casefold().startswith(token):
            begun.append(label)
    labels = whole or begun
    return labels[0] if len(labels) == 1 else None


def _whole(word: str) -> str:
    return rf"(?<!\w){re.escape(word.casefold())}(?!\w)"


def _sum_back(steps: Sequence[Step], ending: str) -> float | None:
    """Sum over the last tokens; None if one has no log-probability, or they do not make up the ending."""
    text, total = "", 0.0
    for step in reversed(steps):
        if step.logprob is None:
            return None
        text = step.token + text
        total += step.logprob
        if len(text) >= len(ending):
            return total if text.endswith(ending) else None
    return None
