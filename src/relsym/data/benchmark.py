"""A benchmark: facts with a side of the split, drawn and put into words.

Built on the fly from a source, or read from a folder.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from typing import final

import polars as pl

from relsym.data.audit import Audit
from relsym.data.clean_labels import checked_cleanings, with_clean_labels
from relsym.data.facts import usable_facts
from relsym.data.pairs import DELEXICALISED, FORMS, LEXICALISED, BenchmarkPair, pair_table, pairs_of
from relsym.data.relation_bank import read_property_table
from relsym.data.relations import (
    ANTISYMMETRIC,
    KINDS,
    NEITHER,
    SYMMETRIC,
    Relation,
    leave_with,
    select_relations,
)
from relsym.data.sampling import draw_order
from relsym.data.seen_properties import seen_properties
from relsym.data.splits import (
    ADDED,
    BANK_RULES,
    BLIND_RULES,
    EVERY_RELATION,
    KEPT_WORDINGS,
    SPLIT_RULES,
    TEST,
    TRAIN,
    sides_by,
    uniform,
)
from relsym.data.triples import TripleReader, TripleSource
from relsym.ranges import Seed

log = logging.getLogger(__name__)
NO_LABELS = (
    "%s: no labels, so that entities are named by their ids and rows have the delexicalised form alone. For "
    "the lexicalised one too, give labels (of data=table: data.entities=FILE, or data.columns.subject_label "
    "and data.columns.object_label). Ids that are names themselves (Ames,_Iowa) become labels by "
    "data.clean_labels=underscores, and rows have the lexicalised form alone."
)
NAMES_FOR_IDS = (
    "%s: labels are made of the ids, so that the delexicalised form would name the entities too, and rows "
    "have the lexicalised form alone."
)
SLICE = 100_000  # rows that are hashed at a time, so that no table stands in memory a second time as CSV


class Benchmark(ABC):
    """What few-shot rows and score rows are drawn from.

    Attributes:
        facts: one row per fact, with property, kind, and the side on which its statement and its reverse
            stand (columns ``forward`` and ``reverse``, null where it stands nowhere).
        relations: the property table.
        variants: what is asked of a fact in scoring, unless the configuration says otherwise.
        train_variants: what may be asked of a fact in training.
        split_seed: of the split, and of the draw of score rows.
        counts: what was read, kept and dropped.
        held_out: properties that are scored and never trained on.
        forms: how entities can be named: by labels and by ids, by ids alone without any labels, or by labels
            alone that are made of the ids.
        left_out: further properties that leave training beside them.
        held_out_variants: variants that are scored and never trained on.
        title: what a report calls it; None where the source's name says enough.
        fold: the name of what is held out, where it has one.
    """

    facts: pl.DataFrame
    relations: dict[str, Relation]
    variants: tuple[str, ...]
    train_variants: tuple[str, ...]
    split_seed: int
    counts: Counter[str]
    forms: tuple[str, ...] = FORMS
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
        """The kinds of relation in it, in the order of ``KINDS``."""
        return _kinds_of(self.relations.values())

    @property
    @final
    def scored_kinds(self) -> tuple[str, ...]:
        """Those that rows to score are of: what was added later trains alone."""
        return _kinds_of(relation for relation in self.relations.values() if relation.side != ADDED)

    @final
    def properties(self, split: str) -> list[str]:
        """The properties that rows of a part are drawn from.

        Held-out properties test, the others train and validate, so that nothing is tuned on those held out.
        """
        if not self.held_out:
            return list(self.relations)
        if split == TEST:
            return list(self.held_out)
        untrained = {*self.held_out, *self.left_out}
        return [p for p in self.relations if p not in untrained]

    @final
    def size(self, split: str) -> Counter[str]:
        """Facts of each kind in one part of the split, the kinds in alphabetical order."""
        part = _part(self.facts, split, self.properties(split))
        # Grouped alone, polars gives the kinds in another order each time, and a message with them differs.
        sizes = part.group_by("kind").len().sort("kind")
        return Counter(dict(sizes.iter_rows()))

    @final
    def draw(
        self,
        split: str,
        seed: int,
        facts: int | None = None,
        sampling: str = "stratified",
        both: bool = False,
    ) -> pl.DataFrame:
        """Draw facts of one part, each in a random direction out of those that stand in this part.

        The draw ends when one kind runs out. The head of a longer draw is the shorter one.

        Args:
            split: the part.
            seed: of the order and of the directions.
            facts: how many; None takes all.
            sampling: see ``draw_order``.
            both: each direction is drawn for itself, so that a fact may come twice.

        Returns:
            The facts in draw order; the column ``reverse`` says whether the reverse was drawn, ``split``
            names the part.

        Raises:
            ValueError: the part lacks facts of a kind, so that no balanced rows can be drawn from it.
        """
        part = _part(self.facts, split, self.properties(split), both)
        pools = {}
        for kind in KINDS:
            units_of_kind = part.filter(pl.col("kind") == kind)
            if not units_of_kind.is_empty():
                pools[kind] = _by_property(units_of_kind)
        self._check_kinds(split, pools)

        order = islice(draw_order(pools, seed, sampling), facts)
        units = pl.Series("unit", list(order), dtype=pl.Int64)
        # See ``_part``: units from the height on stand for the reverses of the same facts.
        drawn = self.facts[units % self.facts.height]
        if both:
            reverse = (units >= self.facts.height).alias("reverse")
        else:
            reverse = _random_directions(drawn, split, seed)
        return drawn.with_columns(reverse, split=pl.lit(split))

    def _check_kinds(self, split: str, pools: Collection[str]) -> None:
        needed = {SYMMETRIC, ANTISYMMETRIC, *self.scored_kinds}
        missing = needed - set(pools)
        # Held-out properties may all be of one kind: then a test part of one kind is what was asked for.
        one_kind_will_do = bool(self.held_out) and split == TEST
        if pools and (not missing or one_kind_will_do):
            return
        lacking = " and of ".join(f"kind {kind}" for kind in sorted(missing))
        if NEITHER in missing:
            advice = "leave data.neutral=false"
        else:
            advice = "choose properties of both kinds (data.properties)"
        raise ValueError(
            f"{self.source.origin}: the {split} part has no facts of {lacking}, so no balanced rows can be "
            f"drawn from it: {advice}, or take a larger source."
        )


@final
class SymmetryBenchmark(Benchmark):
    """A benchmark made on the fly from a source of triples.

    Args:
        reader: where the triples come from.
        property_table: "paper" (also None), "extended", another of ``relsym.data.relations.TABLES``, or a
            YAML file of the user's own.
        properties: which of its properties; None takes all. The path of a YAML file stands for that table and
            all of its properties.
        neutral: also those that are neither symmetric nor antisymmetric.
        split: the rule, a name in ``relsym.data.splits.SPLIT_RULES``, or of a bank in ``BANK_RULES``.
        split_seed: its seed.
        held_out: properties to test on and never to train on.
        findings: what is done about facts that the audit finds, see ``relsym.data.audit``.
        audit: "strict" or "warn", see there.
        clean_labels: how labels are cleaned before the audit: some of ``relsym.data.clean_labels.CLEANINGS``.
        reworded: training rows take the further wordings of a bank too, and the denials that rules make.

    Raises:
        ValueError: an unknown split rule or property, two property tables, a finding under ``audit=strict``,
            or no usable fact.
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
        clean_labels: list[str] | str | None = None,
        reworded: bool | None = None,
    ) -> None:
        if isinstance(properties, str):
            if property_table is not None:
                raise ValueError(
                    f"data.properties={properties} and data.property_table={property_table}: name one table, "
                    "not two."
                )
            property_table, properties = properties, None
        self.relations = select_relations(read_property_table(property_table), properties, neutral)
        self._check_split(split, property_table, held_out)
        self.held_out = tuple(held_out or ())
        unknown = [p for p in self.held_out if p not in self.relations]
        if unknown:
            raise ValueError(
                f"data.held_out: {', '.join(unknown)} is not among the properties "
                f"{', '.join(self.relations)}."
            )
        self.left_out = tuple(leave_with(self.held_out, self.relations))

        self.audit = Audit(audit, findings or {})
        cleanings = checked_cleanings(clean_labels)
        self.source = reader.read(list(self.relations))
        alike = None
        if cleanings:
            self.source, alike = with_clean_labels(self.source, cleanings)
        if not self.source.labelled:
            # Rows with ids in the place of labels would be the delexicalised ones under another name.
            self.forms = (DELEXICALISED,)
            log.warning(NO_LABELS, self.source.origin)
        elif self.source.named_by_ids:
            self.forms = (LEXICALISED,)
            log.warning(NAMES_FOR_IDS, self.source.origin)
        facts = usable_facts(self.source, self.relations, self.audit, alike)
        self.audit.enforce()
        for line in self.audit.told():
            log.warning("%s: %s", self.source.origin, line)
        if facts.is_empty():
            raise ValueError(
                f"{self.source.origin}: no usable fact of the chosen properties. "
                f"{account(self.source, self.audit)} {self._advice()}"
            )

        self.split = split
        self.split_seed = split_seed
        self.reworded = bool(reworded)
        self.facts = facts.with_columns(self._sides(facts))
        self.variants = self.train_variants = ("swap",)
        read = Counter({"statements read": self.source.read, "facts kept": facts.height})
        dropped = self.source.dropped + self.audit.dropped
        self.counts = read + dropped + self.source.notes

    def _check_split(self, split: str, property_table: str | None, held_out: list[str] | None) -> None:
        """Refuse a rule that is unknown, or that is not for such relations or not for what is held out."""
        if split not in SPLIT_RULES and split not in BANK_RULES:
            rules, bank_rules = ", ".join(SPLIT_RULES), ", ".join(BANK_RULES)
            raise ValueError(f"data.split={split}: expected {rules}; of a bank of relations {bank_rules}.")
        is_bank = all(relation.side for relation in self.relations.values())
        if split in BANK_RULES and not is_bank:
            raise ValueError(
                f"data.split={split} asks on which side of a bank each relation stands, and "
                f"data.property_table={property_table} is no bank. Use data=relations, or data.split="
                f"{' or '.join(SPLIT_RULES)}."
            )
        if is_bank and split in BLIND_RULES:
            raise ValueError(
                f"data.split={split} does not know which relations and names of a bank are held out. Use "
                f"data.split={' or '.join(BANK_RULES)} (all: every relation trains)."
            )
        if held_out and split in BANK_RULES and split != EVERY_RELATION:
            raise ValueError(
                f"data.held_out with data.split={split}, which says itself which relations are held out: use "
                f"data.split={EVERY_RELATION}, where data.held_out leaves training with its meaning classes."
            )

    def _sides(self, facts: pl.DataFrame) -> pl.DataFrame:
        """Where each fact and its reverse stand (columns ``forward`` and ``reverse``).

        What was added to a bank trains with its further texts alone.
        """
        side_of = {
            name: relation.side if self.reworded or relation.side != ADDED else None
            for name, relation in self.relations.items()
        }
        if self.split in SPLIT_RULES and not any(side_of.values()):
            return SPLIT_RULES[self.split](facts, self.split_seed)
        # Of a bank no other rule is let through than the one that knows of entities alone.
        rule = BANK_RULES.get(self.split, BANK_RULES[EVERY_RELATION])
        relation_sides = pl.col("property").replace_strict(side_of, return_dtype=pl.String)
        return rule(facts.with_columns(relation_side=relation_sides), self.split_seed)

    def _advice(self) -> str:
        """What to do where no fact is left."""
        if self.source.triples.is_empty() and self.source.other_properties:
            return seen_properties(self.source.other_properties, list(self.relations))
        return "What the audit finds can be kept with data.findings.NAME=keep."

    @property
    def sides(self) -> str:
        """Rule, seed, and what is held out."""
        rule = sides_by(self.split, self.split_seed, self.source.made_up)
        if not self.held_out:
            return rule
        return f"{rule}, held out {' '.join(self.held_out)}"

    def told(self) -> str:
        """How many statements were read, and what became of them."""
        statements = account(self.source, self.audit)
        return f"{self.source.origin}: {statements} {self.facts.height} facts kept."

    def pairs(self, drawn: pl.DataFrame, variants: Sequence[str]) -> list[BenchmarkPair]:
        """Put the drawn facts into words."""
        return pairs_of(self.pair_table(drawn, variants))

    def pair_table(
        self, drawn: pl.DataFrame, variants: Sequence[str], carried: Sequence[str] = ()
    ) -> pl.DataFrame:
        """The drawn facts in words: ``relsym.data.pairs.pair_table`` with the relations of each part."""
        if self.split != KEPT_WORDINGS and not self.held_out and not self.reworded:
            return pair_table(drawn, self.relations, variants, carried)
        tables = []
        for part in drawn.partition_by("split", maintain_order=True):
            relations = self._relations_of(part["split"][0])
            tables.append(pair_table(part, relations, variants, carried))
        return pl.concat(tables)

    def _relations_of(self, split: str) -> dict[str, Relation]:
        """The relations that rows of a part may speak of, in the wordings of that part."""
        if split == TRAIN:
            trained = {name: self.relations[name] for name in self.properties(TRAIN)}
            return self._in_training_words(trained)
        if self.split == KEPT_WORDINGS:
            return {name: relation.kept or relation for name, relation in self.relations.items()}
        return self.relations

    def _in_training_words(self, relations: Mapping[str, Relation]) -> dict[str, Relation]:
        """The relations in all the words that training rows may have."""
        if not self.reworded:
            return dict(relations)
        return {name: relation.reworded or relation for name, relation in relations.items()}

    def content_hash(self) -> str:
        """SHA-256 over all that the rows are made of.

        These are the facts with their names and sides of the split, and the property table.
        """
        # Sorted, so that sources that state the same facts in another order have one hash.
        facts = self.facts.sort("property", "subject", "object")
        further = [relation.further() for relation in self.relations.values()]
        # Of tables that have no such fields the hash is as it was before there were any.
        texts = [repr(further)] if any(further) else []
        if self.reworded:
            in_training = self._in_training_words(self.relations).values()
            texts.append(repr([relation.wordings for relation in in_training]))
        implied = {name: relation.implied for name, relation in self.relations.items() if relation.implied}
        if implied:
            texts.append(repr(implied))
        return table_hash(facts, repr(self.relations), *texts)


