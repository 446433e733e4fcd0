"""What can be had without understanding: answers fitted on the same training rows as the model they stand beside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION

Shortcut = Callable[[Sequence[Row], Sequence[Row]], list[str]]
WORD = re.compile(r"\w+")


def majority(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The commonest training label everywhere; ties take contradiction, then the first in the alphabet."""
    return [majority_label(row.label for row in train)] * len(test)


def template_lookup(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The commonest training label of the row's templates (property and variant); the majority label for those that were not drawn."""
    seen: dict[tuple[str, str], list[str]] = {}
    for row in train:
        seen.setdefault((row.property, row.variant), []).append(row.label)
    table = {templates: majority_label(labels) for templates, labels in seen.items()}
    fallback = majority_label(row.label for row in train)
    return [table.get((row.property, row.variant), fallback) for row in test]


def hypothesis_only(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Logistic regression over the hypothesis' words and word pairs (tf-idf); never sees the premise."""
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b")
    return _regression(words, [row.hypothesis for row in train], [row.hypothesis for row in test], train)


def bag_of_words(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Logistic regression over which words stand in the premise and which in the hypothesis, whatever their order."""
    words = CountVectorizer(analyzer=lambda row: [f"{side}:{word}" for side, text in (("p", row.premise), ("h", row.hypothesis))
                                                  for word in _words(text)])
    return _regression(words, train, test, train)


def word_order(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Logistic regression over how the words of premise and hypothesis overlap and are ordered; never sees which words they are."""
    features = make_pipeline(DictVectorizer(sparse=False), StandardScaler())
    return _regression(features, [_order(row) for row in train], [_order(row) for row in test], train)


def entity_pair(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Logistic regression over the two names, their words, and the unordered pair; never sees what is said about them."""
    names = CountVectorizer(analyzer=lambda row: [*_words(row.subject), *_words(row.object), "|".join(sorted((row.subject, row.object)))])
    return _regression(names, train, test, train)


SHORTCUTS: dict[str, Shortcut] = {"majority": majority, "template_lookup": template_lookup, "hypothesis_only": hypothesis_only,
                                  "bag_of_words": bag_of_words, "word_order": word_order, "entity_pair": entity_pair}


def shortcuts_for(rows: Sequence[Row]) -> dict[str, Shortcut]:
    """Those that the rows have something for: rows that name no entities have no entity pair."""
    return {name: shortcut for name, shortcut in SHORTCUTS.items() if name != "entity_pair" or any(row.subject for row in rows)}


def majority_label(labels: object) -> str:
    """The commonest label; ties take contradiction, then the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label != CONTRADICTION, label))


def _regression(features, seen: Sequence, asked: Sequence, train: Sequence[Row]) -> list[str]:
    model = make_pipeline(features, LogisticRegression(C=10.0, max_iter=1000))
    model.fit(seen, [row.label for row in train])
    return list(model.predict(asked))


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
        "same": float(premise == hypothesis), "same first": float(premise[:1] == hypothesis[:1]),
        "same last": float(premise[-1:] == hypothesis[-1:]), "longer": float(len(hypothesis) - len(premise)),
    }
