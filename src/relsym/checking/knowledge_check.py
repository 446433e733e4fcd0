"""``relsym.check_statements``: every rule over the statements of a knowledge base."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from relsym.checking.circles import sizes_of, tangles
from relsym.checking.constraints import WIKIDATA_TABLE, Constraints, read_constraints
from relsym.checking.findings import ERROR, FINDING_SCHEMA, RULES, Findings, Names, findings_table, slices
from relsym.checking.kinds import DeclaredKind, declared_kinds
from relsym.checking.rules import LOOK, Checked, unchecked
from relsym.checking.statements import StatementSet
from relsym.data.relation_bank import read_property_table
from relsym.data.relations import ANTISYMMETRIC, Relation, select_relations
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA, label_frame, triple_frame

# Findings that are text at a time.
TEXT_AT_A_TIME = 100_000


@dataclass(frozen=True)
class KnowledgeCheck:
    """What the rules found.

    Attributes:
        statements: that were looked at.
        relations: what is declared of each property.
        constraints: what properties say about each other.
        findings: by rule in the order of ``RULES``, then by property in the order of the property table, then
            by the numbers of the entities.
        kinds: how each property is used.
        tangles: of each antisymmetric property that has any, how many entities each of its strongly connected
            components of two or more has, the largest first.
        unchecked: what could not be looked at, in words.
        names: of entities and properties.
    """

    statements: StatementSet
    relations: Mapping[str, Relation]
    constraints: Constraints
    findings: tuple[Findings, ...]
    kinds: tuple[DeclaredKind, ...]
    tangles: Mapping[str, list[int]]
    unchecked: tuple[str, ...]
    names: Names

    def __len__(self) -> int:
        """The number of findings."""
        return sum(len(of_rule) for of_rule in self.findings)

    def counts(self) -> dict[str, dict[str, int]]:
        """The number of findings by rule and property, where there are any."""
        counts: dict[str, dict[str, int]] = {}
        for findings in self.findings:
            of_rule = counts.setdefault(findings.rule, {})
            of_rule[findings.property] = of_rule.get(findings.property, 0) + len(findings)
        return counts

    def looked_at(self) -> int:
        """The number of distinct statements of the property table's properties."""
        return sum(self.statements.codes(property).size for property in self.relations)

    def errors(self) -> int:
        """The number of findings that contradict what is declared."""
        return sum(len(of_rule) for of_rule in self.findings if of_rule.severity == ERROR)

    def statements_of(self, rule: str) -> pl.DataFrame:
        """Subject, property and object of the findings of one rule (columns ``TRIPLE_SCHEMA``)."""
        tables = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        for findings in self.findings:
            if findings.rule == rule and findings.subjects is not None and findings.objects is not None:
                subjects, objects = (self.statements.ids(e) for e in (findings.subjects, findings.objects))
                property = pl.Series([findings.property]).new_from_index(0, len(findings))
                table = {"subject": subjects, "property": property, "object": objects}
                tables.append(pl.DataFrame(table, schema=TRIPLE_SCHEMA))
        return pl.concat(tables)

    def table(self, rules: Collection[str] | None = None) -> pl.DataFrame:
        """The findings as a table (columns ``FINDING_SCHEMA``), of some rules or of all."""
        tables = [pl.DataFrame(schema=FINDING_SCHEMA)]
        return pl.concat([*tables, *self.blocks(rules)])

    def blocks(self, rules: Collection[str] | None = None) -> Iterator[pl.DataFrame]:
        """The same in parts, so that a knowledge base of millions is never text all at once."""
        for findings in self.findings:
            if rules is None or findings.rule in rules:
                for rows in slices(findings, TEXT_AT_A_TIME):
                    yield findings_table(findings, self.statements, self.names, rows)


