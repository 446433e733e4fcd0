"""Facts -> premise / hypothesis / label rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from relsym.data.relations import Relation
from relsym.data.triples import Triple, TripleSource
from relsym.data.verbalize import verbalize

LEXICALISED, DELEXICALISED = "lexicalised", "delexicalised"
FORMS = (LEXICALISED, DELEXICALISED)


class Row(NamedTuple):
    """One premise / hypothesis text with its label, in one form: what a model reads."""

    pair_id: str
    property: str
    form: str
    premise: str
    hypothesis: str
    label: str


@dataclass(frozen=True, slots=True)
class Pair:
    """One row of the benchmark, both forms side by side; the fields are the columns of its table on disk."""

    pair_id: str
    group_id: str
    property: str
    kind: str
    variant: str
    subject_id: str
    object_id: str
    premise: str
    hypothesis: str
    premise_delex: str
    hypothesis_delex: str
    label: str
    split: str

    def row(self, form: str) -> Row:
        """The texts of one form."""
        texts = (self.premise, self.hypothesis) if form == LEXICALISED else (self.premise_delex, self.hypothesis_delex)
        return Row(self.pair_id, self.property, form, *texts, self.label)


def group_of(fact: Triple) -> str:
    """The unordered entity pair: a fact, its reverse and its twin in another property share it."""
    return "|".join(sorted((fact.subject, fact.object)))


def swap_pair(fact: Triple, relation: Relation, labels: dict[str, str], reverse: bool, split: str) -> Pair:
    """Premise r(x, y), hypothesis r(y, x); entailment if r is symmetric, else contradiction.

    ``reverse`` starts from r(y, x): the label depends on the relation alone, so it holds in both directions.
    """
    first, second = (fact.object, fact.subject) if reverse else (fact.subject, fact.object)
    lexical = labels[first], labels[second]
    return Pair(
        pair_id=f"{fact.property}:{first}:{second}", group_id=group_of(fact), property=fact.property, kind=relation.kind,
        variant="swap", subject_id=first, object_id=second,
        premise=verbalize(relation.template, *lexical), hypothesis=verbalize(relation.template, *lexical[::-1]),
        premise_delex=verbalize(relation.template, first, second), hypothesis_delex=verbalize(relation.template, second, first),
        label=relation.label, split=split)


def clean_facts(source: TripleSource, relations: dict[str, Relation], same_label: str = "drop") -> tuple[list[Triple], Counter[str]]:
    """Distinct usable facts, and how many were left out for which reason.

    - ``same label``: the two labels coincide (ignoring case), so premise and hypothesis would be the same sentence; dropped in both
      forms unless ``same_label`` is "keep". A fact about one and the same entity is always dropped.
    - ``duplicate``: stated twice, or a symmetric fact stated from both sides (kept once).
    - ``same text``: reads like another fact of its property, about other entities with the same two labels (the first is kept; else a
      test sentence could stand word for word among the training sentences).
    - ``both directions``: an antisymmetric fact whose reverse is stated too; one of the two is wrong, so both go.
    """
    if same_label not in ("drop", "keep"):
        raise ValueError(f"data.same_label={same_label}: expected drop or keep.")
    counts = Counter(source.counts)
    stated, texts = set(source.triples), set()
    kept: dict[Triple, None] = {}
    for fact in source.triples:
        text = (fact.property, frozenset((source.labels[fact.subject].casefold(), source.labels[fact.object].casefold())))
        reason = _reason_to_drop(fact, relations[fact.property], source.labels, stated, kept, same_label)
        if reason or text in texts:
            counts[reason or "same text"] += 1
        else:
            kept[fact] = None
            texts.add(text)
    return list(kept), counts


def _reason_to_drop(fact: Triple, relation: Relation, labels: dict[str, str], stated: set[Triple], kept: Iterable[Triple],
                    same_label: str) -> str | None:
    reverse = Triple(fact.object, fact.property, fact.subject)
    same = labels[fact.subject].casefold() == labels[fact.object].casefold()
    if fact.subject == fact.object or (same and same_label == "drop"):
        return "same label"
    if fact in kept or (relation.kind == "symmetric" and reverse in kept):
        return "duplicate"
    if relation.kind == "antisymmetric" and reverse in stated:
        return "both directions"
    return None
