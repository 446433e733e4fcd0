"""One relation of a bank as its file has it, and what is refused of it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from relsym.data.relations import SYMMETRIC
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text

NAMES_FOLDER = "names"
# How many texts a relation has at least: the last ones are kept from training, to test with.
FEWEST = {"wordings": 5, "negations": 2, "converses": 2}
# Names of a type are dealt to three parts, and the smallest of them takes a tenth.
FEWEST_NAMES = 40
ENTRY_FIELDS = "kind, slots, meaning, wordings, negations, converses"
_OWN_CONVERSE = (
    "converses: a symmetric relation is its own converse. Make them wordings, with [X] and [Y] exchanged."
)
Struct = TypeVar("Struct")
_NO_CONVERSES = " (converses not for symmetric ones)"
# What YAML makes of words that stand without quotes.
_UNQUOTED = re.compile(r"Expected `str`, got `(?:bool|int|float)`")
_QUOTES = " YAML takes no, yes, on, off and numbers for other things than words: put quotes around them."
_ID = re.compile(r"\w[\w.-]*")  # part of the ids of facts, where blanks and colons would be read otherwise


class FurtherTexts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Texts of a relation; those that stand by themselves train and nothing else.

    wordings: true exactly when the relation's first one is, all naming [X] and [Y] in one order.
    negations: denials of the first wording, in the same order.
    converses: the same statement with the two named in the other order; none for symmetric relations.
    """

    # Of a relation without any it is said how many are needed.
    wordings: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    converses: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All its wordings, negations and converses."""
        return (*self.wordings, *self.negations, *self.converses)


class BankEntry(FurtherTexts, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One relation of a bank, with its texts.

    kind: symmetric, antisymmetric or neither.
    slots: the types of [X] and [Y], each with a file of names.
    meaning: its meaning class.
    """

    kind: Literal["symmetric", "antisymmetric", "neither"]
    slots: tuple[str, str]
    meaning: str


def read_entry(
    path: Path | Traversable, name: str, fields: object, names: Mapping[str, Sequence[str]]
) -> BankEntry:
    """Make an entry of what a family's file says of a relation.

    Args:
        path: the file.
        name: the relation's id.
        fields: what stands under it.
        names: that fill slots, by type.

    Raises:
        ValueError: naming file, relation and field, and what to do.
    """
    entry = struct_of(f"{path}: {name}", fields, BankEntry, ENTRY_FIELDS)
    check_entry(path, name, entry, names)
    return entry


def check_entry(
    path: Path | Traversable, name: str, entry: BankEntry, names: Mapping[str, Sequence[str]]
) -> None:
    """Refuse an entry that breaks a rule of banks.

    Args:
        path: its file.
        name: the relation's id.
        entry: what the file says of it.
        names: that fill slots, by type.

    Raises:
        ValueError: naming file, relation and field, and what to do.
    """
    place = f"{path}: {name}"
    if not entry.meaning.strip():
        raise ValueError(
            f"{place}: meaning is empty. Name its meaning class, or give it one of its own: {name}."
        )
    _check_counts(place, entry)
    _check_texts(place, entry, entry.wordings[0])
    _check_slots(place, entry, names)


def read_further_texts(path: Path | Traversable, name: str, fields: object, entry: BankEntry) -> FurtherTexts:
    """Make of what a file of further texts says of a relation.

    Args:
        path: the file.
        name: the relation's id.
        fields: what stands under it.
        entry: what the bank says of the relation.

    Raises:
        ValueError: naming file, relation and field, and what to do.
    """
    place = f"{path}: {name}"
    further = struct_of(place, fields, FurtherTexts, ", ".join(FEWEST))
    if entry.kind == SYMMETRIC and further.converses:
        raise ValueError(f"{place}: {_OWN_CONVERSE}")
    _check_texts(place, further, entry.wordings[0])
    return further


