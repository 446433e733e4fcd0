"""The statements of each property as numbers, in one order whatever order they came in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np
import polars as pl
from jaxtyping import Bool, UInt32, UInt64
from numpy import ndarray

from relsym.data.triples import entities_of

OBJECT_BITS = np.uint64(32)
LOWER_HALF = np.uint64(0xFFFFFFFF)


@final
class StatementSet:
    """The distinct statements of each property.

    A statement r(x, y) is one number, its code: x * 2^32 + y, where x and y are the places of the two ids in
    ``entities``. Codes of a property are sorted, so that a look-up is a binary search, and 21 million
    statements take 170 MB.

    Args:
        triples: columns subject, property, object; equal rows count once.

    Attributes:
        entities: the ids of all subjects and objects, shorter ones first, those of one length by their text
            (Q9 before Q10).
        read: rows of ``triples``.
    """

    def __init__(self, triples: pl.DataFrame) -> None:
        self.read = triples.height
        ids = entities_of(triples)
        self.entities = ids.to_frame("id").sort(pl.col("id").str.len_chars(), "id")["id"]
        self._codes: dict[str, UInt64[ndarray, " n"]] = {}
        by_property = self._numbered(triples).partition_by("property", as_dict=True, maintain_order=False)
        for (property,), stated in sorted(by_property.items()):
            codes = codes_of(stated["subject"].to_numpy(), stated["object"].to_numpy())
            self._codes[property] = distinct(codes)

    def _numbered(self, triples: pl.DataFrame) -> pl.DataFrame:
        """Properties of statements with the numbers of their subjects and objects, in any order."""
        numbers = self.entities.to_frame("id").with_row_index("number")
        numbered = triples.select("property", "subject", "object")
        for end in ("subject", "object"):
            numbered = numbered.join(numbers, left_on=end, right_on="id").drop(end).rename({"number": end})
        return numbered

    def __len__(self) -> int:
        """Distinct statements."""
        return sum(codes.size for codes in self._codes.values())

    def __iter__(self) -> Iterator[str]:
        """The properties with statements."""
        return iter(self._codes)

    def __contains__(self, property: str) -> bool:
        """Whether a property has statements."""
        return property in self._codes

    def codes(self, property: str) -> UInt64[ndarray, " n"]:
        """The statements of a property, sorted; none where it has none."""
        return self._codes.get(property, np.empty(0, np.uint64))

    def proper(self, property: str) -> UInt64[ndarray, " n"]:
        """Those of its statements that name two different entities."""
        codes = self.codes(property)
        return codes[reversed_codes(codes) != codes]

    def states(self, property: str, asked: UInt64[ndarray, " n"]) -> Bool[ndarray, " n"]:
        """Which of some statements a property has."""
        codes = self.codes(property)
        if not codes.size:
            return np.zeros(asked.size, bool)
        places = np.searchsorted(codes, asked)
        return codes[np.minimum(places, codes.size - 1)] == asked

    def ids(self, numbers: UInt32[ndarray, " n"]) -> pl.Series:
        """The ids of entities."""
        return self.entities.gather(pl.Series(numbers))


def codes_of(subjects: UInt32[ndarray, " n"], objects: UInt32[ndarray, " n"]) -> UInt64[ndarray, " n"]:
    """The codes of statements."""
    return (subjects.astype(np.uint64) << OBJECT_BITS) | objects.astype(np.uint64)


def ends_of(codes: UInt64[ndarray, " n"]) -> tuple[UInt32[ndarray, " n"], UInt32[ndarray, " n"]]:
    """The numbers of subjects and objects."""
    return (codes >> OBJECT_BITS).astype(np.uint32), (codes & LOWER_HALF).astype(np.uint32)


def reversed_codes(codes: UInt64[ndarray, " n"]) -> UInt64[ndarray, " n"]:
    """The codes of the statements with subject and object exchanged, in the same order."""
    return (codes << OBJECT_BITS) | (codes >> OBJECT_BITS)


def pairs_in(codes: UInt64[ndarray, " n"]) -> UInt64[ndarray, " m"]:
    """The pairs of entities that statements are about, each once, the entity with the lower number first."""
    return distinct(np.minimum(codes, reversed_codes(codes)))


def distinct(codes: UInt64[ndarray, " n"]) -> UInt64[ndarray, " m"]:
    """The codes, each once, sorted; ``np.unique``, which hashes, takes several times as long."""
    in_order = np.sort(codes)
    is_first = np.ones(in_order.size, bool)
    is_first[1:] = in_order[1:] != in_order[:-1]
    return in_order[is_first]