def account(source: TripleSource, audit: Audit) -> str:
    """How many statements were read, and what became of them."""
    dropped = source.dropped + audit.dropped
    reasons = []
    for name, count in dropped.items():
        reason = name.replace("_", " ")
        reasons.append(f"{reason}: {count}")
    left_out = ", ".join(reasons) or "none"
    return f"{source.read} statements read; left out: {left_out}."


def table_hash(table: pl.DataFrame, *further: str) -> str:
    """SHA-256 of a table's header and cells (as quoted CSV) and of further texts."""
    digest = sha256("\n".join(further).encode())
    for start in range(0, max(table.height, 1), SLICE):  # at least once: an empty table has a header too
        rows = table.slice(start, SLICE)
        # All cells are quoted: otherwise a null and an empty text would read alike.
        csv = rows.write_csv(include_header=start == 0, quote_style="always")
        digest.update(csv.encode())
    return digest.hexdigest()


def _kinds_of(relations: Iterable[Relation]) -> tuple[str, ...]:
    """The kinds that there are among them, in the order of ``KINDS``."""
    present = {relation.kind for relation in relations}
    return tuple(kind for kind in KINDS if kind in present)


def _random_directions(drawn: pl.DataFrame, split: str, seed: int) -> pl.Series:
    """Whether each drawn fact is asked in reverse: at random if both its directions stand in the part."""
    facts = drawn.select(pl.concat_str("property", "subject", "object", separator="|")).to_series()
    forward_stands = drawn["forward"] == split
    reverse_stands = drawn["reverse"] == split
    reverse = []
    for fact, may_forward, may_reverse in zip(facts, forward_stands, reverse_stands, strict=True):
        if may_forward and may_reverse:
            reverse.append(uniform(seed, f"direction|{fact}") < 0.5)
        else:
            reverse.append(bool(may_reverse))  # None where the reverse stands nowhere
    return pl.Series("reverse", reverse, dtype=pl.Boolean)


def _by_property(rows: pl.DataFrame) -> dict[str, list[int]]:
    """The units of each property, in the order of first appearance."""
    units = {}
    for part in rows.partition_by("property", maintain_order=True):
        property = part["property"][0]
        units[property] = part["unit"].to_list()
    return units


def _part(facts: pl.DataFrame, split: str, properties: list[str], both: bool = False) -> pl.DataFrame:
    """What can be drawn from a part.

    A unit is the row of a fact; where directions count apart, its reverse is that plus the height.
    """
    # Numbered before rows are taken out: a unit has to find its fact again in the whole table.
    rows = facts.select("property", "kind", "forward", "reverse", unit=pl.int_range(pl.len()))
    rows = rows.filter(pl.col("property").is_in(properties))
    forward_stands = pl.col("forward") == split
    reverse_stands = pl.col("reverse") == split
    if both:
        reversed_unit = pl.col("unit") + facts.height
        reverses = rows.filter(reverse_stands).with_columns(reversed_unit)
        rows = pl.concat([rows.filter(forward_stands), reverses])
    else:
        rows = rows.filter(forward_stands | reverse_stands)
    return rows.select("unit", "property", "kind")
