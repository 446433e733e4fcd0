"""What a benchmark is to be made of, and what is told of the one that was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

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

SHARED = 0.1  # properties that share a tenth of their entity pairs are told


@dataclass(frozen=True)
class Plan:
    """What a benchmark is made of.

    name: of the benchmark.  examples: facts asked about, over all parts, 65 / 10 / 25 %; scaled down in the
    same proportions where the source has fewer; None takes all that keep the kinds balanced.  variants: what
    is asked of each fact. both_directions: a fact and its reverse are two examples, as in the authors' split
    rule; else one of them is drawn. hold_out: adds folds that hold out relations, entities and templates.
    """

    name: str
    examples: PositiveInt | None
    variants: list[str]
    both_directions: bool
    hold_out: bool

    def __post_init__(self) -> None:
        if self.examples is not None and self.examples < 2 / VALIDATION_SHARE:
            raise ValueError(
                f"benchmark.examples={self.examples}: a number of at least {2 / VALIDATION_SHARE:.0f}, so "
                "that every part has "
                "rows of both kinds, or null for all."
            )
        if not self.variants or len(set(self.variants)) < len(self.variants):
            raise ValueError(f"benchmark.variants={self.variants}: name at least one, and none twice.")


def manifest_of(
    plan: Plan, benchmark: SymmetryBenchmark, seed: int, scaled: bool, parts: Mapping[str, pl.DataFrame]
) -> Manifest:
    """The manifest before its files are written: no times and no paths, so that two builds are
    byte-identical.

    Args:
        scaled: whether the source had too few facts for ``plan.examples``.  parts: the rows of each part.
    """
    table = pl.concat(parts.values())
    if table["pair_id"].n_unique() < table.height:
        raise AssertionError("two rows of the benchmark have one pair_id.")
    properties = set(table["property"].unique())
    present = [property for property in benchmark.relations if property in properties]
    scored = [name for name in plan.variants if name != REWORDED]
    return Manifest(
        relsym=__version__,
        benchmark=plan.name,
        content_hash=table_hash(table),
        examples_asked=plan.examples,
        examples=table.select("split", "fact_id").n_unique(),
        scaled_down=scaled,
        rows={split: rows.height for split, rows in parts.items()},
        variants=list(plan.variants),
        score_variants=scored or list(plan.variants),
        both_directions=plan.both_directions,
        split=benchmark.split,
        split_seed=benchmark.split_seed,
        seed=seed,
        source=_source(benchmark),
        relations={property: _property(relation) for property, relation in benchmark.relations.items()},
        reverse_stated=reverse_stated(benchmark.source),
        audit=_account(benchmark.audit),
        facts_drawn=table.select("property", "group_id").n_unique(),
        counts=_counts(parts, "property"),
        labels=_counts(parts, "label"),
        labels_by_variant=_counts(parts, "variant", "label"),
        shared_pairs=shared_pairs(benchmark.facts),
        entity_overlap=_entity_overlap(parts),
        folds=_folds(plan, benchmark, present),
        trained_pairs=trained_pairs(benchmark.relations, present) if plan.hold_out else [],
        files={},
    )


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
    )


def _property(relation: Relation) -> Property:
    """A relation as it is stored; what is empty is not there."""
    fields = {key: value for key, value in asdict(relation).items() if value}
    return Property(**fields)


def _account(audit: Audit) -> AuditAccount:
    return AuditAccount(audit.mode, {name: Finding(**entry) for name, entry in audit.found.items()})


def _folds(plan: Plan, benchmark: SymmetryBenchmark, present: list[str]) -> dict[str, Fold]:
    """The folds that the rows allow: those whose variants are there."""
    if not plan.hold_out:
        return {}
    every = folds(benchmark.relations, present)
    return {name: fold for name, fold in every.items() if set(fold.variants) <= set(plan.variants)}


def shared_pairs(facts: pl.DataFrame) -> dict[str, float]:
    """Properties that speak about the same entity pairs: the share of the smaller one's, from ``SHARED`` on,
    largest first.
    """
    stated = facts.select("property", "group_id").unique()
    sizes_of = dict(stated.group_by("property").len().iter_rows())
    both = stated.join(stated, on="group_id", suffix="_other").filter(
        pl.col("property") < pl.col("property_other")
    )
    counts = both.group_by("property", "property_other").len().sort("property", "property_other")
    shares = {
        f"{one} {other}": round(count / min(sizes_of[one], sizes_of[other]), 4)
        for one, other, count in counts.iter_rows()
    }
    return dict(
        sorted(
            ((pair, share) for pair, share in shares.items() if share >= SHARED), key=lambda item: -item[1]
        )
    )


def _counts(parts: Mapping[str, pl.DataFrame], *columns: str) -> dict[str, dict[str, int]]:
    """Rows by part and the values of some columns."""
    value = pl.concat_str(columns, separator=" ").alias("value")
    return {
        split: dict(rows.group_by(value).len().sort("value").iter_rows()) for split, rows in parts.items()
    }


def _entity_overlap(parts: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    """The share of an evaluation part's entities that also occur in the training part."""
    entities_of = {
        split: pl.concat([rows["subject_id"], rows["object_id"].alias("subject_id")]).unique()
        for split, rows in parts.items()
    }
    return {
        split: round(float(names.is_in(entities_of[TRAIN].implode()).mean() or 0.0), 6)
        for split, names in entities_of.items()
        if split != TRAIN
    }
