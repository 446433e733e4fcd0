"""The bank of relations: hundreds of them in many wordings, with the sides on which they train and test.

A bank is a folder: ``FAMILY.yaml`` for each family (relation id -> fields of ``Entry``), ``names/TYPE.txt``
with the names that fill a slot of each type, and ``sides.yaml``, where it says which relations train. The one
that comes with relsym lies in ``relsym/data/bank``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import product
from pathlib import Path
from typing import Literal

import msgspec

from relsym.data.relations import SYMMETRIC, Relation, read_relations
from relsym.data.splits import uniform
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text

BANK = "relations"  # the name of relsym's own bank as a property table
SIDES_FILE, NAMES_FOLDER = "sides.yaml", "names"
PERSON = "person"
PERSON_NAMES = 3000  # given and family names are combined to so many
TRAIN, LEFT_OUT = "train", "left_out"
VALIDATION_NEAR, VALIDATION_FAR = "validation_near", "validation_far"
TEST_NEAR, TEST_FAR = "test_near", "test_far"
RELATION_SIDES = (TRAIN, VALIDATION_NEAR, VALIDATION_FAR, TEST_NEAR, TEST_FAR, LEFT_OUT)
# How many of a relation's texts are kept from training: the last ones.
KEPT_WORDINGS, KEPT_NEGATIONS, KEPT_CONVERSES = 2, 1, 1
FEWEST_WORDINGS, FEWEST_NEGATIONS, FEWEST_CONVERSES = 5, 2, 2
# Shares of the meaning classes of families that train.
TEST_SHARE, VALIDATION_SHARE = 0.22, 0.11
FAR_TEST_FAMILIES, FAR_VALIDATION_FAMILIES = 4, 2
ENTRY_FIELDS = "kind, slots, meaning, wordings, negations, converses"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One relation of a bank as its file has it.

    kind: symmetric, antisymmetric or neither.
    slots: the types of [X] and [Y], each with a file of names.
    meaning: its meaning class.
    wordings: true exactly when the first is, all naming [X] and [Y] in one order.
    negations: denials of the first wording, in the same order.
    converses: the same statement with the two named in the other order; none for symmetric relations.
    """

    kind: Literal["symmetric", "antisymmetric", "neither"]
    slots: tuple[str, str]
    meaning: str
    wordings: tuple[str, ...]
    negations: tuple[str, ...]
    converses: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All its wordings, negations and converses."""
        return (*self.wordings, *self.negations, *self.converses)


@dataclass(frozen=True)
class RelationBank:
    """A bank, read and checked.

    Attributes:
        entries: by relation id.
        families: of the relations, by relation id.
        sides: of the relations, by relation id, each one of ``RELATION_SIDES``.
        names: that fill slots, by type.
    """

    entries: Mapping[str, Entry]
    families: Mapping[str, str]
    sides: Mapping[str, str]
    names: Mapping[str, Sequence[str]]

    def relations(self) -> dict[str, Relation]:
        """The bank as a property table: each relation in the wordings that may be trained on.

        The field ``kept`` of each holds the wordings that are kept from training.
        """
        table = {}
        for name, entry in self.entries.items():
            kept = self._relation(
                name,
                entry.wordings[-KEPT_WORDINGS:],
                entry.negations[-KEPT_NEGATIONS:],
                entry.converses[-KEPT_CONVERSES:],
                None,
            )
            table[name] = self._relation(
                name,
                entry.wordings[:-KEPT_WORDINGS],
                entry.negations[:-KEPT_NEGATIONS],
                entry.converses[:-KEPT_CONVERSES],
                kept,
            )
        return table

    def _relation(
        self,
        name: str,
        wordings: Sequence[str],
        negations: Sequence[str],
        converses: Sequence[str],
        kept: Relation | None,
    ) -> Relation:
        entry = self.entries[name]
        return Relation(
            property=name,
            name=name.replace("_", " "),
            kind=entry.kind,
            template=wordings[0],
            converse=converses[0] if converses else None,
            negation=negations[0],
            paraphrases=tuple(wordings[1:]),
            negations=tuple(negations[1:]),
            converses=tuple(converses[1:]),
            meaning=entry.meaning,
            slots=entry.slots,
            family=self.families[name],
            side=self.sides[name],
            kept=kept,
        )


def read_property_table(table: str | None) -> dict[str, Relation]:
    """A property table by name or path, as ``read_relations`` has them, or a bank of relations.

    Args:
        table: also ``BANK``, or the folder of a bank.

    Raises:
        FileNotFoundError, ValueError: as ``read_relations`` and ``read_bank``.
    """
    if table is not None and (table == BANK or Path(table).expanduser().is_dir()):
        return read_bank(table).relations()
    return read_relations(table)


@cache
def read_bank(folder: str = BANK) -> RelationBank:
    """Read and check a bank.

    Args:
        folder: of the user's own; ``BANK`` reads the one that comes with relsym.

    Raises:
        FileNotFoundError: no such folder, or no file of a family in it.
        ValueError: naming file, relation and field: what is missing or unknown, a text without both slots or
            in the wrong order of them, two texts alike, a type without names, or a meaning class on two
            sides.
    """
    root: Path | Traversable
    root = files("relsym.data").joinpath("bank") if folder == BANK else Path(folder).expanduser()
    entries: dict[str, Entry] = {}
    families: dict[str, str] = {}
    names = _names(root)
    relation_of_text: dict[str, str] = {}
    for path in _family_files(root):
        family = path.name.removesuffix(".yaml")
        content = read_yaml(path, plain_keys=True)
        if not isinstance(content, dict):
            raise ValueError(f"{path}: expected a mapping from relation ids to {ENTRY_FIELDS}.")
        for key, fields in content.items():
            name = str(key)
            if name in entries:
                raise ValueError(f"{path}: {name} stands in {families[name]}.yaml too. Give it another id.")
            entry = _entry(path, name, fields)
            _check_texts(path, name, entry)
            _check_slots(path, name, entry, names)
            for text in entry.texts:
                plain = _plain(text)
                if plain in relation_of_text:
                    raise ValueError(
                        f"{path}: {name}: {shown_text(text)} is a text of {relation_of_text[plain]} already. "
                        "Each text stands once in a bank: word one of the two otherwise."
                    )
                relation_of_text[plain] = name
            entries[name] = entry
            families[name] = family
    sides = _read_sides(root, entries, families)
    return RelationBank(entries, families, sides, names)


def draw_sides(
    entries: Mapping[str, Entry], families: Mapping[str, str], trained: Sequence[str], left_out: Sequence[str]
) -> dict[str, str]:
    """Which relations train, validate and test: by meaning class, so that none stands on two sides.

    Whole families are held out for ``far``; of the others some meaning classes for ``near``. Each choice is
    by the hash of the family's or the class's name, so that no result has a say in it.

    Args:
        entries, families: of the bank.
        trained: relations that train whatever is drawn, with their meaning classes; their families are near.
        left_out: meaning classes that neither train nor choose.
    """
    pinned_families = {families[name] for name in trained if name in entries}
    pinned_meanings = {entries[name].meaning for name in trained if name in entries}
    free = sorted(set(families.values()) - pinned_families, key=lambda family: uniform(0, f"family|{family}"))
    far_test = set(free[:FAR_TEST_FAMILIES])
    far_validation = set(free[FAR_TEST_FAMILIES : FAR_TEST_FAMILIES + FAR_VALIDATION_FAMILIES])

    relations_of = defaultdict(list)
    for name, entry in entries.items():
        relations_of[entry.meaning].append(name)
    sides = {}
    for meaning, names in relations_of.items():
        spanned = {families[name] for name in names}
        draw = uniform(0, f"meaning|{meaning}")
        if meaning in left_out:
            side = LEFT_OUT
        elif meaning in pinned_meanings:
            side = TRAIN
        elif spanned & far_test:
            side = TEST_FAR
        elif spanned & far_validation:
            side = VALIDATION_FAR
        elif draw < TEST_SHARE:
            side = TEST_NEAR
        elif draw < TEST_SHARE + VALIDATION_SHARE:
            side = VALIDATION_NEAR
        else:
            side = TRAIN
        far = {TEST_FAR: far_test, VALIDATION_FAR: far_validation}.get(side)
        for name in names:
            # A relation of a family that trains, but of a class that is held out as far, is neither.
            is_misplaced = far is not None and families[name] not in far
            # One of a far family whose class trains would make the family known.
            sides[name] = LEFT_OUT if is_misplaced else side
    for name, side in sides.items():
        if side == TRAIN and families[name] in far_test | far_validation:
            sides[name] = LEFT_OUT
    return sides


def bank_hash(entries: Mapping[str, Entry], families: Mapping[str, str], sides: Mapping[str, str]) -> str:
    """SHA-256 over every relation, its family and its side, whatever their order."""
    digest = sha256()
    for name in sorted(entries):
        line = [name, families[name], sides[name], msgspec.structs.asdict(entries[name])]
        digest.update(repr(line).encode())
    return digest.hexdigest()


def _names(root: Path | Traversable) -> dict[str, list[str]]:
    """The names of each type, those of persons combined out of given and family names."""
    names = {}
    folder = root.joinpath(NAMES_FOLDER)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"data.bank={root}: no folder {NAMES_FOLDER} with a file TYPE.txt for each type of slot."
        )
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".txt"):
            lines = path.read_text(encoding="utf-8").splitlines()
            names[path.name.removesuffix(".txt")] = [line.strip() for line in lines if line.strip()]
    given, family = names.pop("person_given", None), names.pop("person_family", None)
    if given and family:
        full_names = [f"{first} {last}" for first, last in product(given, family)]
        names[PERSON] = sorted(full_names, key=lambda name: uniform(0, f"person|{name}"))[:PERSON_NAMES]
    return names


def _family_files(root: Path | Traversable) -> list[Path | Traversable]:
    """The files of the families, by name."""
    paths = [path for path in root.iterdir() if path.name.endswith(".yaml") and path.name != SIDES_FILE]
    if not paths:
        raise FileNotFoundError(f"data.bank={root}: no file FAMILY.yaml there.")
    return sorted(paths, key=lambda path: path.name)


def _entry(path: Path | Traversable, name: str, fields: object) -> Entry:
    try:
        return msgspec.convert(fields, Entry)
    except msgspec.ValidationError as error:
        raise ValueError(
            f"{path}: {name}: {error}. Fields: {ENTRY_FIELDS} (converses not for symmetric ones)."
        ) from error


def _check_texts(path: Path | Traversable, name: str, entry: Entry) -> None:
    """Refuse an entry that lacks texts, or has one without both slots or in the wrong order of them."""
    fewest = {"wordings": FEWEST_WORDINGS, "negations": FEWEST_NEGATIONS, "converses": FEWEST_CONVERSES}
    if entry.kind == SYMMETRIC:
        if entry.converses:
            raise ValueError(
                f"{path}: {name}: a symmetric relation is its own converse. Make its converses wordings, with "
                "[X] and [Y] exchanged."
            )
        del fewest["converses"]
    for field, count in fewest.items():
        texts = getattr(entry, field)
        if len(texts) < count:
            raise ValueError(
                f"{path}: {name}: {len(texts)} {field}, and {count} at least are needed: the last ones are "
                "kept from training, to test with."
            )
    for text in entry.texts:
        if text.count("[X]") != 1 or text.count("[Y]") != 1:
            raise ValueError(f"{path}: {name}: {shown_text(text)} must contain [X] and [Y] once each.")
    first_order = _subject_first(entry.wordings[0])
    for text in (*entry.wordings, *entry.negations):
        if _subject_first(text) != first_order:
            raise ValueError(
                f"{path}: {name}: {shown_text(text)} names [X] and [Y] in another order than the first "
                "wording. Wordings and negations keep its order; what exchanges it is a converse."
            )
    for text in entry.converses:
        if _subject_first(text) == first_order:
            raise ValueError(
                f"{path}: {name}: the converse {shown_text(text)} names [X] and [Y] in the order of the first "
                "wording. A converse says the same from the other side."
            )


def _check_slots(
    path: Path | Traversable, name: str, entry: Entry, names: Mapping[str, Sequence[str]]
) -> None:
    """Refuse a type that has no names."""
    for slot in entry.slots:
        if len(names.get(slot, ())) < 2:
            raise ValueError(
                f"{path}: {name}: the slot type {shown_text(slot)} has no names: there are "
                f"{', '.join(sorted(names))}. Add {NAMES_FOLDER}/{slot}.txt with a name on each line."
            )
    if entry.kind == SYMMETRIC and len(set(entry.slots)) > 1:
        raise ValueError(
            f"{path}: {name}: a symmetric relation holds both ways, so its slots have one type, and they are "
            f"{' and '.join(entry.slots)}."
        )


def _read_sides(
    root: Path | Traversable, entries: Mapping[str, Entry], families: Mapping[str, str]
) -> dict[str, str]:
    """The sides that the bank states, checked; drawn where it states none."""
    path = root.joinpath(SIDES_FILE)
    if not path.is_file():
        return draw_sides(entries, families, (), ())
    content = read_yaml(path)
    sides: dict[str, str] = {}
    for side in RELATION_SIDES:
        for name in content.get(side, ()):
            if name in sides:
                raise ValueError(f"{path}: {name} stands on two sides, {sides[name]} and {side}.")
            sides[name] = side
    unplaced = sorted(entries.keys() ^ sides.keys())
    if unplaced:
        raise ValueError(
            f"{path}: {', '.join(unplaced[:5])} must stand here and in a family's file. Draw the sides again "
            f"(remove {SIDES_FILE}), or add what is missing."
        )
    side_of_meaning: dict[str, str] = {}
    for name, entry in entries.items():
        side = sides[name]
        if side == LEFT_OUT:
            continue
        first = side_of_meaning.setdefault(entry.meaning, side)
        if first != side:
            raise ValueError(
                f"{path}: the meaning class {entry.meaning} stands on two sides, {first} and {side} ({name}). "
                "What means the same trains or is held out as a whole."
            )
    return sides


def _subject_first(text: str) -> bool:
    """Whether [X] stands before [Y]."""
    return text.index("[X]") < text.index("[Y]")


def _plain(text: str) -> str:
    """A text as it is compared: with X for whichever slot comes first, in small letters."""
    ordered = text if _subject_first(text) else text.replace("[X]", "[Z]").replace("[Y]", "[X]")
    return re.sub(r"\s+", " ", ordered.replace("[Z]", "[Y]").lower())
