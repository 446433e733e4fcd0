"""Facts for the bank of relations: pairs of names of the right types, at random."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from random import Random
from typing import final

import polars as pl

from relsym.data.relation_bank import Entry, RelationBank, read_bank
from relsym.data.sources.mini import Mini
from relsym.data.sources.wikidata5m import Wikidata5MFolder
from relsym.data.splits import SPLITS, parts_of_names, uniform
from relsym.data.triples import TripleSource, label_frame, triple_frame
from relsym.ranges import PositiveInt, Seed

# So many times as many pairs are drawn as are wanted, before the relation is given up: a type may have few names.
TRIES = 20


@final
class BankFacts:
    """Made-up statements of the relations of a bank.

    A statement need not be true to be asked about: what r(x, y) says about r(y, x) depends on the relation
    alone. So each relation gets random pairs of names of its slots' types. Both names of a pair stand on one
    side of the split ``entities``. Names come from the lists of the bank, and from the embedded facts of the
    Wikidata properties that are in it; where a folder of real triples is given, its facts of these properties
    are used too.

    Args:
        bank: folder of a bank, or "relations", the one that comes with relsym.
        pairs: of each relation, on each side: train, validation and test.
        split_seed: of the sides of the names.
        folder: in the layout of Wikidata5M, with real triples; None: none.
    """

    def __init__(
        self, bank: str, pairs: Mapping[str, PositiveInt], split_seed: Seed, folder: str | None = None
    ) -> None:
        if set(pairs) != set(SPLITS):
            raise ValueError(f"data.pairs={dict(pairs)}: give a number for each of {', '.join(SPLITS)}.")
        self.bank = bank
        self.pairs = dict(pairs)
        self.split_seed = split_seed
        self.real = None if folder is None else Wikidata5MFolder(folder, on_bad_row="skip")

    def read(self, properties: Collection[str]) -> TripleSource:
        """Make the statements of ``properties``, and the labels of their entities."""
        bank = read_bank(self.bank)
        ids = _Ids()
        names = self._names(bank, ids)
        triples: list[tuple[str, str, str]] = []
        for name, entry in bank.entries.items():
            if name in properties:
                for split in SPLITS:
                    triples += self._pairs(name, entry, split, names, ids)
        notes = Counter({"names": len(ids.label_of)})
        labels = dict(ids.label_of)
        if self.real is not None:
            real = self.real.read([name for name in bank.entries if name in properties])
            triples += real.triples.iter_rows()
            labels |= dict(real.labels.iter_rows())
            notes["real statements"] = real.triples.height
        return TripleSource(
            triple_frame(triples),
            label_frame(labels),
            len(triples),
            Counter(),
            notes=notes,
            origin="made-up pairs of names for a bank of relations (data=relations)",
            wikidata=False,
        )

    def _names(self, bank: RelationBank, ids: _Ids) -> dict[str, dict[str, list[str]]]:
        """The entity ids of the names of each type, by side."""
        labels_of = {slot: list(names) for slot, names in bank.names.items()}
        embedded = Mini().read(list(bank.entries))
        label_of = dict(embedded.labels.iter_rows())
        for subject, property, object in embedded.triples.iter_rows():
            slots = bank.entries[property].slots
            for slot, entity in zip(slots, (subject, object), strict=True):
                ids.know(entity, label_of[entity])
                labels_of[slot].append(label_of[entity])
        sides: dict[str, dict[str, list[str]]] = {}
        for slot, labels in labels_of.items():
            distinct = list(dict.fromkeys(labels))
            parts = parts_of_names(pl.Series("label", distinct, dtype=pl.String), self.split_seed)
            by_side: dict[str, list[str]] = defaultdict(list)
            for label, part in zip(distinct, parts, strict=True):
                by_side[part].append(ids.of(label))
            sides[slot] = dict(by_side)
        return sides

    def _pairs(
        self, name: str, entry: Entry, split: str, names: Mapping[str, Mapping[str, list[str]]], ids: _Ids
    ) -> list[tuple[str, str, str]]:
        """Distinct pairs of one relation on one side; fewer where its types have too few names."""
        subjects = names[entry.slots[0]].get(split, [])
        objects = names[entry.slots[1]].get(split, [])
        if not subjects or not objects:
            return []
        random = Random(f"{name}|{split}")  # seeded with a text: the same pairs on every machine
        wanted = self.pairs[split]
        pairs: dict[frozenset[str], tuple[str, str, str]] = {}
        for _ in range(wanted * TRIES):
            if len(pairs) == wanted:
                break
            subject, object = random.choice(subjects), random.choice(objects)
            if subject != object:  # a pair comes in one direction only
                pairs.setdefault(frozenset((subject, object)), (subject, name, object))
        return list(pairs.values())


class _Ids:
    """Entity ids: those that are known, and made-up ones in the form of Wikidata's for the other names."""

    def __init__(self) -> None:
        self.label_of: dict[str, str] = {}
        self._id_of: dict[str, str] = {}

    def know(self, entity: str, label: str) -> None:
        """Take over an entity with its id, unless its name has one."""
        if label.lower() not in self._id_of:
            self._id_of[label.lower()] = entity
            self.label_of[entity] = label

    def of(self, label: str) -> str:
        """The id of a name."""
        key = label.lower()
        if key not in self._id_of:
            attempt = 0
            entity = _made_up_id(label, attempt)
            while entity in self.label_of:
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
