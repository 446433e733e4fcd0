"""On which side each relation of a bank stands: whether it trains, chooses or tests.

What means the same stands on one side as a whole, so that no test relation has been trained under another
name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import Path

from relsym.data.bank_entries import ENTRY_FIELDS, BankEntry
from relsym.data.splits import TRAIN, uniform
from relsym.runs.plain_yaml import read_yaml
from relsym.runs.stored_config import shown_text

SIDES_FILE = "sides.yaml"
BANK_HASH = "sha256"  # key of the file that says of which bank it speaks
RESERVED = "left_out"  # for tests to come, neither trained nor chosen on
VALIDATION_NEAR, VALIDATION_FAR = "validation_near", "validation_far"
TEST_NEAR, TEST_FAR = "test_near", "test_far"
RELATION_SIDES = (TRAIN, VALIDATION_NEAR, VALIDATION_FAR, TEST_NEAR, TEST_FAR, RESERVED)
# No file says so: what is kept out of training since its meaning class stands on another side. A test on it
# would be none on what is unseen.
UNUSED = "unused"
# Shares of the meaning classes of families that train.
NEAR_TEST_SHARE, NEAR_VALIDATION_SHARE = 0.22, 0.11
FAR_TEST_FAMILIES, FAR_VALIDATION_FAMILIES = 4, 2
_REDRAW = f"Draw the sides anew (remove {SIDES_FILE})"


def draw_sides(
    entries: Mapping[str, BankEntry],
    families: Mapping[str, str],
    trained: Sequence[str],
    left_out: Sequence[str],
) -> dict[str, str]:
    """Which relations train, validate and test: by meaning class, so that none stands on two sides.

    Whole families are held out for ``far``; of the others some meaning classes for ``near``. Each choice is
    by the hash of the family's or the class's name, so that no result has a say in it. Of a class that spans
    a held-out family and others, what stands in the other families is left out; so is what stands in a
    held-out family though its class trains. ``read_sides`` tells these from what is reserved.

    Args:
        entries, families: of the bank.
        trained: relations that train whatever is drawn, with their meaning classes; their families are near.
        left_out: meaning classes that neither train nor choose.
    """
    pinned = [name for name in trained if name in entries]
    pinned_families = {families[name] for name in pinned}
    pinned_meanings = {entries[name].meaning for name in pinned}
    far_side_of = _far_families(set(families.values()) - pinned_families)

    relations_of = defaultdict(list)
    for name, entry in entries.items():
        relations_of[entry.meaning].append(name)
    sides = {}
    for meaning, names in relations_of.items():
        far_sides = {far_side_of.get(families[name]) for name in names}
        if meaning in left_out:
            side = RESERVED
        elif meaning in pinned_meanings:
            side = TRAIN
        elif TEST_FAR in far_sides:
            side = TEST_FAR
        elif VALIDATION_FAR in far_sides:
            side = VALIDATION_FAR
        else:
            side = _near_side(meaning)
        for name in names:
            sides[name] = side if _fits(side, far_side_of.get(families[name])) else RESERVED
    return sides


def read_sides(
    root: Path | Traversable, entries: Mapping[str, BankEntry], families: Mapping[str, str]
) -> dict[str, str]:
    """The sides that a bank's folder states; drawn where it states none.

    What is left out and has its meaning class elsewhere is ``UNUSED``.

    Args:
        root: the folder.
        entries, families: of the bank.

    Raises:
        ValueError: naming the file: an unknown side, a relation that is unknown, is missing or stands twice,
            a meaning class on two sides, or a bank that has changed since its sides were drawn.
    """
    path = root.joinpath(SIDES_FILE)
    if not path.is_file():
        return _without_misplaced(entries, draw_sides(entries, families, (), ()))
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise ValueError(
            f"{path}: expected a mapping from {', '.join(RELATION_SIDES)} to lists of relations."
        )
    stated_hash = content.pop(BANK_HASH, None)
    sides = _stated_sides(path, content)
    _check_all_stand(path, entries, sides)
    _check_meanings(path, entries, sides)
    if stated_hash is not None and stated_hash != bank_hash(entries, families, sides):
        raise ValueError(
            f"{path}: {BANK_HASH}: the bank has changed since its sides were drawn, so that figures on it "
            "are not comparable with earlier ones. Put its files back as they were. "
            f"{_REDRAW} only for a new bank."
        )
    return _without_misplaced(entries, sides)


def bank_hash(entries: Mapping[str, BankEntry], families: Mapping[str, str], sides: Mapping[str, str]) -> str:
    """SHA-256 over every relation, its family and its side, whatever their order."""
    digest = sha256()
    for name in sorted(entries):
        # In this order of fields, whatever the order in which the struct has them.
        fields = {field: getattr(entries[name], field) for field in ENTRY_FIELDS.split(", ")}
        line = [name, families[name], sides[name], fields]
        digest.update(repr(line).encode())
    return digest.hexdigest()


def _far_families(free: set[str]) -> dict[str, str]:
    """The families that are held out as a whole, with their side."""
    drawn = sorted(free, key=lambda family: uniform(0, f"family|{family}"))
    test = drawn[:FAR_TEST_FAMILIES]
    validation = drawn[FAR_TEST_FAMILIES : FAR_TEST_FAMILIES + FAR_VALIDATION_FAMILIES]
    return dict.fromkeys(test, TEST_FAR) | dict.fromkeys(validation, VALIDATION_FAR)


def _fits(side: str, family_side: str | None) -> bool:
    """Whether a relation of a family can stand on the side of its meaning class.

    Args:
        side: of the meaning class.
        family_side: of the family, where it is held out as a whole.
    """
    is_far = side in (TEST_FAR, VALIDATION_FAR)
    return side == RESERVED or family_side == (side if is_far else None)


def _near_side(meaning: str) -> str:
    """The side of a meaning class in families that train."""
    draw = uniform(0, f"meaning|{meaning}")
    if draw < NEAR_TEST_SHARE:
        return TEST_NEAR
    if draw < NEAR_TEST_SHARE + NEAR_VALIDATION_SHARE:
        return VALIDATION_NEAR
    return TRAIN


def _stated_sides(path: Path | Traversable, content: Mapping[object, object]) -> dict[str, str]:
    """The side of each relation that the file names."""
    sides: dict[str, str] = {}
    for side, names in content.items():
        if side not in RELATION_SIDES:
            raise ValueError(f"{path}: unknown side {shown_text(side)}. Sides: {', '.join(RELATION_SIDES)}.")
        if names is not None and not isinstance(names, list):
            raise ValueError(f"{path}: {side}: expected a list of relations (- NAME on each line).")
        for item in names or ():
            name = str(item)  # an id may be a number
            if name in sides:
                where = "two sides" if sides[name] != side else "one side twice"
                raise ValueError(
                    f"{path}: {name} stands on {where}, {sides[name]} and {side}. Take it out of one place."
                )
            sides[name] = str(side)
    return sides


def _check_all_stand(
    path: Path | Traversable, entries: Mapping[str, BankEntry], sides: Mapping[str, str]
) -> None:
    """Refuse relations of the file that the bank lacks, and the other way round."""
    unknown = sorted(sides.keys() - entries.keys())
    if unknown:
        raise ValueError(
            f"{path}: {_some(unknown)} in no family's file. Take them out here, or write them there."
        )
    unplaced = sorted(entries.keys() - sides.keys())
    if unplaced:
        raise ValueError(f"{path}: no side for {_some(unplaced)}. {_REDRAW}, or add what is missing.")


def _check_meanings(
    path: Path | Traversable, entries: Mapping[str, BankEntry], sides: Mapping[str, str]
) -> None:
    """Refuse a meaning class on two sides; what is left out may be of any class."""
    first_of: dict[str, str] = {}
    for name, entry in entries.items():
        if sides[name] == RESERVED:
            continue
        first = first_of.setdefault(entry.meaning, name)
        if sides[first] != sides[name]:
            raise ValueError(
                f"{path}: the meaning class {entry.meaning} stands on two sides: {first} on {sides[first]}, "
                f"{name} on {sides[name]}. What means the same trains or is held out as a whole: move one of "
                f"them, or put it under {RESERVED}."
            )


def _without_misplaced(entries: Mapping[str, BankEntry], sides: Mapping[str, str]) -> dict[str, str]:
    """The sides, with ``UNUSED`` for what is left out though its meaning class stands elsewhere."""
    elsewhere = {entries[name].meaning for name, side in sides.items() if side != RESERVED}
    used = dict(sides)
    for name, side in sides.items():
        if side == RESERVED and entries[name].meaning in elsewhere:
            used[name] = UNUSED
    return used


def _some(names: Sequence[str]) -> str:
    """The first of many names."""
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")
