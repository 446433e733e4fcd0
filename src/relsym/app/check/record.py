"""What a check found, as the record that stands in its folder."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from relsym import __version__
from relsym.checking.additions import Additions
from relsym.checking.knowledge_check import KnowledgeCheck
from relsym.data.triples import TripleSource
from relsym.runs.check_record import AdditionsRecord, CheckRecord, PropertyUse, WordingRecord


def check_record(
    result: KnowledgeCheck,
    source: TripleSource,
    rules: Sequence[str],
    wording: WordingRecord | None,
    added: Additions | None,
    notes: Sequence[str],
) -> CheckRecord:
    """The record of a check.

    Args:
        result: what it found.
        source: where the statements are from.
        rules: that were looked for.
        wording: what the wordings of the properties say.
        added: the reverses that are written as QuickStatements.
        notes: what the source leaves out.
    """
    uses = []
    for use in result.kinds:
        fields = dataclasses.asdict(use)
        name, tangles = result.names.properties[use.property], result.tangles.get(use.property, [])
        uses.append(PropertyUse(**fields, name=name, contradicted=use.contradicted, tangles=tangles))
    additions = None
    if added is not None:
        additions = AdditionsRecord(written=len(added.lines), left_out=dict(added.left_out))
    statements: dict[str, Any] = {
        "source": source.origin,
        "licence": source.licence,
        "wikidata": source.wikidata,
        "statements": result.looked_at(),
        "repeated": result.statements.read - len(result.statements),
        "left_out": dict(source.dropped),
    }
    return CheckRecord(
        **statements,
        relsym=__version__,
        rules=list(rules),
        found=result.counts(),
        errors=result.errors(),
        kinds=uses,
        unchecked=[*notes, *result.unchecked],
        wording=wording,
        additions=additions,
    )
