"""Whether a relation is symmetric or antisymmetric, told from its wording alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

from sklearn.linear_model import LogisticRegression

from relsym.data.relation_bank import BANK, read_property_table
from relsym.data.relations import NEITHER, Relation
from relsym.data.splits import TEST, TRAIN
from relsym.evaluation.relation_shortcuts import BundledVectors, Encode
from relsym.evaluation.wordings import FIRST_NAME, SECOND_NAME

# Of the regression: chosen among 0.3, 1, 3 and 10 on the bank's relations that validate (89 % right).
INVERSE_STRENGTH = 0.3


@dataclass(frozen=True)
class Vote:
    """What the wording of a property says about its kind.

    Attributes:
        kind: symmetric or antisymmetric.
        probability: of that kind, the mean over its wordings.
    """

    kind: str
    probability: float


@final
class WordingKinds:
    """Tells kinds by logistic regression on the untrained encoder's vectors of wordings.

    It learns from the symmetric and antisymmetric relations of relsym's bank that train, in their templates
    and paraphrases with names masked. What is asked about is never among what it learnt from: a relation of
    the bank leaves with all that have its id or its meaning. No statement is looked at. Those that are
    neither are not told apart from wordings: 7 of 10 kinds are right where all three are asked.

    Args:
        encode: texts -> vectors; by default the bundled encoder as it is published.
    """

    def __init__(self, encode: Encode | None = None) -> None:
        self._encode = encode or BundledVectors()
        self._bank = {}
        for name, relation in read_property_table(BANK).items():
            if relation.kind != NEITHER:
                self._bank[name] = relation
        self._all = self._fitted({})

    def votes(self, relations: Mapping[str, Relation]) -> dict[str, Vote]:
        """The vote for each relation that has a wording; where it stands in the bank, of all others there."""
        votes = {}
        for property, relation in relations.items():
            if not masked_wordings(relation):
                continue
            alike = self.alike(property)
            model = self._fitted(alike) if any(one.side == TRAIN for one in alike.values()) else self._all
            probabilities = model.predict_proba(self._encode(masked_wordings(relation))).mean(axis=0)
            best = int(probabilities.argmax())
            votes[property] = Vote(str(model.classes_[best]), float(probabilities[best]))
        return votes

    def held_out_right(self) -> list[bool]:
        """Whether it is right about each of the bank's relations that test, of whose meanings none trains."""
        asked = {}
        for name, relation in self._bank.items():
            if relation.side.startswith(TEST):
                asked[name] = relation
        votes = self.votes(asked)
        return [votes[name].kind == relation.kind for name, relation in asked.items()]

    def alike(self, property: str) -> dict[str, Relation]:
        """The bank's relations of a property's id or meaning."""
        if property not in self._bank:
            return {}
        meaning = self._bank[property].meaning
        alike = {property: self._bank[property]}
        for name, relation in self._bank.items():
            if meaning and relation.meaning == meaning:
                alike[name] = relation
        return alike

    def _fitted(self, left_out: Mapping[str, Relation]) -> LogisticRegression:
        """What learnt from the bank's training relations, without some of them."""
        texts: list[str] = []
        kinds: list[str] = []
        for name, relation in self._bank.items():
            if relation.side == TRAIN and name not in left_out:
                wordings = masked_wordings(relation)
                texts += wordings
                kinds += [relation.kind] * len(wordings)
        return LogisticRegression(C=INVERSE_STRENGTH, max_iter=1000).fit(self._encode(texts), kinds)


def masked_wordings(relation: Relation) -> list[str]:
    """The template and the paraphrases of a relation, the name that stands first as X, the other as Y."""
    masked = []
    for wording in filter(None, (relation.template, *relation.paraphrases)):
        x, y = FIRST_NAME, SECOND_NAME
        if wording.index("[Y]") < wording.index("[X]"):
            x, y = y, x
        masked.append(wording.replace("[X]", x).replace("[Y]", y))
    return masked
