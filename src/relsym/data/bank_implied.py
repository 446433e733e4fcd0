"""What follows from one relation of a bank in another one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources.abc import Traversable
from pathlib import Path

from relsym.data.bank_entries import BankEntry
from relsym.data.relations import ANTISYMMETRIC
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text

IMPLIED_FILE = "implied.yaml"
# How the two names of the one stand in the other, and whether that is the other way round.
_REVERSED = {"same": False, "reversed": True}


def read_implied(
    root: Path | Traversable, entries: Mapping[str, BankEntry]
) -> dict[str, tuple[tuple[str, bool], ...]]:
    """For each relation those that follow from it, and whether with the two names exchanged.

    Args:
        root: the bank's folder; a bank without the file says nothing of the kind.
        entries: its relations, with those that were added.

    Raises:
        ValueError: naming file and relation: no mapping, an unknown relation, one that is not antisymmetric,
            two of different meaning classes, or another word than those for the order.
    """
    path = root.joinpath(IMPLIED_FILE)
    if not path.is_file():
        return {}
    content = read_yaml(path, plain_keys=True)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping from relations to what follows from them.")
    implied = {}
    for name, following in content.items():
        place = f"{path}: {shown_text(name)}"
        if not isinstance(following, dict) or not following:
            raise ValueError(f"{place}: expected a mapping from relations to {' or '.join(_REVERSED)}.")
        links = []
        for other, order in following.items():
            _check(place, str(name), str(other), entries)
            if not isinstance(order, str) or order not in _REVERSED:
                raise ValueError(
                    f"{place}: {shown_text(other)}: {shown_text(order)}, and expected is "
                    f"{' or '.join(_REVERSED)}."
                )
            links.append((str(other), _REVERSED[order]))
        implied[str(name)] = tuple(links)
    return implied


def _check(place: str, name: str, other: str, entries: Mapping[str, BankEntry]) -> None:
    """Refuse a relation that cannot give another one its sign."""
    for relation in (name, other):
        if relation not in entries:
            raise ValueError(f"{place}: there is no relation {shown_text(relation)} in the bank.")
        if entries[relation].kind != ANTISYMMETRIC:
            raise ValueError(
                f"{place}: {relation} is {entries[relation].kind}. Which way round a relation stands is "
                "known of antisymmetric ones alone: leave it out."
            )
    if name == other:
        raise ValueError(f"{place}: follows from itself. Leave it out.")
    if entries[name].meaning != entries[other].meaning:
        raise ValueError(
            f"{place}: of the meaning class {shown_text(entries[name].meaning)}, and {other} is of "
            f"{shown_text(entries[other].meaning)}. What follows shares a meaning class, so that both train "
            "or both are held out."
        )
