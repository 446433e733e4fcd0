"""Nested, balanced draws: the head of a longer draw is the shorter one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from itertools import chain, islice
from random import Random
from typing import TypeVar

T = TypeVar("T")
BY_PROPERTY = "properties"
SAMPLINGS = ("stratified", "random", BY_PROPERTY)


def in_turn(pools: Iterable[Iterable[T]]) -> Iterator[T]:
    """One item of each pool, round after round.

    A pool that runs out gives all it has, and the others fill up evenly.
    """
    iterators = [iter(pool) for pool in pools]
    while iterators:
        with_more = []
        for iterator in iterators:
            # Not next() with a default: any value may be an item.
            for item in islice(iterator, 1):
                with_more.append(iterator)
                yield item
        iterators = with_more


def alternate(pools: Iterable[Iterable[T]]) -> Iterator[T]:
    """Whole rounds of one item from each pool; ends before the round that one of them cannot fill."""
    for items in zip(*pools, strict=False):
        yield from items


def shuffled(items: Iterable[T], seed: int, purpose: str) -> list[T]:
    """The items in an order that depends on the seed and the purpose only."""
    ordered = list(items)
    # Seeded with a text, which Python hashes with SHA-512: the same order on every machine.
    Random(f"{seed}|{purpose}").shuffle(ordered)
    return ordered


def draw_order(by_kind: Mapping[str, Mapping[Hashable, list[T]]], seed: int, sampling: str) -> Iterator[T]:
    """Items in the order in which they are drawn.

    Args:
        by_kind: kind -> property -> items.
        seed: shuffles properties and items.
        sampling: "stratified" or "random": kinds alternate until one of them runs out, and within a kind
            properties take turns, or rows come uniformly. "properties": all properties take turns, whatever
            their kinds, so that kinds are as frequent as their properties are.

    Raises:
        ValueError: an unknown sampling.
    """
    if sampling not in SAMPLINGS:
        raise ValueError(f"data.sampling={sampling}: expected {' or '.join(SAMPLINGS)}.")
    if sampling == BY_PROPERTY:
        pools_of_all = {}
        for pools in by_kind.values():
            pools_of_all.update(pools)
        return iter(_within_kind(pools_of_all, seed, sampling))
    return alternate(_within_kind(pools, seed, sampling) for pools in by_kind.values())


def by_key(items: Iterable[T], keys: Iterable[Hashable]) -> dict[Hashable, list[T]]:
    """Group items under the key that stands beside them, in the order of first appearance."""
    groups: dict[Hashable, list[T]] = defaultdict(list)
    for item, key in zip(items, keys, strict=True):
        groups[key].append(item)
    return dict(groups)


def _within_kind(pools: Mapping[Hashable, list[T]], seed: int, sampling: str) -> Iterable[T]:
    """The items of one kind in draw order; ``pools`` has them by property."""
    if sampling == "random":
        return shuffled(chain.from_iterable(pools.values()), seed, "rows")
    orders = []
    for property in shuffled(pools, seed, "properties"):
        orders.append(shuffled(pools[property], seed, str(property)))
    return in_turn(orders)
