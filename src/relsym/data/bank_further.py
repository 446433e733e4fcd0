"""What trains beside a bank: further texts of its relations, and relations that came later than its sides.

Whatever stands in the folder ``further`` trains and measures nothing, so that held-out relations and their
hash stay as they are when it grows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from relsym.data.bank_entries import (
    ENTRY_FIELDS,
    BankEntry,
    FurtherTexts,
    check_entry,
    read_entry,
    read_further_texts,
    relations_in,
)
from relsym.data.role_nouns import ROLE_FIELDS, entry_of_roles, read_roles
from relsym.data.splits import TRAIN
from relsym.runs.stored_config import shown_text

FURTHER_FOLDER = "further"


@dataclass(frozen=True)
class Further:
    """What the folder has, by relation.

    Attributes:
        texts: further ones of relations of the bank.
        entries: relations of its own.
        families: of these.
        paths: the file that each stands in.
    """

    texts: dict[str, FurtherTexts]
    entries: dict[str, BankEntry]
    families: dict[str, str]
    paths: dict[str, Path | Traversable]


def read_further(
    root: Path | Traversable, entries: Mapping[str, BankEntry], names: Mapping[str, Sequence[str]]
) -> Further:
    """What trains beside the bank itself; nothing where there is no such folder.

    Args:
        root: the bank's folder.
        entries: of the bank itself.
        names: that fill slots, by type.

    Raises:
        ValueError: naming file, relation and field, and what to do.
    """
    further = Further({}, {}, {}, {})
    folder = root.joinpath(FURTHER_FOLDER)
    if not folder.is_dir():
        return further
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.name.endswith(".yaml"):
            continue
        for name, fields in relations_in(path).items():
            if name in further.paths:
                raise ValueError(f"{path}: {name} stands in another file of {FURTHER_FOLDER} too. Join them.")
            further.paths[name] = path
            if name in entries:
                further.texts[name] = read_further_texts(path, name, fields, entries[name])
            elif isinstance(fields, dict) and "roles" in fields:
                further.entries[name] = entry_of_roles(read_roles(f"{path}: {name}", fields))
                check_entry(path, name, further.entries[name], names)
                further.families[name] = path.name.removesuffix(".yaml")
            elif isinstance(fields, dict) and "kind" not in fields:
                raise ValueError(
                    f"{path}: {shown_text(name)} is no relation of the bank, and has no kind. Give all of "
                    f"{ENTRY_FIELDS} for a relation that trains (or {ROLE_FIELDS}), or take it out."
                )
            else:
                further.entries[name] = read_entry(path, name, fields, names)
                further.families[name] = path.name.removesuffix(".yaml")
    return further


def check_added(
    further: Further, entries: Mapping[str, BankEntry], families: Mapping[str, str], sides: Mapping[str, str]
) -> None:
    """Refuse relations that would train what is held out: a family as a whole, or a meaning class.

    Args:
        further: what the folder has.
        entries, families, sides: of the bank itself.

    Raises:
        ValueError: naming file and relation, and what to do.
    """
    training = {families[name] for name, side in sides.items() if side == TRAIN}
    trained_meanings = {entries[name].meaning for name, side in sides.items() if side == TRAIN}
    held_out = {}
    for name, entry in entries.items():
        if entry.meaning not in trained_meanings:
            held_out[_plain(entry.meaning)] = name
    for name, entry in further.entries.items():
        place = f"{further.paths[name]}: {name}"
        if further.families[name] not in training:
            raise ValueError(
                f"{place}: what stands in {FURTHER_FOLDER} trains, and no relation of the family "
                f"{further.families[name]} does. Write it into the file of one that trains: "
                f"{', '.join(sorted(training)) or 'there is none'}."
            )
        of_class = held_out.get(_plain(entry.meaning))
        if of_class is not None:
            raise ValueError(
                f"{place}: what stands in {FURTHER_FOLDER} trains, and the meaning class {entry.meaning} is "
                f"held out ({of_class}). Take it out, or give it another class if it means "
                "another thing."
            )


def _plain(meaning: str) -> str:
    """A meaning class as it is compared with held-out ones: a slip of the pen must not let it train."""
    return meaning.strip().lower()
