"""The bank of relations: hundreds of them in many wordings, with the sides on which they train and test.

A bank is a folder:

- ``FAMILY.yaml`` for each family: relation id -> fields of ``BankEntry``;
- ``families.yaml``, where it is there: each family with a line that says what it is about;
- ``further/FAMILY.yaml``, where there are any: relation id -> fields of ``FurtherTexts``, which train alone,
  or of ``BankEntry`` or ``RolePair``, for a relation that trains and is on none of the sides;
- ``names/TYPE.txt``: the names that fill a slot of each type, one on a line; persons may be given as
  ``person_given.txt`` and ``person_family.txt``, which are combined;
- ``implied.yaml``, where it is there: what follows from a relation in another one (``read_implied``);
- ``sides.yaml``, where it is there: which relations train, validate and test; drawn otherwise.

The one that comes with relsym lies in ``relsym/data/bank``. ``docs/relations.md`` says how to write one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain, product
from pathlib import Path

from relsym.data.bank_entries import (
    FEWEST_NAMES,
    NAMES_FOLDER,
    BankEntry,
    FurtherTexts,
    plain_text,
    read_entry,
    relations_in,
)
from relsym.data.bank_further import check_added, read_further
from relsym.data.bank_implied import IMPLIED_FILE, read_implied
from relsym.data.bank_sides import SIDES_FILE, read_sides
from relsym.data.relations import TABLES, Relation, read_relations
from relsym.data.rewording import assurances, denials
from relsym.data.splits import ADDED, uniform
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text
from relsym.text_encoding import text_of

BANK = "relations"  # the name of relsym's own bank as a property table
FAMILIES_FILE = "families.yaml"
PERSON, PERSON_GIVEN, PERSON_FAMILY = "person", "person_given", "person_family"
PERSON_NAMES = 3000  # given and family names are combined to so many
# How many of a relation's texts are kept from training: the last ones.
KEPT_LAST = {"wordings": 2, "negations": 1, "converses": 1}
# Of so many wordings one is also trained after a clause that changes nothing.
ASSURED_EVERY = 3
_Texts = Mapping[str, Sequence[str]]  # by field


@dataclass(frozen=True)
class RelationBank:
    """A bank, read and checked.

    Attributes:
        entries: by relation id.
        families: of the relations, by relation id.
        sides: of the relations, by relation id, each one of ``RELATION_SIDES`` or ``ADDED``.
        names: that fill slots, by type.
        family_lines: what each family is about, by family; the family's name where the bank does not say.
        further: texts that train alone, by relation id, where a relation has any.
        added: relations that train and that no draw of sides knew, since they came later.
        implied: what follows from a relation, by relation id (``Relation.implied``).
    """

    entries: Mapping[str, BankEntry]
    families: Mapping[str, str]
    sides: Mapping[str, str]
    names: Mapping[str, Sequence[str]]
    family_lines: Mapping[str, str]
    further: Mapping[str, FurtherTexts]
    added: frozenset[str]
    implied: Mapping[str, tuple[tuple[str, bool], ...]]

    def drawn(self) -> dict[str, BankEntry]:
        """The relations that a draw of sides knows: all but those that were added later."""
        return {name: entry for name, entry in self.entries.items() if name not in self.added}

    def relations(self) -> dict[str, Relation]:
        """The bank as a property table: each relation in the wordings that may be trained on.

        The field ``kept`` of each holds the wordings that are kept from training (none of relations that were
        added), ``reworded`` those that training has where it takes further ones.
        """
        table = {}
        known = self._texts()
        for name, entry in self.entries.items():
            kept, trained = {}, {}
            for field, count in KEPT_LAST.items():
                texts = getattr(entry, field)
                kept_from = len(texts) - (0 if name in self.added else count)
                trained[field], kept[field] = texts[:kept_from], texts[kept_from:]
            table[name] = replace(
                self._relation(name, trained),
                kept=None if name in self.added else self._relation(name, kept),
                reworded=self._relation(name, self._reworded(name, trained, known)),
            )
        return table

    def _texts(self) -> set[str]:
        """All texts of all relations, as they are compared."""
        of_bank = chain(self.entries.values(), self.further.values())
        return {plain_text(text) for relation in of_bank for text in relation.texts}

    def _reworded(self, name: str, trained: _Texts, known: Set[str]) -> dict[str, list[str]]:
        """The texts that train, the further ones, and denials and assurances of them by rule.

        Args:
            name: the relation's id.
            trained: those of its texts that train.
            known: all texts of the bank. What a rule makes and the bank has, of whichever relation, is left
                out: it may be kept from training or held out.
        """
        further = self.further.get(name, FurtherTexts())
        texts = {field: [*trained[field], *getattr(further, field)] for field in KEPT_LAST}
        wordings, converses = texts["wordings"], texts["converses"]
        made = {
            "negations": denials([*wordings, *converses]),
            "wordings": assurances(wordings, ASSURED_EVERY),
            "converses": assurances(converses, ASSURED_EVERY),
        }
        for field, of_field in made.items():
            texts[field] += [text for text in of_field if plain_text(text) not in known]
        return texts

    def _relation(self, name: str, texts: _Texts) -> Relation:
        """A relation in some of its texts, which are given by field."""
        entry = self.entries[name]
        template, *paraphrases = texts["wordings"]
        negation, *negations = texts["negations"]
        converse, *converses = texts["converses"] or [None]
        title = name.replace("_", " ")
        implied = self.implied.get(name, ())
        return Relation(
            property=name,
            name=title,
            kind=entry.kind,
            template=template,
            converse=converse,
            negation=negation,
            paraphrases=tuple(paraphrases),
            negations=tuple(negations),
            converses=tuple(converses),
            meaning=entry.meaning,
            slots=entry.slots,
            implied=implied,
            family=self.families[name],
            side=self.sides[name],
        )


def read_property_table(table: str | None) -> dict[str, Relation]:
    """A property table by name or path, as ``read_relations`` has them, or a bank of relations.

    Args:
        table: also ``BANK``, or the folder of a bank.

    Raises:
        FileNotFoundError, ValueError: as ``read_relations`` and ``read_bank``.
    """
    # A name that is known is a table, even where a folder happens to be called so.
    if table == BANK:
        return dict(_own_relations())
    if table is not None and table not in TABLES and Path(table).expanduser().is_dir():
        return read_bank(table).relations()
    return read_relations(table)


def bank_folder(bank: str) -> Path | Traversable:
    """Where the files of a bank are.

    Args:
        bank: a folder of the user's own, or ``BANK``, the one that comes with relsym.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: it is a file.
    """
    if bank == BANK:
        return files("relsym.data").joinpath("bank")
    folder = Path(bank).expanduser()
    if not folder.exists():
        raise FileNotFoundError(
            f"data.bank={bank}: no such folder. Pass {BANK}, the bank that comes with relsym, or the folder "
            "of a bank of your own (docs/relations.md)."
        )
    if not folder.is_dir():
        raise NotADirectoryError(
            f"data.bank={bank}: a file, and a bank is a folder with a file FAMILY.yaml for each family of "
            "relations. Pass the folder."
        )
    return folder


def read_bank(bank: str = BANK) -> RelationBank:
    """Read and check a bank.

    Args:
        bank: a folder of the user's own; ``BANK`` reads the one that comes with relsym.

    Raises:
        FileNotFoundError, NotADirectoryError: no such folder, or no file of a family or of names in it.
        ValueError: naming file, relation and field: what is missing or unknown, a text without both slots or
            in the wrong order of them, two texts alike, a type with too few names, an unknown family, or a
            meaning class on two sides.
    """
    return _own_bank() if bank == BANK else _read_folder(bank_folder(bank))


@cache
def _own_bank() -> RelationBank:
    """The bank that comes with relsym, whose files do not change under a running process."""
    return _read_folder(bank_folder(BANK))


@cache
def _own_relations() -> dict[str, Relation]:
    """Its relations: denials by rule of thousands of texts, made once in a process."""
    return _own_bank().relations()


def _read_folder(root: Path | Traversable) -> RelationBank:
    names = _read_names(root)
    entries: dict[str, BankEntry] = {}
    families: dict[str, str] = {}
    paths = _family_files(root)
    for family, path in paths.items():
        for name, fields in relations_in(path).items():
            if name in entries:
                raise ValueError(
                    f"{path}: {name} stands in {families[name]}.yaml too. Give one of the two another id."
                )
            entries[name] = read_entry(path, name, fields, names)
            families[name] = family
    lines = _family_lines(root, paths)
    sides = read_sides(root, entries, families)
    further = read_further(root, entries, names)
    check_added(further, entries, families, sides)
    stated = [(paths[families[name]], name, entry.texts) for name, entry in entries.items()]
    of_training = further.entries | further.texts
    _refuse_texts_alike(
        stated + [(further.paths[name], name, of_training[name].texts) for name in of_training]
    )
    return RelationBank(
        entries | further.entries,
        families | further.families,
        sides | dict.fromkeys(further.entries, ADDED),
        names,
        lines,
        further.texts,
        frozenset(further.entries),
        read_implied(root, entries | further.entries),
    )


def _family_files(root: Path | Traversable) -> dict[str, Path | Traversable]:
    """The file of each family, in the order of their names."""
    no_families = (SIDES_FILE, FAMILIES_FILE, IMPLIED_FILE)
    paths = {}
    for path in sorted(root.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".yaml") and path.name not in no_families:
            paths[path.name.removesuffix(".yaml")] = path
    if not paths:
        raise FileNotFoundError(
            f"data.bank={root}: no file FAMILY.yaml there. Write one for each family of relations "
            "(docs/relations.md)."
        )
    return paths


def _refuse_texts_alike(texts: Iterable[tuple[Path | Traversable, str, Sequence[str]]]) -> None:
    """Refuse a text that stands twice: it would train and test, or be its own denial.

    Args:
        texts: file, relation and its texts in this file.
    """
    relation_of: dict[str, str] = {}
    for path, name, of_relation in texts:
        for text in of_relation:
            plain = plain_text(text)
            other = relation_of.get(plain)
            if other is not None:
                where = "in this relation twice" if other == name else f"in {other} too"
                raise ValueError(
                    f"{path}: {name}: {shown_text(text)} stands {where}, whichever slot is [X]. Each text "
                    "stands once in a bank: word one of the two otherwise."
                )
            relation_of[plain] = name


def _family_lines(root: Path | Traversable, paths: Mapping[str, Path | Traversable]) -> dict[str, str]:
    """What each family is about, as ``FAMILIES_FILE`` says it, which then names every family."""
    path = root.joinpath(FAMILIES_FILE)
    if not path.is_file():
        return {family: family.replace("_", " ") for family in paths}
    lines = read_yaml(path)
    if not isinstance(lines, dict):
        raise ValueError(f"{path}: expected a mapping from families to a line on each.")
    for family, line in lines.items():
        if not isinstance(line, str) or not line.strip():
            raise ValueError(f"{path}: {family}: expected a line of text on what the family is about.")
    for family in paths:
        if family not in lines:
            raise ValueError(
                f"{paths[family]}: unknown family {family}. Families: {', '.join(lines)}. Rename "
                f"the file, or add a line on it to {FAMILIES_FILE}."
            )
    for family in lines:
        if family not in paths:
            raise ValueError(f"{path}: {family}: there is no {family}.yaml. Write it, or take the line out.")
    return lines


def _read_names(root: Path | Traversable) -> dict[str, list[str]]:
    """The names of each type, those of persons combined out of given and family names."""
    folder = root.joinpath(NAMES_FOLDER)
    if not folder.is_dir():
        raise FileNotFoundError(
            f"data.bank={root}: no folder {NAMES_FOLDER} there. Make it, with a file TYPE.txt for each type "
            "of slot that holds a name on each line."
        )
    names = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.endswith(".txt"):
            names[path.name.removesuffix(".txt")] = _names_in(path)
    if (PERSON_GIVEN in names) != (PERSON_FAMILY in names):
        raise FileNotFoundError(
            f"{folder}: names of persons are {PERSON_GIVEN}.txt and {PERSON_FAMILY}.txt, and one of the two "
            f"is missing. Add it, or give whole names in {PERSON}.txt."
        )
    if PERSON_GIVEN in names:
        full_names = _full_names(names.pop(PERSON_GIVEN), names.pop(PERSON_FAMILY))
        names[PERSON] = list(dict.fromkeys([*names.get(PERSON, ()), *full_names]))
    for slot, of_type in names.items():
        if len(of_type) < FEWEST_NAMES:
            raise ValueError(
                f"{folder}: {slot}: {len(of_type)} names, and {FEWEST_NAMES} at least are needed, since they "
                f"are dealt to training, validation and test. Add more to {slot}.txt."
            )
    return names


def _names_in(path: Path | Traversable) -> list[str]:
    """The names in a file, each once."""
    lines = text_of(path.read_bytes(), str(path)).splitlines()
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise ValueError(f"{path}: no name in it. Write a name on each line, or remove the file.")
    return list(dict.fromkeys(names))


def _full_names(given: Sequence[str], family: Sequence[str]) -> list[str]:
    """Given and family names combined, ``PERSON_NAMES`` at most."""
    full_names = [f"{first} {last}" for first, last in product(given, family)]
    return sorted(full_names, key=lambda name: uniform(0, f"person|{name}"))[:PERSON_NAMES]
