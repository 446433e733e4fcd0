"""The wordings of a row, and what can be read out of them: exchanged names, denials, converses.

A wording is a text with its two names masked, the one that stands first by X, the other one by Y.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, final

from scipy.sparse import hstack
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from relsym.data.pairs import VARIANTS, Row
from relsym.data.relations import SYMMETRIC
from relsym.data.verbalize import NEGATION

FIRST_NAME, SECOND_NAME = "X", "Y"
DENIAL = re.compile(
    r"\b(not|no|never|neither|nor|none|nothing|cannot|without|unable|fails?|failed|false|untrue|wrong)\b|n't",
    re.IGNORECASE,
)


class Wordings(NamedTuple):
    """The two wordings of a row.

    Attributes:
        premise: with its names masked.
        hypothesis: likewise.
        exchanged: the hypothesis names the two in the other order than the premise.
        named: both texts have both names; the order is False where they do not.
    """

    premise: str
    hypothesis: str
    exchanged: bool
    named: bool


class WhatIsAsked(NamedTuple):
    """What is read out of the wordings of a row.

    Attributes:
        swapped: subject and object are exchanged.
        denied_premise: the premise denies.
        denied_hypothesis: the hypothesis does.
    """

    swapped: bool
    denied_premise: bool
    denied_hypothesis: bool


@final
class WordingReader:
    """What can be learnt of wordings: which deny, and which say the same from the other side.

    Denials and converses are told by logistic regression over words and word pairs: those of one wording, and
    those that either text has and the other one has not. Words do better at both than the untrained
    encoder's vectors. Of symmetric relations nothing is learnt about converses, which these do not have.

    Args:
        train: rows whose variants say what their wordings do.
    """

    def __init__(self, train: Sequence[Row]) -> None:
        distinct = list(dict.fromkeys((read_wordings(row), row.variant, row.kind) for row in train))
        self._learn_denials(distinct)
        self._learn_converses(distinct)

    def _learn_denials(self, rows: Iterable[tuple[Wordings, str, str]]) -> None:
        denies: dict[str, bool] = {}
        for wordings, variant, _ in rows:
            if variant in VARIANTS:
                denies[wordings.premise] = VARIANTS[variant].premise == NEGATION
                denies[wordings.hypothesis] = VARIANTS[variant].negated
        self._denials: Any = None
        # Where no variant denies there is nothing to learn from, and the words of ``DENIAL`` have to do.
        if len(set(denies.values())) > 1:
            self._denials = logistic_regression_over(_word_counts())
            self._denials.fit(list(denies), list(denies.values()))

    def _learn_converses(self, rows: Iterable[tuple[Wordings, str, str]]) -> None:
        from_other_side: dict[tuple[str, str], bool] = {}
        for wordings, variant, kind in rows:
            is_reworded = wordings.named and wordings.premise != wordings.hypothesis
            if is_reworded and kind != SYMMETRIC and variant in VARIANTS and not VARIANTS[variant].other:
                pair = (wordings.premise, wordings.hypothesis)
                from_other_side[pair] = wordings.exchanged != VARIANTS[variant].swapped
        self._converses: Any = None
        if len(set(from_other_side.values())) > 1:
            self._words = _word_counts().fit(chain.from_iterable(from_other_side))
            self._converses = LogisticRegression(C=3.0, max_iter=1000, class_weight="balanced")
            self._converses.fit(self._differences(from_other_side), list(from_other_side.values()))

    def _differences(self, pairs: Iterable[tuple[str, str]]) -> Any:
        """Which words stand in the hypothesis alone, and which in the premise alone [n 2 * words]."""
        premises, hypotheses = zip(*pairs, strict=True)
        more = self._words.transform(hypotheses) - self._words.transform(premises)
        return hstack([more.maximum(0), (-more).maximum(0)]).tocsr()

    def asked(self, rows: Sequence[Wordings]) -> list[WhatIsAsked]:
        """What the rows ask, as far as their wordings tell."""
        pairs = list(dict.fromkeys((row.premise, row.hypothesis) for row in rows))
        denies = self._denies(pairs)
        from_other_side = self._from_other_side(pairs, denies)
        questions = []
        for row in rows:
            # The very wording of the premise is no converse, whatever the regression would say.
            is_reworded = row.premise != row.hypothesis
            is_converse = is_reworded and from_other_side[row.premise, row.hypothesis]
            swapped = row.exchanged != is_converse
            questions.append(WhatIsAsked(swapped, denies[row.premise], denies[row.hypothesis]))
        return questions

    def _from_other_side(
        self, pairs: Sequence[tuple[str, str]], denies: Mapping[str, bool]
    ) -> dict[tuple[str, str], bool]:
        """Whether either text of each pair is a converse of the other one.

        Where the premise alone denies, the two change places: training premises mostly affirm.
        """
        if self._converses is None:
            return dict.fromkeys(pairs, False)
        turned = []
        for premise, hypothesis in pairs:
            alone = denies[premise] and not denies[hypothesis]
            turned.append((hypothesis, premise) if alone else (premise, hypothesis))
        answers = self._converses.predict(self._differences(turned)).tolist()
        return dict(zip(pairs, answers, strict=True))

    def _denies(self, pairs: Iterable[tuple[str, str]]) -> dict[str, bool]:
        """Whether each text of these pairs is a denial."""
        texts = list(dict.fromkeys(chain.from_iterable(pairs)))
        if self._denials is None:
            return {text: bool(DENIAL.search(text)) for text in texts}
        answers = self._denials.predict(texts).tolist()
        return dict(zip(texts, answers, strict=True))


@final
class LastReader:
    """Makes the reader of training rows, and gives it again as long as it is asked about the same rows."""

    _train: Sequence[Row] | None = None

    def __call__(self, train: Sequence[Row]) -> WordingReader:
        """The reader that learnt from these rows."""
        if self._train is not train:
            self._reader = WordingReader(train)
            self._train = train
        return self._reader


def read_wordings(row: Row) -> Wordings:
    """The texts of a row with the names of its subject and object masked."""
    premise, first = with_names_masked(row.premise, row.subject, row.object)
    hypothesis, first_of_hypothesis = with_names_masked(row.hypothesis, row.subject, row.object)
    named = first is not None and first_of_hypothesis is not None
    return Wordings(premise, hypothesis, named and first != first_of_hypothesis, named)


def with_names_masked(text: str, subject: str, object: str) -> tuple[str, bool | None]:
    """A text with its two names masked, and whether the subject stands first; None where one is not there.

    The longer name is looked for first: it may hold the other one.
    """
    subject_is_longer = len(subject) >= len(object)
    longer, shorter = (subject, object) if subject_is_longer else (object, subject)
    place = _place(text, longer)
    blanked = text[:place] + " " * len(longer) + text[place + len(longer) :]
    other_place = _place(blanked, shorter)
    if place < 0 or other_place < 0:
        return text, None
    longer_first = place < other_place
    ends = sorted(((place, longer), (other_place, shorter)))
    (start, first), (next_start, second) = ends
    between = text[start + len(first) : next_start]
    wording = f"{text[:start]}{FIRST_NAME}{between}{SECOND_NAME}{text[next_start + len(second) :]}"
    return wording, longer_first == subject_is_longer


def logistic_regression_over(features: Any) -> Any:
    """A logistic regression over features, weakly regularised as the other shortcuts are."""
    return make_pipeline(features, LogisticRegression(C=10.0, max_iter=1000))


def _word_counts() -> CountVectorizer:
    """Which words and word pairs stand in a text."""
    # scikit-learn's own pattern drops words of one letter.
    return CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"(?u)\b\w+\b")


def _place(text: str, name: str) -> int:
    """Where a name stands in a text as words of their own; -1 where it does not."""
    place = text.find(name)
    while place >= 0:
        end = place + len(name)
        before, after = text[place - 1 : place], text[end : end + 1]
        if not (before.isalnum() and name[:1].isalnum()) and not (after.isalnum() and name[-1:].isalnum()):
            return place
        place = text.find(name, place + 1)
    return -1
