"""What a check found, in sentences."""

from __future__ import annotations

from relsym.evaluation.statistics import accuracy
from relsym.runs.check_record import AdditionsRecord, CheckRecord, WordingRecord


def check_verdict(record: CheckRecord) -> str:
    """The finding in a sentence or two."""
    others = record.total() - record.errors
    statements = counted(record.statements, "statement")
    properties = f"{len(record.kinds):,} {'property' if len(record.kinds) == 1 else 'properties'}"
    looked = f"{statements} of {properties} in {record.source}"
    if not record.total():
        return f"Nothing found in {looked}."
    return (
        f"{counted(record.errors, 'contradiction')} and {counted(others, 'other finding')} in {looked}. "
        "What is called missing is missing in this file; elsewhere it may be stated."
    )


def left_out_text(record: CheckRecord) -> str:
    """How many statements were not looked at, by reason; empty where there are none."""
    reasons = [f"{count:,} {reason}" for reason, count in record.left_out.items() if count]
    if record.repeated:
        reasons.append(f"{record.repeated:,} stated again")
    return f"Left out: {'; '.join(reasons)}." if reasons else ""


def counted(number: int, noun: str) -> str:
    """``1 statement``, ``2,000 statements``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def wording_text(wording: WordingRecord) -> str:
    """How far the votes of wordings can be trusted."""
    right, asked = wording.held_out
    share = accuracy([True] * right + [False] * (asked - right))
    text = (
        f"Wording: the kind as told from the words alone. Of {asked} relations that were kept from it "
        f"it tells {100 * share.value:.0f} % right [{100 * share.low:.0f}, {100 * share.high:.0f}]"
    )
    agreed, compared = wording.agreed
    return f"{text}; here {agreed} of {compared} votes are the declared kind." if compared else f"{text}."


def additions_text(additions: AdditionsRecord) -> str:
    """How many reverses were written as QuickStatements, and why the others were not."""
    text = f"QuickStatements: {counted(additions.written, 'reverse')} of symmetric statements"
    reasons = [f"{count:,} {reason}" for reason, count in sorted(additions.left_out.items())]
    return f"{text}. Left out: {'; '.join(reasons)}." if reasons else f"{text}."
