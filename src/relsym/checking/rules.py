"""The rules that follow from what is declared of properties. None of them asks a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from numpy import ndarray

from relsym.checking.circles import shortest_circle, tangles
from relsym.checking.constraints import Constraints, Exclusion
from relsym.checking.findings import Findings
from relsym.checking.kinds import DeclaredKind, declared_kinds
from relsym.checking.statements import StatementSet, ends_of, pairs_in, reversed_codes
from relsym.data.relations import ANTISYMMETRIC, NEITHER, SYMMETRIC, Relation

# A circle of more entities is told by its first ones.
LONGEST_TOLD = 12
# Properties without a statement that are named.
MOST_NAMED = 10


class Checked(NamedTuple):
    """What the rules look at.

    Attributes:
        statements: of the file.
        relations: what is declared of each property.
        constraints: what properties say about each other.
    """

    statements: StatementSet
    relations: Mapping[str, Relation]
    constraints: Constraints

    def of_kind(self, *kinds: str) -> list[str]:
        """The properties of these kinds that have statements, in the order of the property table."""
        stated = self.statements
        return [
            name for name, relation in self.relations.items() if relation.kind in kinds and name in stated
        ]


def missing_reverse(checked: Checked) -> Iterator[Findings]:
    """StatementSet of symmetric properties whose reverse is not stated."""
    for property in checked.of_kind(SYMMETRIC):
        codes = checked.statements.proper(property)
        lacking = codes[~checked.statements.states(property, reversed_codes(codes))]
        yield _found(
            "missing_reverse",
            property,
            lacking,
            f"[X] {property} [Y] is stated, [Y] {property} [X] is missing in this file",
            f"[Y] {property} [X] follows: add it, or take [X] {property} [Y] away if it is wrong",
        )


def reversed_antisymmetric(checked: Checked) -> Iterator[Findings]:
    """Pairs of entities of which an antisymmetric property states both directions."""
    for property in checked.of_kind(ANTISYMMETRIC):
        codes = checked.statements.proper(property)
        two_way = codes[checked.statements.states(property, reversed_codes(codes))]
        yield _found(
            "reversed_antisymmetric",
            property,
            pairs_in(two_way),
            f"[X] {property} [Y] and [Y] {property} [X] are both stated",
            "one of the two is wrong, or both",
        )


def self_loop(checked: Checked) -> Iterator[Findings]:
    """StatementSet of a symmetric or antisymmetric property about an entity and itself."""
    for property in checked.of_kind(SYMMETRIC, ANTISYMMETRIC):
        codes = checked.statements.codes(property)
        yield _found(
            "self_loop",
            property,
            codes[reversed_codes(codes) == codes],
            f"[X] {property} [X] is stated",
            "an entity does not stand in this relation to itself: review the statement",
        )


def cycle(checked: Checked) -> Iterator[Findings]:
    """Circles of three and more entities in an antisymmetric property, one of each tangle.

    A tangle is a strongly connected component of two or more entities: from each of them statements lead to
    every other one, and back. One that is made of statements and their reverses alone has no finding here.
    """
    for property in checked.of_kind(ANTISYMMETRIC):
        if property in checked.constraints.cyclic:
            continue
        circles = []
        for tangle in tangles(checked.statements.proper(property)):
            circle = shortest_circle(tangle)
            if circle is not None:
                circles.append((circle, tangle.entities.size))
        if not circles:
            continue
        evidence = [_told(checked.statements, circle, property, size) for circle, size in circles]
        first, second = (np.array([circle[place] for circle, _ in circles], np.uint32) for place in (0, 1))
        yield Findings(
            "cycle",
            property,
            first,
            second,
            evidence,
            "one of the statements in the circle is wrong, if the property is a hierarchy or an order",
        )


def exclusive(checked: Checked) -> Iterator[Findings]:
    """Pairs of entities of which two properties are stated that exclude each other.

    Beside those of the constraints: where s is an inverse of the antisymmetric r, s(x, y) says r(y, x), so
    r(x, y) and s(x, y) contradict each other.
    """
    for exclusion in checked.constraints.exclusive:
        yield from _excluded(checked, exclusion)
    looked_at: set[frozenset[str]] = set()
    for property, inverses in checked.constraints.inverses.items():
        relation = checked.relations.get(property)
        if relation is None or relation.kind != ANTISYMMETRIC:
            continue
        for inverse in inverses:
            if {property, inverse} in looked_at or inverse not in checked.relations:
                continue
            looked_at.add(frozenset((property, inverse)))
            codes = checked.statements.proper(property)
            yield _found(
                "exclusive",
                property,
                codes[checked.statements.states(inverse, codes)],
                f"[X] {property} [Y] and [X] {inverse} [Y] are both stated, and {inverse} is an inverse of "
                f"{property}",
                "one of the two is wrong, or both",
            )


def missing_inverse(checked: Checked) -> Iterator[Findings]:
    """StatementSet r(x, y) of which no inverse s(y, x) is stated.

    Only where this file has statements of an inverse at all: what holds none of P156 says nothing about P155.
    """
    for property, inverses in checked.constraints.inverses.items():
        held = [inverse for inverse in inverses if inverse in checked.statements]
        if not held or property not in checked.relations:
            continue
        codes = checked.statements.proper(property)
        lacking = np.ones(codes.size, bool)
        for inverse in held:
            lacking &= ~checked.statements.states(inverse, reversed_codes(codes))
        asked = " or ".join(f"[Y] {inverse} [X]" for inverse in held)
        yield _found(
            "missing_inverse",
            property,
            codes[lacking],
            f"[X] {property} [Y] is stated, {asked} is missing in this file",
            f"{asked} follows: add it, or take [X] {property} [Y] away if it is wrong",
        )


def kind_contradicted(checked: Checked) -> Iterator[Findings]:
    """Properties whose statements are used in another way than their declared kind says."""
    for use in declared_kinds(checked.statements, checked.relations):
        if use.contradicted:
            yield Findings(
                "kind_contradicted",
                use.property,
                None,
                None,
                _use_of(use),
                "review the declared kind, or see which statements lack their reverse in this file",
            )


LOOK: dict[str, Callable[[Checked], Iterator[Findings]]] = {
    "reversed_antisymmetric": reversed_antisymmetric,
    "self_loop": self_loop,
    "exclusive": exclusive,
    "cycle": cycle,
    "kind_contradicted": kind_contradicted,
    "missing_reverse": missing_reverse,
    "missing_inverse": missing_inverse,
}


def _found(
    rule: str, property: str, codes: UInt64[ndarray, " n"], evidence: str, suggestion: str
) -> Findings:
    """Findings about statements, in the order of their codes."""
    subjects, objects = ends_of(codes)
    return Findings(rule, property, subjects, objects, evidence, suggestion)


def _excluded(checked: Checked, exclusion: Exclusion) -> Iterator[Findings]:
    """Pairs of which properties of both groups are stated, by the first property of the one group."""
    stated: dict[int, list[str]] = {}
    sides = []
    for properties in (exclusion.one, exclusion.other):
        codes = [checked.statements.proper(property) for property in properties]
        sides.append(pairs_in(np.concatenate(codes)))
    pairs = np.intersect1d(*sides)
    subjects, objects = ends_of(pairs)
    first, second = (checked.statements.ids(ends).to_list() for ends in (subjects, objects))
    # Which statements there are of each pair, in their own words.
    for property in (*exclusion.one, *exclusion.other):
        for codes, heads, tails in ((pairs, first, second), (reversed_codes(pairs), second, first)):
            for place in np.flatnonzero(checked.statements.states(property, codes)).tolist():
                stated.setdefault(place, []).append(f"{heads[place]} {property} {tails[place]}")
    evidence = []
    for place in range(pairs.size):
        evidence.append(f"{', '.join(stated[place])} are stated together: {exclusion.because}")
    yield Findings(
        "exclusive",
        exclusion.one[0],
        subjects,
        objects,
        evidence,
        "one of these statements is wrong, or more",
    )


def _told(statements: StatementSet, circle: Sequence[int], property: str, tangle: int) -> str:
    """``Q1 -> Q2 -> Q3 -> Q1``, and how large the tangle is that it lies in."""
    shown = list(circle[:LONGEST_TOLD])
    ids = statements.ids(np.array(shown, np.uint32)).to_list()
    middle = ["..."] if len(circle) > LONGEST_TOLD else []
    way = " -> ".join([*ids, *middle, ids[0]])
    text = f"{property} leads round {len(circle):,} entities: {way}"
    return text if tangle == len(circle) else f"{text} ({tangle:,} entities hang together so)"


def _use_of(use: DeclaredKind) -> str:
    """How a property is used."""
    return (
        f"declared {use.kind}; of {use.statements:,} statements {100 * use.share:.1f} % "
        f"[{100 * use.low:.1f}, {100 * use.high:.1f}] have their reverse in this file"
    )


def unchecked(checked: Checked) -> list[str]:
    """What could not be looked at, in words: properties without a statement, and those of neither kind."""
    lines = []
    without = [name for name in checked.relations if name not in checked.statements]
    if without:
        more = f" and {len(without) - MOST_NAMED:,} further ones" if len(without) > MOST_NAMED else ""
        lines.append(f"no statement in this file: {', '.join(without[:MOST_NAMED])}{more}")
    neither = checked.of_kind(NEITHER)
    if neither:
        lines.append(
            f"neither symmetric nor antisymmetric, so that no rule but inverses looks: {', '.join(neither)}"
        )
    for property, inverses in checked.constraints.inverses.items():
        if property in checked.statements and not any(name in checked.statements for name in inverses):
            lines.append(f"{property}: no statement of its inverse {' or '.join(inverses)} in this file")
    return lines
