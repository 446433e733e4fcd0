"""What can be had without understanding: answers fitted on the same training rows as a model's."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
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

    title: its name in a table; where it is "", the name of the option.  place: its order there.
    needs_entities: it is left out where rows name no entities.
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
        """The majority label for each row of ``test``."""
        label = majority_label(row.label for row in train)
        return [label] * len(test)


@final
class TemplateLookup(Shortcut):
    """The commonest training label of the rows with the same templates (property and variant).

    Templates that no training row has get the majority label.
    """

    title: ClassVar[str] = "template look-up"
    place: ClassVar[int] = 2

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """The label of each row's templates in the table that ``train`` gives."""
        labels_of = defaultdict(list)
        for row in train:
            labels_of[row.property, row.variant].append(row.label)
        label_of = {templates: majority_label(labels) for templates, labels in labels_of.items()}
        fallback = majority_label(row.label for row in train)
        return [label_of.get((row.property, row.variant), fallback) for row in test]


@final
class HypothesisOnly(Shortcut):
    """Logistic regression over the hypothesis' words and word pairs (tf-idf); never sees the premise."""

    title: ClassVar[str] = "hypothesis only"
    place: ClassVar[int] = 3

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """The regression's answer to each hypothesis."""
        # scikit-learn's own pattern drops words of one letter.
        words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
        train_hypotheses = [row.hypothesis for row in train]
        test_hypotheses = [row.hypothesis for row in test]
        return _regression(words, train_hypotheses, test_hypotheses, train)


@final
class BagOfWords(Shortcut):
    """Logistic regression over how often each word stands in the premise and in the hypothesis.

    The order of the words makes no difference.
    """

    title: ClassVar[str] = "bag of words"
    place: ClassVar[int] = 4

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """The regression's answer to the words of each row."""
        words = CountVectorizer(analyzer=_words_by_side)
        return _regression(words, train, test, train)


@final
class WordOrder(Shortcut):
    """Logistic regression over how the words of premise and hypothesis overlap and are ordered.

    It never sees which words they are.
    """

    title: ClassVar[str] = "word order"
    place: ClassVar[int] = 5

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """The regression's answer to the order of each row's words."""
        features = make_pipeline(DictVectorizer(sparse=False), StandardScaler())
        train_order = [_order_features(row) for row in train]
        test_order = [_order_features(row) for row in test]
        return _regression(features, train_order, test_order, train)


@final
class EntityPair(Shortcut):
    """Logistic regression over the words of the two names, and the pair of names in either order.

    It never sees what is said about them.
    """

    title: ClassVar[str] = "entity pair only"
    place: ClassVar[int] = 6
    needs_entities: ClassVar[bool] = True

    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """The regression's answer to the names of each row."""
        names = CountVectorizer(analyzer=_entity_words)
        return _regression(names, train, test, train)


SHORTCUTS: dict[str, Shortcut] = {
    "majority": Majority(),
    "template_lookup": TemplateLookup(),
    "hypothesis_only": HypothesisOnly(),
    "bag_of_words": BagOfWords(),
    "word_order": WordOrder(),
    "entity_pair": EntityPair(),
}


def shortcuts_for(rows: Sequence[Row], more: Mapping[str, Shortcut] | None = None) -> dict[str, Shortcut]:
    """relsym's own shortcuts and ``more``, by name, less those that need entities where rows name none."""
    shortcuts = dict(SHORTCUTS)
    if more is not None:
        shortcuts |= more
    if any(row.subject for row in rows):
        return shortcuts
    return {name: shortcut for name, shortcut in shortcuts.items() if not shortcut.needs_entities}


def majority_label(labels: object) -> str:
    """The commonest label; ties take contradiction, then the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label != CONTRADICTION, label))


def _regression(features, train_inputs: Sequence, test_inputs: Sequence, train: Sequence[Row]) -> list[str]:
    """Fit a logistic regression over ``features`` of the training inputs, and answer the test inputs."""
    # Weakly regularised: scikit-learn's default is C = 1.
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=1000))
    labels = [row.label for row in train]
    model.fit(train_inputs, labels)
    return list(model.predict(test_inputs))


def _words_by_side(row: Row) -> list[str]:
    """The words of the row, those of the premise marked with "p:" and those of the hypothesis with "h:"."""
    premise = [f"p:{word}" for word in _words(row.premise)]
    hypothesis = [f"h:{word}" for word in _words(row.hypothesis)]
    return premise + hypothesis


def _entity_words(row: Row) -> list[str]:
    """The words of both names, and the two names as one word that is the same in either order."""
    pair = "|".join(sorted((row.subject, row.object)))
    return [*_words(row.subject), *_words(row.object), pair]


def _words(text: str) -> list[str]:
    """The words of a text in small letters, without punctuation."""
    return WORD.findall(text.lower())


def _order_features(row: Row) -> dict[str, float]:
    """Overlap and order of the words of premise and hypothesis, each feature by name."""
    premise = _words(row.premise)
    hypothesis = _words(row.hypothesis)
    shared = Counter(premise) & Counter(hypothesis)
    longest = max(len(premise), len(hypothesis), 1)
    # Slices and not items, for either side may have no word.
    same_first = premise[:1] == hypothesis[:1]
    same_last = premise[-1:] == hypothesis[-1:]
    return {
        "kept order": _kept_order(premise, hypothesis),
        "shared": shared.total() / longest,
        "same": float(premise == hypothesis),
        "same first": float(same_first),
        "same last": float(same_last),
        "longer": float(len(hypothesis) - len(premise)),
    }


def _kept_order(premise: list[str], hypothesis: list[str]) -> float:
    """Share of word pairs that stand in the hypothesis in the order of the premise; 0.5 without pairs.

    Only words that either side has exactly once are looked at: the place of others is not certain.
    """
    places = []  # in the hypothesis, in the order of the premise
    for word in premise:
        if premise.count(word) == 1 and hypothesis.count(word) == 1:
            places.append(hypothesis.index(word))
    pairs = list(combinations(places, 2))
    if not pairs:
        return 0.5
    in_order = sum(earlier < later for earlier, later in pairs)
    return in_order / len(pairs)
