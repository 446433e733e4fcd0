"""What can be had without understanding: answers fitted on the same training rows as the model they stand beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION

Shortcut = Callable[[Sequence[Row], Sequence[Row]], list[str]]


def majority(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The commonest training label everywhere; ties take contradiction, then the first in the alphabet."""
    return [majority_label(row.label for row in train)] * len(test)


def template_lookup(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """The commonest training label of the row's template; the majority label for templates that were not drawn."""
    seen: dict[str, list[str]] = {}
    for row in train:
        seen.setdefault(row.property, []).append(row.label)
    table = {template: majority_label(labels) for template, labels in seen.items()}
    fallback = majority_label(row.label for row in train)
    return [table.get(row.property, fallback) for row in test]


def hypothesis_only(train: Sequence[Row], test: Sequence[Row]) -> list[str]:
    """Logistic regression over the hypothesis' words and word pairs (tf-idf); never sees the premise."""
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"(?u)\b\w+\b"), LogisticRegression(C=10.0, max_iter=1000))
    model.fit([row.hypothesis for row in train], [row.label for row in train])
    return list(model.predict([row.hypothesis for row in test]))


SHORTCUTS: dict[str, Shortcut] = {"majority": majority, "template_lookup": template_lookup, "hypothesis_only": hypothesis_only}


def majority_label(labels: object) -> str:
    """The commonest label; ties take contradiction, then the first in the alphabet."""
    counts = Counter(labels)
    return min(counts, key=lambda label: (-counts[label], label != CONTRADICTION, label))
