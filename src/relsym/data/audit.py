"""What is wrong with the facts and with the rows made of them.

Each finding is counted, and the facts or rows that it names are dropped or kept as configured.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from relsym.data.triples import check_choice

DROP, KEEP = "drop", "keep"
STRICT_AUDIT, WARNING_AUDIT = "strict", "warn"
EXAMPLES = 5  # shown of each finding
EXAMPLES_TOLD = 2  # in a line of the log
# What may be wrong with a fact, in the order in which it is looked for, and what it means.
FACT_FINDINGS = {
    "no_label": "subject or object has no label in the source",
    "same_entity": "subject and object are the same entity",
    "id_label": "a label is a Q-id, or the entity's own id",
    "odd_label": (
        "a label has a control or bidirectional mark, a line break, a tab, or more than 200 characters"
    ),
    "padded_label": (
        "a label with blanks or unseen characters around it (data.clean_labels=blanks takes them off)"
    ),
    "invisible_label": (
        "a label with unseen characters or other blanks than one inside: no-break and zero-width ones, soft "
        "hyphens, several in a row (data.clean_labels=blanks makes one of them)"
    ),
    "missing_label": "a label that programs write for a missing value (NA, NaN, null, None ...), or a name",
    "cleaned_alike": (
        "data.clean_labels made a label equal to that of another entity, from which it differed before"
    ),
    "same_label": (
        "two entities with one label (ignoring case): premise and hypothesis would be the same sentence"
    ),
    "duplicate": "stated twice in the same words (one is kept)",
    "both_directions": (
        "an antisymmetric fact whose reverse is stated too: one of the two is wrong, so both count (kept: "
        "one of them is)"
    ),
    "both_sides": "stated from both sides, as symmetric facts rightly are (one is kept)",
    "same_text": (
        "reads like another fact of its property, about other entities with the same labels (one is kept)"
    ),
}
# What may be wrong with the rows of a benchmark, seen from its evaluation parts.
ROW_FINDINGS = {
    "twin": (
        "a validation or test fact whose entity pair also stands in the training part (its reverse, or in "
        "another property)"
    ),
    "homonym": (
        "a validation or test row that is no twin, whose premise or hypothesis stands word for word in the "
        "training part"
    ),
    "imbalance": (
        "a part whose kinds differ in their number of facts, once rows were dropped (counted: the surplus)"
    ),
}
FINDINGS = {**FACT_FINDINGS, **ROW_FINDINGS}
# What cannot be kept: no sentence or no honest label could be made of it, or two rows would have one id.
ONLY_DROP = ("no_label", "same_entity", "duplicate", "both_sides")
# The authors' rule has twins by design; taking the rows away would leave no test part. A name may be None or
# hold a soft hyphen, and several senses of a word have one name. Everything else is dropped unless the
# configuration says otherwise.
KEPT_UNDECIDED = ("twin", "invisible_label", "missing_label", "cleaned_alike")
# Findings that are told as soon as they are met, since they often mean that labels are to be read otherwise.
TOLD = ("padded_label", "invisible_label", "missing_label", "cleaned_alike")


@dataclass
class Audit:
    """Decides on findings and keeps the account of them.

    Args:
        mode: "strict" (a finding that no one decided on is an error) or "warn" (it is dropped, or kept if it
            is one of ``KEPT_UNDECIDED``).
        decisions: finding -> "drop", "keep" or None (undecided).
        found: the account, finding -> the fields of ``relsym.runs.manifest.Finding``; starts empty.

    Raises:
        ValueError: an unknown mode, finding or decision.
    """

    mode: str = WARNING_AUDIT
    decisions: Mapping[str, str | None] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("audit", self.mode, (STRICT_AUDIT, WARNING_AUDIT))
        for name, decision in self.decisions.items():
            if name not in FINDINGS:
                raise ValueError(f"data.findings.{name}: no such finding. Findings: {', '.join(FINDINGS)}.")
            if decision is not None and decision not in decisions_on(name):
                choices = " or ".join(decisions_on(name))
                raise ValueError(
                    f"data.findings.{name}={decision}: expected {choices} (or null: the audit decides)."
                )

    def decide(
        self, name: str, count: int, examples: Iterable[str], by_property: Mapping[str, int] | None = None
    ) -> bool:
        """Record a finding; True if the rows that it names are to be dropped.

        ``removed`` stays 0 in the account until whoever drops the rows fills it in.
        """
        configured = self.decisions.get(name)
        by_default = KEEP if name in KEPT_UNDECIDED else DROP
        decision = configured or by_default
        self.found[name] = {
            "count": count,
            "decision": decision,
            "decided": configured is not None,
            "by_property": dict(by_property or {}),
            "removed": 0,
            "examples": list(examples)[:EXAMPLES],
        }
        return decision == DROP

    @property
    def dropped(self) -> Counter[str]:
        """Facts dropped, by finding."""
        facts: Counter[str] = Counter()
        for name, entry in self.found.items():
            # What was removed for a finding about rows are rows, which the account of facts cannot add up.
            if name in FACT_FINDINGS and entry["removed"]:
                facts[name] = entry["removed"]
        return facts

    def enforce(self) -> None:
        """Under ``strict``, refuse findings that nobody decided on.

        Raises:
            ValueError: with the count and up to five examples of each.
        """
        if self.mode != STRICT_AUDIT:
            return
        questions = []
        for name, entry in self.found.items():
            if entry["count"] and not entry["decided"]:
                questions.append(_question(name, entry))
        if questions:
            listed = "\n".join(questions)
            raise ValueError(f"the audit found what has to be decided on (audit=strict):\n{listed}")

    def told(self) -> list[str]:
        """A line for each of the findings ``TOLD`` that was made and that nobody decided on."""
        lines = []
        for name in TOLD:
            entry = self.found.get(name)
            if entry and entry["count"] and not entry["decided"]:
                done = "dropped" if entry["decision"] == DROP else "kept"
                other = " or ".join(decisions_on(name))
                examples = "; ".join(entry["examples"][:EXAMPLES_TOLD])
                lines.append(
                    f"{name}: {entry['count']} {done} ({FINDINGS[name]}). Decide with "
                    f"data.findings.{name}={other}. Such as: {examples}."
                )
        return lines

    def drop_facts(self, facts: pl.DataFrame, name: str, is_found: pl.Expr) -> pl.DataFrame:
        """Look for one finding among the facts and drop them unless they are to be kept."""
        # A condition that is null finds nothing; left null, both filters below would lose the fact.
        marked = facts.with_columns(is_found.fill_null(False).alias("found"))
        rows = marked.filter("found")
        sizes = rows.group_by("property").len().sort("len", "property", descending=[True, False])
        by_property = dict(sizes.iter_rows())
        examples = [_fact(row) for row in rows.head(EXAMPLES).iter_rows(named=True)]
        if self.decide(name, rows.height, examples, by_property):
            self.found[name]["removed"] = rows.height
            marked = marked.filter(~pl.col("found"))
        return marked.drop("found")


def decisions_on(name: str) -> tuple[str, ...]:
    """What can be decided about a finding."""
    return (DROP,) if name in ONLY_DROP else (DROP, KEEP)


def _fact(row: dict[str, Any]) -> str:
    """A fact in one line, with its ids and labels: an example of a finding."""
    subject = f"{row['subject']} ({_short(row['subject_label'])})"
    object = f"{row['object']} ({_short(row['object_label'])})"
    return f"{row['property']}: {subject} -> {object}"


def _short(label: str | None) -> str:
    if label is None:
        return "no label"
    return repr(label[:60])  # repr, so that control and direction marks are seen


def _question(name: str, entry: dict[str, Any]) -> str:
    """An undecided finding: its count and meaning, how to decide on it, and its examples below."""
    decisions = "|".join(decisions_on(name))
    lines = [f"{name}: {entry['count']} ({FINDINGS[name]}). Decide with data.findings.{name}={decisions}."]
    for example in entry["examples"]:
        lines.append(f"    {example}")
    return "\n".join(lines)
