"""What a benchmark is to be made of, and the account of the one that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import polars as pl

from relsym import __version__
from relsym.data.audit import Audit
from relsym.data.benchmark import SymmetryBenchmark, table_hash
from relsym.data.facts import reverse_stated
from relsym.data.folds import REWORDED, folds, trained_pairs
from relsym.data.relations import Relation
from relsym.data.splits import TRAIN, VALIDATION_SHARE
from relsym.ranges import PositiveInt
from relsym.runs.manifest import AuditAccount, Finding, Fold, Manifest, Property, SourceAccount

SHARED = 0.1  # the manifest names properties that share at least a tenth of their entity pairs


@dataclass(frozen=True)
class Plan:
    """What a benchmark is made of.

    Attributes:
        name: of the benchmark.
        examples: facts asked about, over all parts, 65 / 10 / 25 %; scaled down in the same proportions where
            the source has fewer; None takes all that keep the kinds balanced.
        variants: what is asked of each fact.
        both_directions: a fact and its reverse are two examples, as in the authors' split rule; else one of
            them is drawn.
        hold_out: adds folds that hold out relations, entities and templates.
    """

    name: str
    examples: PositiveInt | None
    variants: list[str]
    both_directions: bool
    hold_out: bool

    def __post_init__(self) -> None:
        # The smallest part is to have two examples, one of each kind.
        fewest = 2 / VALIDATION_SHARE
        if self.examples is not None and self.examples < fewest:
            raise ValueError(
                f"benchmark.examples={self.examples}: a number of at least {fewest:.0f}, so that every part "
                "has rows of both kinds, or null for all."
            )
        if not self.variants or len(set(self.variants)) < len(self.variants):
            raise ValueError(f"benchmark.variants={self.variants}: name at least one, and none twice.")


def manifest_of(
    plan: Plan, benchmark: SymmetryBenchmark, seed: int, scaled: bool, parts: Mapping[str, pl.DataFrame]
) -> Manifest:
    """The manifest before its files are written.

    It holds no times and no paths, so that two builds are byte-identical.

    Args:
        plan: what the benchmark is made of.
        benchmark: the facts it was drawn from.
        seed: of the draw.
        scaled: whether the source had too few facts for ``plan.examples``.
        parts: the rows of each part.
    """
    table = pl.concat(parts.values())
    # A fault of ours, not of the data: rows are found again by their pair_id.
    if table["pair_id"].n_unique() < table.height:
        raise AssertionError("two rows of the benchmark have one pair_id.")
    with_rows = set(table["property"].unique())
    present = [property for property in benchmark.relations if property in with_rows]
    return Manifest(
        relsym=__version__,
        seed=seed,
        scaled_down=scaled,
        **_entries_of_plan(plan),
        **_entries_of_facts(benchmark),
        **_entries_of_rows(table, parts),
        folds=_folds(plan, benchmark, present),
        trained_pairs=trained_pairs(benchmark.relations, present) if plan.hold_out else [],
        files={},
    )


def _entries_of_plan(plan: Plan) -> dict[str, Any]:
    """The entries of the manifest that say what was asked for."""
    # Reworded rows are scored where they are held out; elsewhere only if there are no others.
    scored = [name for name in plan.variants if name != REWORDED]
    return {
        "benchmark": plan.name,
        "examples_asked": plan.examples,
        "variants": list(plan.variants),
        "score_variants": scored or list(plan.variants),
        "both_directions": plan.both_directions,
    }


def _entries_of_facts(benchmark: SymmetryBenchmark) -> dict[str, Any]:
    """The entries of the manifest about the source and all facts that could be drawn."""
    relations = {}
    for property, relation in benchmark.relations.items():
        relations[property] = _property(relation)
    return {
        "split": benchmark.split,
        "split_seed": benchmark.split_seed,
        "source": _source(benchmark),
        "relations": relations,
        "reverse_stated": reverse_stated(benchmark.source),
        "audit": _account(benchmark.audit),
        "shared_pairs": shared_pairs(benchmark.facts),
    }


def _entries_of_rows(table: pl.DataFrame, parts: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    """The entries of the manifest about the rows: ``table`` has those of all ``parts``."""
    # A fact of which both directions were drawn counts once here, and as two examples.
    facts = table.select("property", "group_id").n_unique()
    examples = table.select("split", "fact_id").n_unique()
    return {
        "content_hash": table_hash(table),
        "examples": examples,
        "facts_drawn": facts,
        "rows": {split: rows.height for split, rows in parts.items()},
        "counts": _counts(parts, "property"),
        "labels": _counts(parts, "label"),
        "labels_by_variant": _counts(parts, "variant", "label"),
        "entity_overlap": _entity_overlap(parts),
    }


def _source(benchmark: SymmetryBenchmark) -> SourceAccount:
    source = benchmark.source
    return SourceAccount(
        origin=source.origin,
        licence=source.licence,
        language=source.language,
        statements_read=source.read,
        facts_kept=benchmark.facts.height,
        dropped=dict(source.dropped + benchmark.audit.dropped),
        notes=dict(source.notes),
        labelled=source.labelled,
        named_by_ids=source.named_by_ids,
        wikidata=source.wikidata,
        made_up=source.made_up,
    )


def _property(relation: Relation) -> Property:
    """A relation as it is stored; fields that are empty, and those that rows are made by, are left away."""
    fields = asdict(replace(relation, kept=None, reworded=None, implied=()))
    stated = {key: value for key, value in fields.items() if value}
    return Property(**stated)


def _account(audit: Audit) -> AuditAccount:
    findings = {}
    for name, entry in audit.found.items():
        findings[name] = Finding(**entry)
    return AuditAccount(audit.mode, findings)


def _folds(plan: Plan, benchmark: SymmetryBenchmark, present: list[str]) -> dict[str, Fold]:
    """The folds that the rows allow: those whose variants are among the benchmark's."""
    if not plan.hold_out:
        return {}
    variants = set(plan.variants)
    allowed = {}
    for name, fold in folds(benchmark.relations, present).items():
        if variants.issuperset(fold.variants):
            allowed[name] = fold
    return allowed


