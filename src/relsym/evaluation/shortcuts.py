"""What can be had without understanding: answers fitted on the same training rows as the model they stand
beside.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import ClassVar, final

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION
from relsym.runs.results import LAST

WORD = re.compile(r"\w+")


class Shortcut(ABC):
    """A way to answer that understands nothing of relations. A subclass says what it does in ``answer``.

    Add one of your own with an option file ``shortcut/NAME.yaml`` (``# @package shortcuts.NAME``,
    ``_target_``) and ``shortcut=NAME``.

    title: its name in a table; "": the option's.  place: its order there.  needs_entities: it is left out
    where rows name no entities.
    """

    title: ClassVar[str] = ""
    place: ClassVar[int] = LAST
    needs_entities: ClassVar[bool] = False

    @abstractmethod
    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """Labels for the rows of ``test``, one each, from the labelled rows of ``train`` alone."""


@final
class Majority(Shortcut):
    """The commonest training label everywhere; ties take contradiction, then the first in the alphabet."""

    title: ClassVar[str] = "majority label"
    place: ClassVar[int] = 1

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        return [majority_label(row.label for row in train)] * len(test)


@final
class TemplateLookup(Shortcut):
    """The commonest training label of the row's templates (property and variant); the majority label for
    those that were not drawn.
    """

    title: ClassVar[str] = "template look-up"
    place: ClassVar[int] = 2

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        seen: dict[tuple[str, str], list[str]] = {}
        for row in train:
            seen.setdefault((row.property, row.variant), []).append(row.label)
        table = {templates: majority_label(labels) for templates, labels in seen.items()}
        fallback = majority_label(row.label for row in train)
        return [table.get((row.property, row.variant), fallback) for row in test]


@final
class HypothesisOnly(Shortcut):
    """Logistic regression over the hypothesis' words and word pairs (tf-idf); never sees the premise."""

    title: ClassVar[str] = "hypothesis only"
    place: ClassVar[int] = 3

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
        return _regression(words, [row.hypothesis for row in train], [row.hypothesis for row in test], train)


@final
class BagOfWords(Shortcut):
    """Logistic regression over which words stand in the premise and which in the hypothesis, whatever their
    order.
    """

    title: ClassVar[str] = "bag of words"
    place: ClassVar[int] = 4

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        return _regression(CountVectorizer(analyzer=_words_by_side), train, test, train)


@final
class WordOrder(Shortcut):
    """Logistic regression over how the words of premise and hypothesis overlap and are ordered; never sees
    which words they are.
    """

    title: ClassVar[str] = "word order"
    place: ClassVar[int] = 5

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        features = make_pipeline(DictVectorizer(sparse=False), StandardScaler())
        return _regression(features, [_order(row) for row in train], [_order(row) for row in test], train)


@final
class EntityPair(Shortcut):
    """Logistic regression over the two names, their words, and the unordered pair; never sees what is said
    about them.
    """

    title: ClassVar[str] = "entity pair only"
    place: ClassVar[int] = 6
    needs_entities: ClassVar[bool] = True

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """See the class."""
        return _regression(CountVectorizer(analyzer=_entity_words), train, test, train)


SHORTCUTS: dict[str, Shortcut] = {
    "majority": Majority(),
    "template_lookup": TemplateLookup(),
    "hypothesis_only": HypothesisOnly(),
    "bag_of_words": BagOfWords(),
    "word_order": WordOrder(),
    "entity_pair": EntityPair(),
}


def shortcuts_for(rows: Sequence[Row], more: Mapping[str, Shortcut] | None = None) -> dict[str, Shortcut]:
    """relsym's own and ``more``, by name, less those that the rows have nothing for."""
    names_entities = any(row.subject for row in rows)
    every = {**SHORTCUTS, **(more or {})}
    return {
        name: shortcut for name, shortcut in every.items() if names_entities or not shortcut.needs_entities
    }


def majority_label(labels: object) -> str:
    """The commonest label; ties take contradiction, then the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label != CONTRADICTION, label))


def _regression(features, seen: Sequence, asked: Sequence, train: Sequence[Row]) -> list[str]:
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=1000))
    model.fit(seen, [row.label for row in train])
    return list(model.predict(asked))


def _words_by_side(row: Row) -> list[str]:
    return [f"p:{word}" for word in _words(row.premise)] + [f"h:{word}" for word in _words(row.hypothesis)]


def _entity_words(row: Row) -> list[str]:
    pair = "|".join(sorted((row.subject, row.object)))
    return [*_words(row.subject), *_words(row.object), pair]


def _words(text: str) -> list[str]:
    return WORD.findall(text.lower())


def _order(row: Row) -> dict[str, float]:
    """Overlap and order of the words of premise and hypothesis."""
    premise, hypothesis = _words(row.premise), _words(row.hypothesis)
    once = [word for word in premise if premise.count(word) == 1 and hypothesis.count(word) == 1]
    pairs = list(combinations([hypothesis.index(word) for word in once], 2))
    shared = Counter(premise) & Counter(hypothesis)
    return {
        "kept order": sum(one < two for one, two in pairs) / len(pairs) if pairs else 0.5,
        "shared": shared.total() / max(len(premise), len(hypothesis), 1),
        "same": float(premise == hypothesis),
        "same first": float(premise[:1] == hypothesis[:1]),
        "same last": float(premise[-1:] == hypothesis[-1:]),
        "longer": float(len(hypothesis) - len(premise)),
    }
