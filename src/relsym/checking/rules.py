"""The rules that follow from what is declared of properties. None of them asks a model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt64
from numpy import ndarray

from relsym.checking.circles import Tangle, circle_in
from relsym.checking.constraints import Constraints, Exclusion
from relsym.checking.findings import WARNING, Findings
from relsym.checking.kinds import DeclaredKind
from relsym.checking.statements import StatementSet, ends_of, pairs_in, reversed_codes
from relsym.data.relations import ANTISYMMETRIC, NEITHER, SYMMETRIC, Relation

# A circle of more entities is told by its first ones.
LONGEST_TOLD = 12
# Properties that a line names.
MOST_NAMED = 10


class Checked(NamedTuple):
    """What the rules look at.

    Attributes:
        statements: of the file.
        relations: what is declared of each property.
        constraints: what properties say about each other.
        kinds: how each property is used.
        tangles: of each antisymmetric property with statements.
    """

    statements: StatementSet
    relations: Mapping[str, Relation]
    constraints: Constraints
    kinds: Sequence[DeclaredKind]
    tangles: Mapping[str, Sequence[Tangle]]

    def of_kind(self, *kinds: str) -> list[str]:
        """The properties of these kinds that have statements, in the order of the property table."""
        stated = self.statements
        return [
            name for name, relation in self.relations.items() if relation.kind in kinds and name in stated
        ]


def missing_reverse(checked: Checked) -> Iterator[Findings]:
    """What symmetric properties state without the reverse."""
    for property in checked.of_kind(SYMMETRIC):
        codes = checked.statements.proper(property)
        lacking = codes[~checked.statements.states(property, reversed_codes(codes))]
        yield _findings(
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
        yield _findings(
            "reversed_antisymmetric",
            property,
            pairs_in(two_way),
            f"[X] {property} [Y] and [Y] {property} [X] are both stated",
            "one of the two is wrong, or both",
        )


def reversed_inverse(checked: Checked) -> Iterator[Findings]:
    """Pairs r(x, y) and s(x, y), s an inverse of the antisymmetric r: the second says r(y, x)."""
    looked_at: set[frozenset[str]] = set()
    for property in checked.of_kind(ANTISYMMETRIC):
        constraints = checked.constraints
        for inverse in (*constraints.inverses.get(property, ()), *constraints.incomplete.get(property, ())):
            both = frozenset((property, inverse))
            if both in looked_at:
                continue
            looked_at.add(both)
            codes = checked.statements.proper(property)
            yield _findings(
                "reversed_inverse",
                property,
                codes[checked.statements.states(inverse, codes)],
                f"[X] {property} [Y] and [X] {inverse} [Y] are both stated, and {inverse} is an inverse of "
                f"{property}",
                "one of the two is wrong, or both",
            )


def self_loop(checked: Checked) -> Iterator[Findings]:
    """What a symmetric or antisymmetric property states of an entity and itself.

    Of an antisymmetric one that contradicts itself. A symmetric one does not exclude it, but few mean it.
    """
    for property in checked.of_kind(SYMMETRIC, ANTISYMMETRIC):
        codes = checked.statements.codes(property)
        loops = _findings(
            "self_loop",
            property,
            codes[reversed_codes(codes) == codes],
            f"[X] {property} [X] is stated",
            "an entity hardly stands in this relation to itself: review the statement",
        )
        is_symmetric = checked.relations[property].kind == SYMMETRIC
        yield replace(loops, milder=WARNING) if is_symmetric else loops


def cycle(checked: Checked) -> Iterator[Findings]:
    """Circles of three and more entities in an antisymmetric property, one of each tangle.

    A tangle is a strongly connected component of two or more entities: from each of them statements lead to
    every other one, and back. One that is made of statements and their reverses alone has no finding here.
    """
    for property in checked.of_kind(ANTISYMMETRIC):
        if property in checked.constraints.cyclic:
            continue
        circles = []
        for tangle in checked.tangles[property]:
            circle = circle_in(tangle)
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
    """Pairs of entities of which two properties are stated that exclude each other."""
    for exclusion in checked.constraints.exclusive:
        asked = (*exclusion.one, *exclusion.other)
        if any(property in checked.relations for property in asked):
            yield from _excluded(checked, exclusion)


def missing_inverse(checked: Checked) -> Iterator[Findings]:
    """Statements r(x, y) of which no inverse s(y, x) is stated.

    Only where this file has statements of every inverse: what holds none of P156 says nothing about P155, and
    without mothers no child lacks a parent.
    """
    for property, inverses in checked.constraints.inverses.items():
        if property not in checked.relations or not _all_stated(checked, inverses):
            continue
        codes = checked.statements.proper(property)
        lacking = np.ones(codes.size, bool)
        for inverse in inverses:
            lacking &= ~checked.statements.states(inverse, reversed_codes(codes))
        asked = [f"[Y] {inverse} [X]" for inverse in inverses]
        follows = (
            f"{asked[0]} follows: add it" if len(asked) == 1 else f"one of {', '.join(asked)} is expected"
        )
        yield _findings(
            "missing_inverse",
            property,
            codes[lacking],
            f"[X] {property} [Y] is stated, {' or '.join(asked)} is missing in this file",
            f"{follows}, or take [X] {property} [Y] away if it is wrong",
        )


def kind_contradicted(checked: Checked) -> Iterator[Findings]:
    """Properties whose statements are used in another way than their declared kind says."""
    for use in checked.kinds:
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
    "reversed_inverse": reversed_inverse,
    "self_loop": self_loop,
    "exclusive": exclusive,
    "cycle": cycle,
    "kind_contradicted": kind_contradicted,
    "missing_reverse": missing_reverse,
    "missing_inverse": missing_inverse,
}


def _findings(
    rule: str, property: str, codes: UInt64[ndarray, " n"], evidence: str, suggestion: str
) -> Findings:
    """Findings about statements, in the order of their codes."""
    subjects, objects = ends_of(codes)
    return Findings(rule, property, subjects, objects, evidence, suggestion)


def _excluded(checked: Checked, exclusion: Exclusion) -> Iterator[Findings]:
    """Pairs of which properties of both groups are stated, each by the first of these statements."""
    sides = []
    for properties in (exclusion.one, exclusion.other):
        codes = [checked.statements.proper(property) for property in properties]
        sides.append(pairs_in(np.concatenate(codes)))
    pairs = np.intersect1d(*sides)
    stated = _statements_about(checked, pairs, (*exclusion.one, *exclusion.other))
    by_property: dict[str, list[int]] = {}
    for place, of_pair in enumerate(stated):
        by_property.setdefault(of_pair[0].property, []).append(place)
    for property, places in by_property.items():
        first = np.array([stated[place][0].code for place in places], np.uint64)
        subjects, objects = ends_of(first)
        evidence = []
        for place in places:
            words = ", ".join(one.words for one in stated[place])
            evidence.append(f"{words} are stated together: {exclusion.because}")
        suggestion = "look whether one of these statements is wrong, or more"
        yield Findings("exclusive", property, subjects, objects, evidence, suggestion)


class _Stated(NamedTuple):
    """One statement: its property, its code, and how it is told."""

    property: str
    code: int
    words: str


def _statements_about(
    checked: Checked, pairs: UInt64[ndarray, " n"], properties: Sequence[str]
) -> list[list[_Stated]]:
    """The statements of these properties about each pair, in the order of the properties."""
    about: list[list[_Stated]] = [[] for _ in range(pairs.size)]
    for property in properties:
        for codes in (pairs, reversed_codes(pairs)):
            subjects, objects = (checked.statements.ids(ends).to_list() for ends in ends_of(codes))
            for place in np.flatnonzero(checked.statements.states(property, codes)).tolist():
                words = f"{subjects[place]} {property} {objects[place]}"
                about[place].append(_Stated(property, int(codes[place]), words))
    return about


def _all_stated(checked: Checked, properties: Iterable[str]) -> bool:
    """Whether the file has statements of each of these properties."""
    return all(property in checked.statements for property in properties)


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
    """What could not be looked at, in words."""
    lines = []
    without = [name for name in checked.relations if name not in checked.statements]
    if without:
        lines.append(f"no statement in this file: {_listed(without)}")
    neither = checked.of_kind(NEITHER)
    if neither:
        lines.append(
            "neither symmetric nor antisymmetric, so that inverses and exclusions alone look at it: "
            f"{_listed(neither)}"
        )
    for property, inverses in checked.constraints.inverses.items():
        of_table = property in checked.relations and property in checked.statements
        if of_table and not _all_stated(checked, inverses):
            lacking = [name for name in inverses if name not in checked.statements]
            lines.append(f"{property}: no statement of its inverse {' and '.join(lacking)} in this file")
    return lines


def _listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    listed = ", ".join(names[:MOST_NAMED])
    return f"{listed} and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else listed
