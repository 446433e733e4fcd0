"""A benchmark: facts with a side of the split, drawn and put into words.

Built on the fly from a source, or read from a folder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Sequence
from hashlib import sha256
from itertools import islice
from typing import final

import polars as pl

from relsym.data.audit import Audit
from relsym.data.facts import usable_facts
from relsym.data.pairs import BenchmarkPair, pair_table, pairs_of
from relsym.data.relations import (
    ANTISYMMETRIC,
    KINDS,
    NEITHER,
    SYMMETRIC,
    Relation,
    leave_with,
    read_relations,
    select_relations,
)
from relsym.data.sampling import draw_order
from relsym.data.splits import SPLIT_RULES, TEST, uniform
from relsym.data.triples import TripleReader, TripleSource
from relsym.ranges import Seed

SLICE = 100_000


class Benchmark(ABC):
    """What few-shot rows and score rows are drawn from.

    facts: one row per fact, with property, kind, and the side on which its statement and its reverse stand
    (columns ``forward`` and ``reverse``, null where it stands nowhere).  relations: the property table.
    variants: what is asked of a fact in scoring, unless told.  train_variants: what may be asked in training.
    held_out, held_out_variants: what is scored and never trained on.  left_out: further ones that leave
    training beside them. counts: what was read, kept and dropped. title: what a report calls it; None where
    the source's name says enough.  fold: the name of what is held out, where it has one.
    """

    facts: pl.DataFrame
    relations: dict[str, Relation]
    variants: tuple[str, ...]
    train_variants: tuple[str, ...]
    split_seed: int
    counts: Counter[str]
    held_out: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    held_out_variants: tuple[str, ...] = ()
    title: str | None = None
    fold: str | None = None

    @abstractmethod
    def pairs(self, drawn: pl.DataFrame, variants: Sequence[str]) -> list[BenchmarkPair]:
        """The rows of the drawn facts, in their order, the variants of a fact one after another."""

    @abstractmethod
    def content_hash(self) -> str:
        """SHA-256 over everything that can be drawn."""

    @property
    @abstractmethod
    def sides(self) -> str:
        """Which rows may train and which are scored: equal texts, equal sides."""

    @property
    @final
    def kinds(self) -> tuple[str, ...]:
        """The kinds of relation in it."""
        return tuple(kind for kind in KINDS if any(r.kind == kind for r in self.relations.values()))

    @final
    def properties(self, split: str) -> list[str]:
        """What rows of a part are drawn from: held-out properties test, the others train and validate, so
        nothing is tuned on those.
        """
        if not self.held_out:
            return list(self.relations)
        if split != TEST:
            return [p for p in self.relations if p not in (*self.held_out, *self.left_out)]
        return list(self.held_out)

    @final
    def size(self, split: str) -> Counter[str]:
        """Facts of each kind in one part of the split."""
        part = _part(self.facts, split, self.properties(split))
        return Counter(dict(part.group_by("kind").len().iter_rows()))

    @final
    def draw(
        self,
        split: str,
        seed: int,
        facts: int | None = None,
        sampling: str = "stratified",
        both: bool = False,
    ) -> pl.DataFrame:
        """Facts in draw order, each in a random direction out of those that stand in this part; ends when one
        kind runs out.

        Adds the columns ``reverse`` (the direction drawn) and ``split``. The head of a longer draw is the
        shorter one.

        Args:
            facts: how many; None takes all.  sampling: see ``draw_order``.
            both: each direction is drawn for itself, so that a fact may come twice.
        """
        part = _part(self.facts, split, self.properties(split), both)
        pools = {
            kind: _by_property(rows)
            for kind in KINDS
            if not (rows := part.filter(pl.col("kind") == kind)).is_empty()
        }
        self._check_kinds(split, pools)
        units = pl.Series("unit", list(islice(draw_order(pools, seed, sampling), facts)), dtype=pl.Int64)
        drawn = self.facts[units % self.facts.height]
        if both:
            return drawn.with_columns((units >= self.facts.height).alias("reverse"), split=pl.lit(split))
        sides = zip(
            drawn["forward"] == split,
            drawn["reverse"] == split,
            drawn.select(pl.concat_str("property", "subject", "object", separator="|")).to_series(),
            strict=True,
        )
        reverse = [
            bool(there) and (not here or uniform(seed, f"direction|{fact}") < 0.5)
            for here, there, fact in sides
        ]
        return drawn.with_columns(pl.Series("reverse", reverse, dtype=pl.Boolean), split=pl.lit(split))

    def _check_kinds(self, split: str, pools: Collection[str]) -> None:
        missing = ({SYMMETRIC, ANTISYMMETRIC} | set(self.kinds)) - set(pools)
        if not pools or (missing and not (self.held_out and split == TEST)):
            lacking = " and of ".join(f"kind {kind}" for kind in sorted(missing))
            advice = (
                "leave data.neutral=false"
                if NEITHER in missing
                else "choose properties of both kinds (data.properties)"
            )
            raise ValueError(
                f"the {split} part has no facts of {lacking}, so no balanced rows can be drawn from it: "
                f"{advice}, "
                "or take a larger source."
            )


@final
class SymmetryBenchmark(Benchmark):
    """A benchmark made on the fly from a source of triples.

    Args:
        reader: where the triples come from.
        property_table: "paper" (None: the same), "extended", or a YAML file of the user's own.
        properties: which of its properties; None takes all; a YAML file takes all of that table.
        neutral: also those that are neither symmetric nor antisymmetric.
        split, split_seed: the rule in ``relsym.data.splits`` and its seed.
        held_out: properties to test on and never to train on.
        findings, audit: what is done about facts that the audit finds, see ``relsym.data.audit``.
    """

    def __init__(
        self,
        reader: TripleReader,
        property_table: str | None = None,
        properties: list[str] | str | None = None,
        neutral: bool = False,
        split: str = "grouped",
        split_seed: Seed = 0,
        held_out: list[str] | None = None,
        findings: dict[str, str | None] | None = None,
        audit: str = "warn",
    ) -> None:
        if split not in SPLIT_RULES:
            raise ValueError(f"data.split={split}: expected {', '.join(SPLIT_RULES)}.")
        if isinstance(properties, str):
            if property_table is not None:
                raise ValueError(
                    f"data.properties={properties} and data.property_table={property_table}: name one table, "
                    "not two."
                )
            property_table, properties = properties, None
        self.relations = select_relations(read_relations(property_table), properties, neutral)
        self.held_out = tuple(held_out or ())
        if unknown := [p for p in self.held_out if p not in self.relations]:
            raise ValueError(
                f"data.held_out: {', '.join(unknown)} is not among the properties "
                f"{', '.join(self.relations)}."
            )
        self.left_out = tuple(leave_with(self.held_out, self.relations))
        self.audit = Audit(audit, findings or {})
        self.source = reader.read(list(self.relations))
        facts = usable_facts(self.source, self.relations, self.audit)
        self.audit.enforce()
        if facts.is_empty():
            raise ValueError(
                f"{self.source.origin}: no usable fact of the chosen properties. "
                f"{account(self.source, self.audit)} "
                "What the audit finds can be kept with data.findings.NAME=keep."
            )
        self.split, self.split_seed = split, split_seed
        self.facts = facts.with_columns(SPLIT_RULES[split](facts, split_seed))
        self.variants = self.train_variants = ("swap",)
        self.counts = (
            Counter({"statements read": self.source.read, "facts kept": facts.height})
            + self.source.dropped
            + self.audit.dropped
        )
        self.counts += self.source.notes

    @property
    def sides(self) -> str:
        """Rule, seed, and what is held out."""
        return f"{self.split}, seed {self.split_seed}" + (
            f", held out {' '.join(self.held_out)}" if self.held_out else ""
        )

    def told(self) -> str:
        """How many statements were read, and what became of them."""
        return f"{self.source.origin}: {account(self.source, self.audit)} {self.facts.height} facts kept."

    def pairs(self, drawn: pl.DataFrame, variants: Sequence[str]) -> list[BenchmarkPair]:
        """Put the drawn facts into words."""
        return pairs_of(pair_table(drawn, self.relations, variants))

    def content_hash(self) -> str:
        """SHA-256 over facts, names and sides of the split, and the property table: all that the rows are
        made of.
        """
        return table_hash(self.facts.sort("property", "subject", "object"), repr(self.relations))


def account(source: TripleSource, audit: Audit) -> str:
    """How many statements were read, and what became of them."""
    reasons = ", ".join(
        f"{name.replace('_', ' ')}: {count}" for name, count in (source.dropped + audit.dropped).items()
    )
    return f"{source.read} statements read; left out: {reasons or 'none'}."


def table_hash(table: pl.DataFrame, *further: str) -> str:
    """SHA-256 of a table's header and cells (as quoted CSV) and of further texts."""
    digest = sha256("\n".join(further).encode())
    for start in range(0, max(table.height, 1), SLICE):
        digest.update(
            table.slice(start, SLICE).write_csv(include_header=start == 0, quote_style="always").encode()
        )
    return digest.hexdigest()


def _by_property(rows: pl.DataFrame) -> dict[str, list[int]]:
    """The units of each property, in the order of first appearance."""
    parts = rows.partition_by("property", maintain_order=True, as_dict=True)
    return {p: part["unit"].to_list() for (p,), part in parts.items()}


def _part(facts: pl.DataFrame, split: str, properties: list[str], both: bool = False) -> pl.DataFrame:
    """What can be drawn from a part.

    A unit is the row of a fact; where directions count apart, its reverse is that plus the height.
    """
    rows = facts.select(pl.int_range(pl.len()).alias("unit"), "property", "kind", "forward", "reverse")
    rows = rows.filter(pl.col("property").is_in(properties))
    here, there = pl.col("forward") == split, pl.col("reverse") == split
    if both:
        rows = pl.concat([rows.filter(here), rows.filter(there).with_columns(pl.col("unit") + facts.height)])
    else:
        rows = rows.filter(here | there)
    return rows.select("unit", "property", "kind")
