"""The findings of a check as one self-contained page without a script."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from relsym.checking.findings import RULES
from relsym.checking.knowledge_check import KnowledgeCheck
from relsym.data.triples import ENTITY_ID
from relsym.report.findings.tables import kinds_table
from relsym.report.findings.wording import check_verdict, left_out_text, wording_text
from relsym.report.page.page import shown_value
from relsym.runs.check_record import CheckRecord

MOST_SHOWN = 200  # findings of a rule on the page; the files have all


class RuleSection(NamedTuple):
    """One rule on the page.

    Attributes:
        rule: its name.
        severity: error, warning or info.
        meaning: what it looks for.
        number: of findings.
        rows: the first of them, by column.
    """

    rule: str
    severity: str
    meaning: str
    number: int
    rows: Sequence[dict[str, str]]


def findings_page(result: KnowledgeCheck, record: CheckRecord, others: Sequence[str] = ()) -> str:
    """The text of the page.

    Args:
        result: the findings.
        record: of the check.
        others: names of the files beside the page that have all findings.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=shown_value)
    template = environment.from_string(_file("relsym.report.findings", "findings.html.j2"))
    sections = []
    for rule in record.rules:
        rows: list[dict[str, str]] = []
        for block in result.blocks([rule]):
            rows += block.head(MOST_SHOWN - len(rows)).to_dicts()
            if len(rows) >= MOST_SHOWN:
                break
        severity, meaning = RULES[rule]
        sections.append(RuleSection(rule, severity, meaning, record.total(rule), rows))
    uses: list[dict[str, Any]] = kinds_table(record).to_dicts()
    return template.render(
        css=Markup(_file("relsym.report.page", "page.css")),
        record=record,
        sections=sections,
        uses=uses,
        verdict=check_verdict(record),
        wording=None if record.wording is None else wording_text(record.wording),
        address=address_of if record.wikidata else no_address,
        most=MOST_SHOWN,
        others=" and ".join(others),
        left_out=left_out_text(record),
    )


def address_of(entity: str) -> str:
    """The page of an entity of Wikidata; none where the id is not one of Wikidata's."""
    return f"https://www.wikidata.org/wiki/{entity}" if ENTITY_ID.fullmatch(entity) else ""


def no_address(entity: str) -> str:
    """No page: the statements are not Wikidata's."""
    return ""


def _file(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