def check_statements(
    triples: pl.DataFrame | Iterable[tuple[str, str, str]],
    labels: pl.DataFrame | Mapping[str, str] | None = None,
    property_table: str | Path | None = "extended",
    properties: list[str] | None = None,
    constraints: str | Path | None = WIKIDATA_TABLE,
    rules: Collection[str] | None = None,
) -> KnowledgeCheck:
    """Find what contradicts and what is missing among statements.

    ::

        from relsym import check_statements

        result = check_statements([("Q1", "P47", "Q2"), ("Q3", "P40", "Q4"), ("Q4", "P40", "Q3")])
        result.table()    # a polars table: rule, severity, property, subject, object, evidence ...

    Args:
        triples: subject, property and object of each statement: a table with these columns, or tuples.
            Statements of properties that the table lacks are left out.
        labels: of entities, as a table (entity, label) or by id.
        property_table: "paper", "extended", another one that comes with relsym, or a YAML file: which
            properties are symmetric, antisymmetric or neither.
        properties: those to check; None takes all.
        constraints: what properties say about each other: "wikidata", a YAML file, or None.
        rules: some of ``relsym.checking.findings.RULES``; None takes all.

    Raises:
        ValueError: a table without these columns, an empty id, an unknown property or rule.
    """
    relations = select_relations(read_property_table(property_table), properties, neutral=True)
    between = read_constraints(constraints)
    stated = triples if isinstance(triples, pl.DataFrame) else triple_frame(triples)
    _check_table(stated, TRIPLE_SCHEMA, "triples")
    named = labels if isinstance(labels, pl.DataFrame) else label_frame(dict(labels or {}))
    _check_table(named, LABEL_SCHEMA, "labels")
    chosen = stated.filter(pl.col("property").is_in([*relations, *between.properties()]))
    return checked(chosen, named, relations, between, rules)


def checked(
    triples: pl.DataFrame,
    labels: pl.DataFrame,
    relations: Mapping[str, Relation],
    constraints: Constraints,
    rules: Collection[str] | None,
) -> KnowledgeCheck:
    """Look for everything that the rules say, in statements of these properties.

    Args:
        triples: columns ``TRIPLE_SCHEMA``; of the properties of the table, and of those that only constraints
            name.
        labels: columns ``LABEL_SCHEMA``.
        relations: the property table.
        constraints: what properties say about each other.
        rules: some of ``RULES``; None takes all.

    Raises:
        ValueError: an unknown rule.
    """
    chosen = chosen_rules(rules)
    statements = StatementSet(triples)
    kinds = tuple(declared_kinds(statements, relations))
    components = {}
    for property, relation in relations.items():
        if relation.kind == ANTISYMMETRIC and property in statements:
            components[property] = tangles(statements.proper(property))
    look = Checked(statements, relations, constraints, kinds, components)
    findings: list[Findings] = []
    for rule in chosen:
        findings += [of_property for of_property in LOOK[rule](look) if len(of_property)]
    names = {property: relation.name for property, relation in relations.items()}
    return KnowledgeCheck(
        statements,
        relations,
        constraints,
        tuple(findings),
        kinds,
        {property: sizes_of(of_property) for property, of_property in components.items() if of_property},
        tuple(unchecked(look)),
        Names(labels.unique("entity", keep="first", maintain_order=True), names),
    )


def chosen_rules(rules: Collection[str] | None) -> list[str]:
    """The rules that were asked for, in the order of ``RULES``.

    Raises:
        ValueError: an unknown one, or none.
    """
    if rules is None:
        return list(RULES)
    unknown = [rule for rule in rules if rule not in RULES]
    if unknown or not rules:
        wrong = ", ".join(map(str, unknown)) or "[]"
        raise ValueError(f"check.rules: {wrong}: expected some of {', '.join(RULES)}.")
    return [rule for rule in RULES if rule in rules]


def _check_table(table: pl.DataFrame, schema: Mapping[str, Any], what: str) -> None:
    """Refuse a table with other columns, or with an id that is empty or missing."""
    for column in schema:
        if column not in table.columns or table[column].dtype != pl.String:
            raise ValueError(
                f"{what}: expected text columns {', '.join(schema)}, got "
                f"{', '.join(f'{name} ({dtype})' for name, dtype in table.schema.items())}."
            )
        if column != "label" and not (table[column].fill_null("") != "").all():
            raise ValueError(f"{what}: column {column} has an empty or missing value.")
