"""What ``relsym check`` says on the terminal: the verdict first, then the tables."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from rich.table import Table
from rich.text import Text

from relsym.checking.findings import RULES
from relsym.report.findings.tables import vote_of
from relsym.report.findings.wording import additions_text, check_verdict, left_out_text, wording_text
from relsym.report.one_run.terminal import MOST_PROPERTIES, console
from relsym.runs.check_record import CheckRecord, PropertyUse, ProposalRecord
from relsym.runs.layout import FINDINGS_FILE, KINDS_TABLE
from relsym.visible import visible


def tell_check(record: CheckRecord, folder: Path) -> None:
    """Print what was found, and where it stands."""
    out = console()
    out.print(Text(visible(check_verdict(record))))
    out.print(_rules_table(record))
    if record.kinds:
        out.print(_kinds_table(record))
    if record.wording is not None:
        out.print(Text(wording_text(record.wording)))
    if left_out_text(record):
        out.print(Text(visible(left_out_text(record))))
    for line in record.unchecked:
        out.print(Text(visible(f"Not looked at: {line}.")))
    if record.additions is not None:
        out.print(Text(additions_text(record.additions)))
    files = sorted(path.name for path in folder.glob(f"{FINDINGS_FILE}.*"))
    out.print(Text(f"Findings: {folder}    {', '.join([*files, KINDS_TABLE])}"), soft_wrap=True)


def tell_proposals(record: ProposalRecord, table: pl.DataFrame, folder: Path) -> None:
    """Print the proposed kinds."""
    shown = Table(title=f"Kinds of {visible(record.table)}, told from the wordings alone")
    for heading in ("property", "name", "declared", "wording"):
        shown.add_column(heading)
    shown.add_column("probability", justify="right")
    for property, name, declared, vote, probability in table.iter_rows():
        cells = [visible(property), visible(name), declared or "-"]
        agrees = declared in (None, vote)
        shown.add_row(*map(Text, cells), Text(vote, style="" if agrees else "bold"), f"{probability:.2f}")
    out = console()
    out.print(shown)
    out.print(Text(wording_text(record.wording)))
    out.print(Text("A property that is neither is not told from its wording: read what you take over."))
    out.print(Text(f"Table: {folder / KINDS_TABLE}"), soft_wrap=True)


def _rules_table(record: CheckRecord) -> Table:
    """One line for each rule that was looked for."""
    table = Table(title="Findings by rule")
    table.add_column("rule")
    table.add_column("severity")
    table.add_column("findings", justify="right")
    table.add_column("by property", overflow="fold")
    for rule in record.rules:
        of_rule = sorted(record.found.get(rule, {}).items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{property} {count:,}" for property, count in of_rule[:8])
        more = f", {len(of_rule) - 8} more" if len(of_rule) > 8 else ""
        table.add_row(rule, RULES[rule][0], f"{record.total(rule):,}", Text(visible(shown + more)))
    return table


def _kinds_table(record: CheckRecord) -> Table:
    """One line for each property: declared kind, how it is used, what its wording says."""
    table = Table(title="Kinds of the properties")
    for heading in ("property", "name", "declared", "statements", "reversed [95 %]", "components", "wording"):
        is_number = heading in ("statements", "reversed [95 %]", "components")
        table.add_column(heading, justify="right" if is_number else "left")
    for use in record.kinds[:MOST_PROPERTIES]:
        vote, probability = vote_of(record.wording, use.property)
        disagrees = vote is not None and vote != use.kind
        words = "-" if vote is None else f"{vote} {probability:.2f}"
        table.add_row(
            Text(visible(use.property)),
            Text(visible(use.name)),
            use.kind,
            f"{use.statements:,}",
            Text(reversed_text(use), style="bold" if use.contradicted else ""),
            components_text(use),
            Text(words, style="bold" if disagrees else ""),
        )
    notes = "Bold: against the declared kind. Components: entities that statements lead round between."
    if len(record.kinds) > MOST_PROPERTIES:
        notes += f" {len(record.kinds) - MOST_PROPERTIES:,} further properties stand in {KINDS_TABLE}."
    table.caption = notes
    return table


def reversed_text(use: PropertyUse) -> str:
    """``89.2 % [88.6, 89.8]``: the share of the statements whose reverse is stated."""
    return f"{100 * use.share:.1f} % [{100 * use.low:.1f}, {100 * use.high:.1f}]"


def components_text(use: PropertyUse) -> str:
    """``7, at most 5``: how many components, and how many entities the largest has."""
    return f"{len(use.tangles):,}, at most {max(use.tangles):,}" if use.tangles else "-"
