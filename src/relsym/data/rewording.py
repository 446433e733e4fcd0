"""Further denials and assurances of a wording, made by rule, for training.

A bank has a few denials of each relation, of its first wording in most cases. That a denial reverses what any
sentence says, in whichever words, is learnt from many: so every wording and every converse that trains is
also denied by rule, by a "not" in it or by a clause before it. Some are assured by a clause that changes
nothing, so that "It is ... that" alone tells nothing. English only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from relsym.data.splits import uniform
from relsym.data.verbalize import after_clause

DENYING_CLAUSES = (
    "It is not true that",
    "It is false that",
    "It is not the case that",
    "It is not so that",
    "It is untrue that",
    "It is incorrect that",
)
ASSURING_CLAUSES = (
    "It is true that",
    "It is a fact that",
    "It is the case that",
    "It is correct that",
    "We know that",
    "As is known,",
    "Indeed,",
)
# A sentence with one of these denies already, or says less than all its words: a "not" would not deny it.
_DENIES_ALREADY = re.compile(
    r"n't\b|\b(not|no|none|never|nothing|nobody|nowhere|neither|nor|without|only|all)\b", re.I
)
_COPULA = re.compile(r"\b(is|are|was|were)\b")
_HAS = re.compile(r"\bhas\b(?! (?:been|had)\b)")


def with_not(text: str) -> str | None:
    """The text with its first "is", "are", "was", "were" or "has" denied; None where no rule is sure.

    "[X] is above [Y]." gives "[X] is not above [Y].", and "[X] has [Y] as a child." gives "[X] does not have
    [Y] as a child.".
    """
    if _DENIES_ALREADY.search(text):
        return None
    copula, has = _COPULA.search(text), _HAS.search(text)
    if copula and (has is None or copula.start() < has.start()):
        return f"{text[: copula.end()]} not{text[copula.end() :]}"
    if has:
        return f"{text[: has.start()]}does not have{text[has.end() :]}"
    return None


def denials(texts: Iterable[str]) -> list[str]:
    """Each text denied once: half of them, by hash, by "not" where a rule is sure, the others by a clause."""
    made = []
    for text in texts:
        denied = with_not(text) if uniform(0, f"not|{text}") < 0.5 else None
        made.append(denied or after_clause(_one_of(DENYING_CLAUSES, text), text))
    return made


def assurances(texts: Sequence[str], every: int) -> list[str]:
    """Every so-manieth text after a clause that changes nothing, one of several by its hash."""
    return [after_clause(_one_of(ASSURING_CLAUSES, text), text) for text in texts[::every]]


def _one_of(clauses: Sequence[str], text: str) -> str:
    """A clause by the hash of the text: the same in every draw and process."""
    return clauses[int(uniform(0, f"clause|{text}") * len(clauses))]
