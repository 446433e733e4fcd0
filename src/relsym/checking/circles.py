"""Circles in a relation: strongly connected components, and a short way round in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt64
from numpy import ndarray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components

from relsym.checking.statements import ends_of, reversed_codes


@dataclass(frozen=True)
class Tangle:
    """A strongly connected component of two or more entities.

    Attributes:
        entities: their numbers, sorted.
        codes: the statements between them, sorted.
    """

    entities: ndarray
    codes: UInt64[ndarray, " n"]


def tangles(codes: UInt64[ndarray, " n"]) -> list[Tangle]:
    """The strongly connected components of two or more entities, by their lowest entity.

    Args:
        codes: statements between different entities, sorted.
    """
    if not codes.size:
        return []
    subjects, objects = ends_of(codes)
    entities, places = np.unique(np.concatenate([subjects, objects]), return_inverse=True)
    heads, tails = places[: codes.size], places[codes.size :]
    graph = csr_matrix((np.ones(codes.size, np.int8), (heads, tails)), (entities.size, entities.size))
    _, component = connected_components(graph, directed=True, connection="strong")
    inside = np.flatnonzero(component[heads] == component[tails])
    # In the order of their lowest entity: the codes are sorted, and each component has a statement of it.
    of_component: dict[int, list[int]] = {}
    for place in inside.tolist():
        of_component.setdefault(int(component[heads[place]]), []).append(place)
    components = []
    for statements in of_component.values():
        own = codes[statements]
        components.append(Tangle(np.unique(ends_of(own)[0]), own))
    return components


def circle_in(tangle: Tangle) -> Sequence[int] | None:
    """A circle of three or more entities through the lowest statement whose reverse is not stated.

    Of all ways back from that statement's object to its subject it takes one with the fewest entities.
    None where every statement has its reverse: then all that is wrong are pairs in both directions.
    """
    reverse = reversed_codes(tangle.codes)
    one_way = tangle.codes[~np.isin(reverse, tangle.codes)]
    if not one_way.size:
        return None
    subjects, objects = ends_of(tangle.codes)
    heads, tails = (np.searchsorted(tangle.entities, ends) for ends in (subjects, objects))
    size = tangle.entities.size
    graph = csr_matrix((np.ones(heads.size, np.int8), (heads, tails)), (size, size))
    [subject], [object] = ends_of(one_way[:1])
    start, goal = (int(np.searchsorted(tangle.entities, end)) for end in (object, subject))
    _, before = breadth_first_order(graph, start, directed=True)
    way = [goal]
    while way[-1] != start:
        way.append(int(before[way[-1]]))
    # From the goal backwards to the start: turned round it begins with the statement's subject and object.
    circle = [way[0], *reversed(way[1:])]
    return [int(tangle.entities[place]) for place in circle]


def sizes_of(components: Sequence[Tangle]) -> list[int]:
    """How many entities each tangle has, the largest first."""
    return sorted((tangle.entities.size for tangle in components), reverse=True)