def shared_pairs(facts: pl.DataFrame) -> dict[str, float]:
    """Properties that speak about the same entity pairs (``P131 P361``), with the share, largest first.

    The share is that of the smaller property's pairs; those below ``SHARED`` are left away.
    """
    stated = facts.select("property", "group_id").unique()
    pairs_of = dict(stated.group_by("property").len().iter_rows())
    joined = stated.join(stated, on="group_id", suffix="_other")
    both = joined.filter(pl.col("property") < pl.col("property_other"))  # each two of them once
    counts = both.group_by("property", "property_other").len().sort("property", "property_other")
    shares = {}
    for first, second, count in counts.iter_rows():
        of_smaller = min(pairs_of[first], pairs_of[second])
        share = round(count / of_smaller, 4)
        if share >= SHARED:
            shares[f"{first} {second}"] = share
    # Sorting is stable: equal shares stay in the order of their properties.
    return dict(sorted(shares.items(), key=lambda entry: -entry[1]))


def _counts(parts: Mapping[str, pl.DataFrame], *columns: str) -> dict[str, dict[str, int]]:
    """Rows by part and the values of some columns."""
    value = pl.concat_str(columns, separator=" ").alias("value")
    counts = {}
    for split, rows in parts.items():
        table = rows.group_by(value).len().sort("value")
        counts[split] = dict(table.iter_rows())
    return counts


def _entity_overlap(parts: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    """The share of an evaluation part's entities that also occur in the training part."""
    trained = _entities(parts[TRAIN]).implode()
    shares = {}
    for split, rows in parts.items():
        if split != TRAIN:
            share = _entities(rows).is_in(trained).mean()
            shares[split] = round(float(share or 0.0), 6)  # None where the part has no rows left
    return shares


def _entities(rows: pl.DataFrame) -> pl.Series:
    """The distinct entities of premises."""
    subjects, objects = rows["subject_id"], rows["object_id"]
    return pl.concat([subjects, objects.alias("subject_id")]).unique()