def relations_in(path: Path | Traversable) -> dict[str, object]:
    """What a family's file says of each relation, by its id.

    Raises:
        ValueError: it holds no relations, or an id that is none.
    """
    content = read_yaml(path, plain_keys=True)
    if not isinstance(content, dict) or not content:
        raise ValueError(f"{path}: expected a mapping from relation ids to {ENTRY_FIELDS}.")
    relations = {str(name): fields for name, fields in content.items()}  # an id may be a number
    for name in relations:
        if _ID.fullmatch(name) is None:
            raise ValueError(
                f"{path}: the id {shown_text(name)}: write it in letters, digits and underscores, without "
                "blanks."
            )
    return relations


def struct_of(place: str, fields: object, to: type[Struct], known: str) -> Struct:
    """What a file says of a relation, as a struct.

    Args:
        place: the file and the relation, for the error.
        fields: what stands there.
        to: the struct.
        known: its fields, for the error.

    Raises:
        ValueError: a field is unknown, missing or of another type.
    """
    if not isinstance(fields, dict):
        raise ValueError(f"{place}: expected a mapping with the fields {known}.")
    try:
        return msgspec.convert(fields, to)
    except msgspec.ValidationError as error:
        problem = str(error).replace("`$.", "`")  # msgspec's mark of where a value begins
        hint = _QUOTES if _UNQUOTED.search(problem) else ""
        raise ValueError(
            f"{place}: {problem}.{hint} Fields: {known}{_NO_CONVERSES if 'converses' in known else ''}."
        ) from error


def plain_text(text: str) -> str:
    """A text as it is compared: with X for whichever slot comes first, in small letters."""
    ordered = text if _subject_first(text) else text.replace("[X]", "[Z]").replace("[Y]", "[X]")
    return re.sub(r"\s+", " ", ordered.replace("[Z]", "[Y]").lower()).strip()


def _check_counts(place: str, entry: BankEntry) -> None:
    """Refuse an entry that lacks texts of a field, or has converses though it is its own converse."""
    for field, fewest in FEWEST.items():
        texts = getattr(entry, field)
        if field == "converses" and entry.kind == SYMMETRIC:
            if texts:
                raise ValueError(f"{place}: {_OWN_CONVERSE}")
        elif len(texts) < fewest:
            raise ValueError(
                f"{place}: {field}: there are {len(texts)}, and {fewest} at least are needed: of what is "
                f"measured the last ones are kept from training. Add {fewest - len(texts)} more."
            )


def _check_texts(place: str, entry: FurtherTexts, first_wording: str) -> None:
    """Refuse a text without both slots, or with the two in an order that its field does not have."""
    for field in FEWEST:
        for text in getattr(entry, field):
            if text.count("[X]") != 1 or text.count("[Y]") != 1:
                raise ValueError(f"{place}: {field}: {shown_text(text)} must contain [X] and [Y] once each.")
    first_order = _subject_first(first_wording)
    for field in ("wordings", "negations"):
        for text in getattr(entry, field):
            if _subject_first(text) != first_order:
                raise ValueError(
                    f"{place}: {field}: {shown_text(text)} names [X] and [Y] in another order than the first "
                    "wording. Wordings and negations keep its order; what exchanges it is a converse."
                )
    for text in entry.converses:
        if _subject_first(text) == first_order:
            raise ValueError(
                f"{place}: converses: {shown_text(text)} names [X] and [Y] in the order of the first "
                "wording. A converse says the same with the two in the other order."
            )


def _check_slots(place: str, entry: BankEntry, names: Mapping[str, Sequence[str]]) -> None:
    """Refuse a type that has no names, and a symmetric relation between two types."""
    for slot in entry.slots:
        if slot not in names:
            raise ValueError(
                f"{place}: slots: unknown type {shown_text(slot)}. There are {', '.join(sorted(names))}. "
                f"Take one of them, or add {NAMES_FOLDER}/{slot}.txt with a name on each line."
            )
    if entry.kind == SYMMETRIC and len(set(entry.slots)) > 1:
        raise ValueError(
            f"{place}: slots: a symmetric relation holds both ways, so both have one type, and they are "
            f"{' and '.join(entry.slots)}. Give one type twice, or another kind."
        )


def _subject_first(text: str) -> bool:
    """Whether [X] stands before [Y]."""
    return text.index("[X]") < text.index("[Y]")
