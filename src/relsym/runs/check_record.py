"""``check.json``: what ``relsym check`` looked at, and how much it found.

The one place that knows its keys.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from relsym.runs.decoding import Count, Proportion, decode, encode

CHECK_FORMAT = 1
CHECK_AGAIN = "Check again with this version."


class PropertyUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one property is used.

    kind: that is declared.
    statements: distinct ones between two different entities.
    pairs, two_way: of entities that they are about, and those of which both directions are stated.
    share, low, high: of the statements whose reverse is stated, with its 95 % interval.
    contradicted: whether that interval lies where another kind's would.
    tangles: of an antisymmetric property, how many entities each strongly connected component of two or more
        has, the largest first.
    """

    property: str
    name: str
    kind: str
    statements: Count
    pairs: Count
    two_way: Count
    share: Proportion
    low: Proportion
    high: Proportion
    contradicted: bool
    tangles: list[Count]


class WordingRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the wordings of properties say about their kinds, whatever the statements say.

    kinds, probabilities: by property.
    held_out: how many of how many relations of relsym's bank were told right of which it had learnt nothing.
    agreed: of how many of how many properties the vote is the declared kind.
    """

    kinds: dict[str, str]
    probabilities: dict[str, Proportion]
    held_out: tuple[Count, Count]
    agreed: tuple[Count, Count]


class AdditionsRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The reverses that were written as QuickStatements.

    written: lines in all files.
    left_out: missing reverses that were not written, by reason.
    """

    written: Count
    left_out: dict[str, Count]


class CheckRecord(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of", tag="statements"
):
    """Everything but the findings themselves.

    relsym: the version that looked.
    source: where the statements are from, without paths of this machine.
    statements: distinct ones of the chosen properties.
    repeated: further statements that say the same.
    left_out: statements that were not looked at, by reason.
    rules: that were looked for.
    found: the number of findings, by rule and property.
    errors: how many of them contradict what is declared.
    unchecked: what could not be looked at.
    wording: None where wordings were not asked.
    additions: None where no QuickStatements were asked for.
    """

    format: int = CHECK_FORMAT
    relsym: str
    source: str
    licence: str
    wikidata: bool
    statements: Count
    repeated: Count
    left_out: dict[str, Count]
    rules: list[str]
    found: dict[str, dict[str, Count]]
    errors: Count
    kinds: list[PropertyUse]
    unchecked: list[str]
    wording: WordingRecord | None
    additions: AdditionsRecord | None

    def total(self, rule: str | None = None) -> int:
        """The number of findings, of one rule or of all."""
        rules = self.found if rule is None else {rule: self.found.get(rule, {})}
        return sum(sum(of_rule.values()) for of_rule in rules.values())


class ProposalRecord(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="of", tag="wordings"
):
    """The kinds that wordings propose for the properties of a table.

    relsym: the version that proposed.
    table: the name of the file.
    declared: the kinds that stand in the table, by property.
    """

    format: int = CHECK_FORMAT
    relsym: str
    table: str
    declared: dict[str, str]
    wording: WordingRecord


def read_check(path: Path) -> CheckRecord:
    """The record in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: damaged, or of another format; the message names file and key.
    """
    return decode(path, CheckRecord, CHECK_FORMAT, CHECK_AGAIN)


def check_json(record: CheckRecord | ProposalRecord) -> str:
    """The content of the file."""
    return encode(record, indent=1)
