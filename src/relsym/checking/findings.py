"""What a rule finds: statements that contradict each other, and statements that are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from jaxtyping import UInt32
from numpy import ndarray

from relsym.checking.statements import StatementSet

SLOT = re.compile(r"(\[[XY]\])")
ERROR, WARNING, INFO = "error", "warning", "info"
# Each rule with how grave it is and what it looks for, in the order of the findings.
RULES = {
    "reversed_antisymmetric": (ERROR, "an antisymmetric property states both r(x, y) and r(y, x)"),
    "reversed_inverse": (ERROR, "r(x, y) and s(x, y) are stated, and s is an inverse of the antisymmetric r"),
    "self_loop": (ERROR, "an antisymmetric property states r(x, x); of a symmetric one it is a warning"),
    "exclusive": (WARNING, "two properties that hardly go together are stated of the same two entities"),
    "cycle": (WARNING, "an antisymmetric property leads round three or more entities back to the first"),
    "kind_contradicted": (WARNING, "a property is used in another way than its declared kind says"),
    "missing_reverse": (INFO, "a symmetric property states r(x, y), and r(y, x) is missing in this file"),
    "missing_inverse": (INFO, "r(x, y) is stated, and no inverse s(y, x) is, in this file"),
}
FINDING_SCHEMA = {
    "rule": pl.String,
    "severity": pl.String,
    "property": pl.String,
    "property_name": pl.String,
    "subject": pl.String,
    "subject_label": pl.String,
    "object": pl.String,
    "object_label": pl.String,
    "evidence": pl.String,
    "suggestion": pl.String,
}


@dataclass(frozen=True)
class Findings:
    """What one rule found of one property.

    Attributes:
        rule: a key of ``RULES``.
        property: its id.
        subjects, objects: the entities of each finding, by their numbers; None where a finding is about the
            property as a whole, and there is one.
        evidence: what was found: one text for all, with [X] and [Y] for the ids of subject and object, or a
            whole text for each.
        suggestion: what may be done about it, with [X] and [Y] likewise.
        milder: a severity in the place of the rule's own.
    """

    rule: str
    property: str
    subjects: UInt32[ndarray, " n"] | None
    objects: UInt32[ndarray, " n"] | None
    evidence: str | Sequence[str]
    suggestion: str
    milder: str | None = None

    def __len__(self) -> int:
        return 1 if self.subjects is None else self.subjects.size

    @property
    def severity(self) -> str:
        """error, warning or info."""
        return self.milder or RULES[self.rule][0]


@dataclass(frozen=True)
class Names:
    """What entities and properties are called.

    Attributes:
        labels: columns entity and label, each entity once.
        properties: names of properties, by id.
    """

    labels: pl.DataFrame
    properties: dict[str, str]


def findings_table(
    findings: Findings, statements: StatementSet, names: Names, rows: slice = slice(None)
) -> pl.DataFrame:
    """Some findings as a table (columns ``FINDING_SCHEMA``); what has no label has an empty one.

    Args:
        rows: which of them.
    """
    if findings.subjects is None or findings.objects is None:
        subjects = objects = pl.Series([""], dtype=pl.String)
    else:
        subjects = statements.ids(findings.subjects[rows])
        objects = statements.ids(findings.objects[rows])
    evidence = findings.evidence
    texts = _with_ids(evidence) if isinstance(evidence, str) else pl.Series(evidence[rows], dtype=pl.String)
    ends = pl.DataFrame({"subject": subjects, "object": objects})
    for end in ("subject", "object"):
        of_end = names.labels.select("entity", "label").rename({"entity": end, "label": f"{end}_label"})
        ends = ends.join(of_end, on=end, how="left", maintain_order="left")
    table = ends.with_columns(
        rule=pl.lit(findings.rule),
        severity=pl.lit(findings.severity),
        property=pl.lit(findings.property),
        property_name=pl.lit(names.properties.get(findings.property, "")),
        evidence=texts,
        suggestion=_with_ids(findings.suggestion),
    )
    filled = [pl.col(column).fill_null("") for column in ("subject_label", "object_label")]
    return table.with_columns(filled).select(*FINDING_SCHEMA)


def slices(findings: Findings, size: int) -> Iterator[slice]:
    """Parts of so many findings, so that not all of them are text at once."""
    for start in range(0, len(findings), size):
        yield slice(start, start + size)


def _with_ids(template: str) -> pl.Expr:
    """A text with the ids of subject and object in the place of [X] and [Y]."""
    ends = {"[X]": pl.col("subject"), "[Y]": pl.col("object")}
    parts = [ends.get(part, pl.lit(part)) for part in SLOT.split(template)]
    return pl.concat_str(parts)
