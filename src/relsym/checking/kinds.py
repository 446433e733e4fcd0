"""How properties are used: the share of their statements whose reverse is stated too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import binomtest

from relsym.checking.statements import StatementSet, pairs_in
from relsym.data.relations import ANTISYMMETRIC, SYMMETRIC, Relation

# A symmetric property is used as a one-way one where fewer than this share of its statements have their
# reverse, an antisymmetric one as a symmetric one where more than half have it. Between, files lack some.
ONE_WAY, BOTH_WAYS = 0.25, 0.5


@dataclass(frozen=True)
class DeclaredKind:
    """What is declared of a property, and how it is used.

    Attributes:
        property: its id.
        kind: that is declared.
        statements: between different entities.
        pairs: of entities that they are about.
        two_way: pairs of which both directions are stated.
        share: of the statements, that have their reverse.
        low, high: 95 % interval of the share.
        contradicted: whether the interval lies where another kind's would.
    """

    property: str
    kind: str
    statements: int
    pairs: int
    two_way: int
    share: float
    low: float
    high: float

    @property
    def contradicted(self) -> bool:
        """Whether statements are used in another way than the kind says."""
        if self.kind == SYMMETRIC:
            return self.high < ONE_WAY
        return self.kind == ANTISYMMETRIC and self.low > BOTH_WAYS


def declared_kinds(statements: StatementSet, relations: Mapping[str, Relation]) -> list[DeclaredKind]:
    """How each property is used that has a statement between different entities.

    A statement and its reverse are one observation, so the interval is that of pairs: with the share q of the
    pairs that are stated both ways, and its Wilson interval, the share of the statements is 2 q / (1 + q).
    """
    kinds = []
    for property, relation in relations.items():
        codes = statements.proper(property)
        if not codes.size:
            continue
        pairs = pairs_in(codes).size
        two_way = codes.size - pairs
        interval = binomtest(two_way, pairs).proportion_ci(0.95, method="wilson")
        shares = [_of_statements(q) for q in (two_way / pairs, interval.low, interval.high)]
        kinds.append(DeclaredKind(property, relation.kind, codes.size, pairs, two_way, *shares))
    return kinds


def _of_statements(share_of_pairs: float) -> float:
    """The share of statements with a reverse, of the share of pairs that are stated both ways."""
    return float(2 * share_of_pairs / (1 + share_of_pairs))
