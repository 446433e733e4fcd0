"""Facts for the bank of relations: pairs of names of the right types, at random."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from random import Random
from typing import final

import polars as pl

from relsym.data.bank_entries import BankEntry
from relsym.data.relation_bank import RelationBank, bank_folder, read_bank
from relsym.data.sources.mini import Mini
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.splits import SPLITS, TRAIN, parts_of_names, uniform
from relsym.data.triples import TripleSource, entities_of, label_frame, triple_frame
from relsym.ranges import NonNegativeInt, Seed, Share

# So many times as many pairs are drawn as are wanted, then no more: a type may have few names.
TRIES = 20
FEWEST_OF_A_PART = 2  # names of a type: so many make a pair
# One name made of two, as real names often are: "X-Men" and "X-Men: First Class", "Castile and León".
MADE_OF = (
    "{one} and {other}",
    "{one} of {other}",
    "{other} of {one}",
    "{one} in {other}",
    "{other} in {one}",
    "{one}, {other}",
    "{one}: {other}",
    "{one} ({other})",
    "{one} for {other}",
    "{one} II",
    "New {one}",
)
_Names = dict[str, dict[str, list[str]]]  # entity ids by type and part


@final
class BankFacts:
    """Made-up statements of the relations of a bank.

    A statement need not be true to be asked about: what r(x, y) says about r(y, x) depends on the relation
    alone. So each relation gets random pairs of names of its slots' types. Both names of a pair stand on one
    side of the split ``entities``. In a share of the pairs one name is made of the other (``MADE_OF``), as
    real ones often are: else nothing teaches a model to tell a name from words that another one has too.
    Names come from the lists of the bank, and from the embedded facts of the Wikidata properties that are in
    it; where a folder of real triples is given, its facts of these properties are used too.

    Args:
        bank: folder of a bank, or "relations", the one that comes with relsym.
        pairs: of each relation, on each side: train, validation and test.
        split_seed: of the sides of the names.
        folder: in the layout of Wikidata5M, with real triples; None: none.
        alike: the share of the pairs of which one name gives way to one that is made of both.
        added_pairs: training pairs of each relation that was added to the bank later, which has no others;
            0 leaves them out, None gives them as many as the other relations.

    Raises:
        FileNotFoundError, NotADirectoryError: ``bank`` or ``folder`` is no folder.
        ValueError: ``pairs`` lacks a side, has another one, or a number that is none of pairs.
    """

    def __init__(
        self,
        bank: str,
        pairs: Mapping[str, object],
        split_seed: Seed,
        folder: str | None = None,
        alike: Share = 0.0,
        added_pairs: NonNegativeInt | None = None,
    ) -> None:
        counts_fit = all(type(count) is int and count > 0 for count in pairs.values())
        if set(pairs) != set(SPLITS) or not counts_fit:
            raise ValueError(
                f"data.pairs={dict(pairs)}: give a whole number of pairs, 1 or more, for each of "
                f"{', '.join(SPLITS)}, and for nothing else."
            )
        bank_folder(bank)  # refused here under its own name, before it is looked for as a property table
        self.bank = bank
        self.pairs = {split: pairs[split] for split in SPLITS}
        self.split_seed = split_seed
        self.alike = alike
        self.added_pairs = added_pairs
        self.real = None if folder is None else Wikidata5MFolder(folder, on_bad_row="skip")

    def read(self, properties: Collection[str]) -> TripleSource:
        """Make the statements of ``properties``, and the labels of their entities.

        Raises:
            ValueError: as ``read_bank``, or a part gets too few names of a type.
        """
        bank = read_bank(self.bank)
        chosen = {name: entry for name, entry in bank.entries.items() if name in properties}
        ids = _Ids()
        # The real ones first: their ids stay as they are, and made-up ones give way to them.
        real = None if self.real is None else self.real.read(list(chosen))
        if real is not None:
            ids.take_over(real)
        names = self._names(bank, ids)
        self._check_parts(chosen, names)

        triples: list[tuple[str, str, str]] = []
        short = 0
        for name, entry in chosen.items():
            for split, wanted in self._wanted(name in bank.added).items():
                pairs = self._with_names_alike(_pairs(name, entry, split, wanted, names), split, ids)
                short += wanted - len(pairs)
                triples += pairs
        notes = Counter({"names": len(ids.label_of)})
        if short:
            notes["pairs that few names could not give"] = short
        dropped: Counter[str] = Counter()
        if real is not None:
            triples += real.triples.iter_rows()
            notes["real statements"] = real.triples.height
            dropped = real.dropped
        return TripleSource(
            triple_frame(triples),
            label_frame(ids.label_of),
            len(triples) + dropped.total(),
            dropped,
            notes=notes,
            origin="made-up pairs of names for a bank of relations (data=relations)",
            wikidata=False,
            made_up=real is None,
        )

    def _wanted(self, added: bool) -> dict[str, int]:
        """How many pairs a relation gets on each side.

        Args:
            added: whether it was added to the bank later, and is scored nowhere.
        """
        if not added:
            return self.pairs
        return {TRAIN: self.pairs[TRAIN] if self.added_pairs is None else self.added_pairs}

    def _names(self, bank: RelationBank, ids: _Ids) -> _Names:
        """The entity ids of the names of each type, by side."""
        labels_of = {slot: list(names) for slot, names in bank.names.items()}
        embedded = Mini().read(list(bank.entries))
        label_of = dict(embedded.labels.iter_rows())
        for subject, property, object in embedded.triples.iter_rows():
            slots = bank.entries[property].slots
            for slot, entity in zip(slots, (subject, object), strict=True):
                ids.know(entity, label_of[entity])
                labels_of[slot].append(label_of[entity])
        return {slot: self._by_part(labels, ids) for slot, labels in labels_of.items()}

    def _by_part(self, labels: Sequence[str], ids: _Ids) -> dict[str, list[str]]:
        """The entity ids of some names, by the part in which the split ``entities`` puts them."""
        distinct = list(dict.fromkeys(labels))
        parts = parts_of_names(pl.Series("label", distinct, dtype=pl.String), self.split_seed)
        by_part: dict[str, list[str]] = {split: [] for split in SPLITS}
        for label, part in zip(distinct, parts, strict=True):
            by_part[part].append(ids.of(label))
        return by_part

    def _with_names_alike(
        self, pairs: Sequence[tuple[str, str, str]], split: str, ids: _Ids
    ) -> list[tuple[str, str, str]]:
        """The pairs, in a share of which a name made of both takes the place of one of them.

        The made-up name stands on the side of the two that it is made of, like every name.
        """
        alike = []  # place of the pair, whether its subject stays, and the names that the other may get
        for place, (subject, property, object) in enumerate(pairs):
            fact = f"{subject}|{property}|{object}"
            if uniform(0, f"alike|{fact}") < self.alike:
                keep_subject = uniform(0, f"alike end|{fact}") < 0.5
                one, other = (subject, object) if keep_subject else (object, subject)
                alike.append((place, keep_subject, _made_of(ids.label_of[one], ids.label_of[other], fact)))

        changed = list(pairs)
        # All names at once: their parts are told by the column.
        names = pl.Series("label", [name for *_, made in alike for name in made], dtype=pl.String)
        parts = iter(parts_of_names(names, self.split_seed))
        for place, keep_subject, made in alike:
            fitting = [
                name for name, part in zip(made, islice(parts, len(made)), strict=True) if part == split
            ]
            if fitting:  # else no way to make one gives a name of this side
                subject, property, object = pairs[place]
                entity = ids.of(fitting[0])
                changed[place] = (subject, property, entity) if keep_subject else (entity, property, object)
        return changed

    def _check_parts(self, chosen: Mapping[str, BankEntry], names: _Names) -> None:
        """Refuse a type of which a part has too few names to make pairs of."""
        used = {slot for entry in chosen.values() for slot in entry.slots}
        for slot in sorted(used):
            for split, of_part in names[slot].items():
                if len(of_part) < FEWEST_OF_A_PART:
                    raise ValueError(
                        f"data.bank={self.bank}: of the names of type {slot} the {split} part gets "
                        f"{len(of_part)} (data.split_seed={self.split_seed}), and a pair needs two. Add "
                        f"names to names/{slot}.txt."
                    )


def _pairs(name: str, entry: BankEntry, split: str, wanted: int, names: _Names) -> list[tuple[str, str, str]]:
    """Distinct pairs of one relation on one side; fewer where its types have too few names."""
    subjects, objects = names[entry.slots[0]][split], names[entry.slots[1]][split]
    random = Random(f"{name}|{split}")  # seeded with a text: the same pairs on every machine
    pairs: dict[frozenset[str], tuple[str, str, str]] = {}
    for _ in range(wanted * TRIES):
        if len(pairs) == wanted:
            break
        subject, object = random.choice(subjects), random.choice(objects)
        if subject != object:  # a pair comes in one direction only
            pairs.setdefault(frozenset((subject, object)), (subject, name, object))
    return list(pairs.values())


def _made_of(one: str, other: str, fact: str) -> list[str]:
    """The names that can be made of two, in the order in which a fact would have them."""
    ways = sorted(MADE_OF, key=lambda way: uniform(0, f"{way}|{fact}"))
    return [way.format(one=one, other=other) for way in ways]


class _Ids:
    """Entity ids: those that are known, and made-up ones in the form of Wikidata's for the other names."""

    def __init__(self) -> None:
        self.label_of: dict[str, str] = {}
        self._id_of: dict[str, str] = {}  # by the name in small letters
        self._taken: set[str] = set()

    def take_over(self, source: TripleSource) -> None:
        """Take over all entities of a source with their ids; of several of one name the first one has it."""
        self._taken.update(entities_of(source.triples))
        for entity, label in source.labels.iter_rows():
            self.label_of[entity] = label
            self._id_of.setdefault(label.lower(), entity)

    def know(self, entity: str, label: str) -> None:
        """Take over an entity with its id, unless its name has one or the id has another name."""
        if label.lower() not in self._id_of and entity not in self.label_of:
            self._id_of[label.lower()] = entity
            self.label_of[entity] = label

    def of(self, label: str) -> str:
        """The id of a name."""
        key = label.lower()
        if key not in self._id_of:
            attempt = 0
            entity = _made_up_id(label, attempt)
            while entity in self.label_of or entity in self._taken:
                attempt += 1
                entity = _made_up_id(label, attempt)
            self._id_of[key] = entity
            self.label_of[entity] = label
        return self._id_of[key]


def _made_up_id(label: str, attempt: int) -> str:
    """A Q-id of two to eight digits, as short ids are commoner among what is well known."""
    digits = 1 + 7 * uniform(attempt, f"digits|{label}")
    number = 10**digits
    return f"Q{int(number)}"
