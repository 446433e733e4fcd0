"""Relations that are given by the nouns of their two roles, such as landlord and tenant.

What an encoder lacks on relations that it never saw is vocabulary. A pair of nouns is enough for a relation:
patterns make its wordings, negations and converses. English only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import msgspec

from relsym.data.bank_entries import BankEntry, struct_of
from relsym.data.relations import SYMMETRIC
from relsym.data.splits import uniform
from relsym.runs.stored_config import shown_text

ROLE_FIELDS = "kind, slots, meaning, roles"
# [X] is A and [Y] is B; {a} and {b} are the nouns with an article. Where the noun of [Y] stands first it has
# "the": that a tenant of [X] is not [Y] would deny little.
OF_ROLES = (
    "[X] is {a} of [Y].",
    "[X] is [Y]'s {A}.",
    "[X] is {A} to [Y].",
    "[X] serves as {a} of [Y].",
    "[X] counts as {a} of [Y].",
    "[X] has [Y] as {B}.",
    "[X] has {b} in [Y].",
    "[X]'s {B} is [Y].",
    "The {B} of [X] is [Y].",
    "For [X], the {B} is [Y].",
    "It is [X] that is {a} of [Y].",
    "[X] goes with [Y] as {A} with {B}.",
)
# Of two nouns, or of one noun and its plural.
OF_TWO_NOUNS = (
    "[X] and [Y] are {A} and {B}.",
    "With [X] as {a}, [Y] is {b}.",
    "Of the two, [X] is {a} and [Y] {b}.",
)
OF_ONE_NOUN = ("[X] and [Y] are {As}.", "[X] and [Y] are {As} of each other.")
DENIALS = (
    "[X] is not {a} of [Y].",
    "[X] is no {A} of [Y].",
    "[X] is not [Y]'s {A}.",
    "[X] does not have [Y] as {B}.",
    "[X] fails to be {a} of [Y].",
    "[X] does not have {b} in [Y].",
)
_NOUN = re.compile(r"\w+(?:['-]\w+)*'?(?: \w+(?:['-]\w+)*'?)*")
# Beginnings that are spoken with a vowel, letters that are spelt out among them ("MP", "NGO").
_VOWEL = re.compile(
    r"(?!(?i:uni(?![nm])|use|usu|uti|ura|eu|one\b|once|ewe)|U[A-Z])(?i:[aeiouàáâäæèéêëìíîïòóôöùúû])"
    r"|(?i:heir|hour|honou?r|honest)|[FHLMNRSX](?=[A-Z])"
)


class RolePair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A relation as two nouns.

    kind: symmetric, antisymmetric or neither.
    slots: the types of [X] and [Y].
    meaning: its meaning class.
    roles: what [X] is to [Y], and what [Y] is to [X]; of a symmetric relation the noun, and its plural.
    """

    kind: Literal["symmetric", "antisymmetric", "neither"]
    slots: tuple[str, str]
    meaning: str
    roles: tuple[str, str]


def read_roles(place: str, fields: object) -> RolePair:
    """The two nouns that stand at a place of a bank, which errors name.

    Raises:
        ValueError: a field is unknown, missing or of another type; a noun is none, or is that of both roles;
            that of a symmetric relation has no plural beside it.
    """
    pair = struct_of(place, fields, RolePair, ROLE_FIELDS)
    for noun in pair.roles:
        if _NOUN.fullmatch(noun) is None or noun.split()[0].lower() in ("the", "a", "an"):
            raise ValueError(
                f"{place}: roles: {shown_text(noun)} is no noun. Write words parted by one blank, without an "
                "article before and a full stop behind them: what [X] is to [Y], and what [Y] is to [X]."
            )
    first, second = (noun.lower() for noun in pair.roles)
    # Plurals begin as their nouns do ("mouse", "mice", "species"); whatever else they are is not looked at.
    if pair.kind == SYMMETRIC and first[0] != second[0]:
        raise ValueError(
            f"{place}: roles: {shown_text(pair.roles[1])} is no plural of {shown_text(pair.roles[0])}. In a "
            "symmetric relation both have one role: give its noun and then its plural (rival, rivals)."
        )
    if pair.kind != SYMMETRIC and first == second:
        raise ValueError(
            f"{place}: roles: {shown_text(pair.roles[0])} twice. Give what [X] is to [Y] and what [Y] is to "
            "[X] in two nouns, or make it symmetric, with the noun and its plural."
        )
    return pair


def entry_of_roles(pair: RolePair) -> BankEntry:
    """The relation in all texts that the patterns make of its nouns."""
    first, second = pair.roles
    if pair.kind == SYMMETRIC:
        wordings = _filled((*OF_ROLES, *OF_ONE_NOUN), first, first, plural=second)
        denials, converses = _filled(DENIALS, first, first), []
    else:
        wordings = _filled((*OF_ROLES, *OF_TWO_NOUNS), first, second)
        denials = _filled(DENIALS, first, second)
        from_other_side = _filled((*OF_ROLES, *OF_TWO_NOUNS), second, first)
        converses = [_exchanged(text) for text in from_other_side]
    return BankEntry(
        wordings=tuple(wordings),
        negations=tuple(denials),
        converses=tuple(converses),
        kind=pair.kind,
        slots=pair.slots,
        meaning=pair.meaning,
    )


def _filled(patterns: Sequence[str], noun: str, other: str, plural: str = "") -> list[str]:
    """The patterns with their nouns.

    A relation has one article, "the" or "a", whichever its nouns give by hash, so that neither tells a kind.
    """
    definite = uniform(0, f"article|{'|'.join(sorted((noun, other)))}") < 0.5
    a, b = (f"the {of}" if definite else with_indefinite_article(of) for of in (noun, other))
    nouns = {"A": noun, "B": other, "As": plural, "a": a, "b": b}
    return [pattern.format_map(nouns) for pattern in patterns]


def with_indefinite_article(noun: str) -> str:
    """The noun after "a" or "an", by its first letters: "an heir", "a union"."""
    return f"{'an' if _VOWEL.match(noun) else 'a'} {noun}"


def _exchanged(text: str) -> str:
    return text.replace("[X]", "[Z]").replace("[Y]", "[X]").replace("[Z]", "[Y]")
