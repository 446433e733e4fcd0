"""What a check found, in sentences."""

from __future__ import annotations

from relsym.checking.findings import ERROR, RULES
from relsym.evaluation.statistics import accuracy
from relsym.runs.check_record import AdditionsRecord, CheckRecord, WordingRecord


def check_verdict(record: CheckRecord) -> str:
    """The finding in a sentence or two."""
    errors = sum(record.total(rule) for rule in record.found if RULES[rule][0] == ERROR)
    others = record.total() - errors
    looked = f"{record.statements:,} statements of {len(record.kinds):,} properties in {record.source}"
    if not record.total():
        return f"Nothing found in {looked}."
    return (
        f"{errors:,} contradictions and {others:,} other findings in {looked}. What is called missing is "
        "missing in this file; elsewhere it may be stated."
    )


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
    text = f"QuickStatements: {additions.written:,} reverses of symmetric statements"
    reasons = [f"{count:,} {reason}" for reason, count in sorted(additions.left_out.items())]
    return f"{text}. Left out: {'; '.join(reasons)}." if reasons else f"{text}."
