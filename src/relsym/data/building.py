"""Facts -> a benchmark on disk: rows of each part as Parquet, a manifest, and a data card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Any

import polars as pl

from relsym import __version__
from relsym.data.audit import EXAMPLES, Audit
from relsym.data.benchmark import SymmetryBenchmark, table_hash
from relsym.data.facts import reverse_stated
from relsym.data.folds import REWORDED, folds, trained_pairs
from relsym.data.pairs import check_wordings, pair_table
from relsym.data.splits import SPLITS, TEST_SHARE, TRAIN, TRAIN_SHARE, VALIDATION_SHARE, entities

MANIFEST, CARD, DATA = "manifest.json", "README.md", "data"
SHARES = dict(zip(SPLITS, (TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE), strict=True))


@dataclass(frozen=True)
class Plan:
    """What a benchmark is made of.

    name: of the benchmark.  examples: facts asked about, over all parts, 65 / 10 / 25 %; scaled down in the same proportions where the
    source has fewer; None takes all that keep the kinds balanced.  variants: what is asked of each fact.
    both_directions: a fact and its reverse are two examples, as in the authors' split rule; else one of them is drawn.
    hold_out: adds folds that hold out relations, entities and templates.
    """

    name: str
    examples: int | None
    variants: list[str]
    both_directions: bool
    hold_out: bool

    def __post_init__(self) -> None:
        if self.examples is not None and self.examples < 2 * len(SPLITS):
            raise ValueError(f"benchmark.examples={self.examples}: at least {2 * len(SPLITS)}, two kinds in each of {len(SPLITS)} parts.")


@dataclass(frozen=True)
class Built:
    """A benchmark before it is written: its rows by part, and everything the manifest and the card say about it."""

    rows: dict[str, pl.DataFrame]
    manifest: dict[str, Any]


def build(plan: Plan, benchmark: SymmetryBenchmark, seed: int) -> Built:
    """Draw the facts of every part, put them into words, audit the rows.

    Args:
        benchmark: the facts, with their sides of the split.  seed: which facts are drawn where there are more than ``plan.examples``.

    Raises:
        ValueError: a part without facts of both kinds, a wording that is missing, a finding under ``audit=strict``.
    """
    check_wordings(benchmark.relations, plan.variants)
    drawn = {split: benchmark.draw(split, seed, both=plan.both_directions) for split in SPLITS}
    wanted = sizes({split: facts.height for split, facts in drawn.items()}, plan.examples, len(benchmark.kinds))
    facts = pl.concat([drawn[split].head(count) for split, count in wanted.items()])
    if plan.hold_out:
        facts = facts.with_columns(entities(facts, benchmark.split_seed)["forward"].alias("split_entities"))
    table = pair_table(facts, benchmark.relations, plan.variants, carried=["split_entities"] if plan.hold_out else [])
    rows = audited(table, benchmark.audit)
    parts = {split: rows.filter(pl.col("split") == split) for split in SPLITS}
    return Built(parts, _manifest(plan, benchmark, seed, wanted, parts))


def sizes(available: Mapping[str, int], examples: int | None, kinds: int) -> dict[str, int]:
    """Facts of each part: their shares of ``examples``, all scaled by the part that has least of its share; multiples of ``kinds``."""
    if examples is None:
        return dict(available)
    scale = min(1.0, *(available[split] / (examples * share) for split, share in SHARES.items()))
    return {split: int(examples * share * scale / kinds + 1e-9) * kinds for split, share in SHARES.items()}


def audited(table: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    """Rows less those with findings that are to be dropped.

    Raises:
        ValueError: under ``audit=strict``, a finding that nobody decided on.
    """
    trained = table.filter(pl.col("split") == TRAIN)
    is_twin = pl.col("group_id").is_in(trained["group_id"].unique().implode())
    table = _drop_rows(table, audit, "twin", is_twin)
    said = pl.concat([trained["premise"], trained["hypothesis"].alias("premise")]).unique().implode()
    table = _drop_rows(table, audit, "homonym", ~is_twin & (pl.col("premise").is_in(said) | pl.col("hypothesis").is_in(said)))
    counts = table.group_by("split", "kind").len().group_by("split", maintain_order=True).agg(
        surplus=pl.col("len").max() - pl.col("len").min(), told=pl.concat_str("kind", pl.lit(" "), "len").sort().str.join(", "))
    uneven = counts.filter(pl.col("surplus") > 0).sort("split")
    audit.decide("imbalance", int(uneven["surplus"].sum()), (f"{split}: {told}" for split, _, told in uneven.iter_rows()))
    audit.enforce()
    return table


def write(built: Built, folder: Path) -> dict[str, Any]:
    """Write Parquet files into a new folder and return the manifest, which names their digests; the caller writes it last."""
    folder.mkdir()
    files = {}
    for split, rows in built.rows.items():
        path = folder / f"{split}.parquet"
        rows.write_parquet(path, compression="zstd", statistics=False)
        files[f"{DATA}/{path.name}"] = {"rows": rows.height, "bytes": path.stat().st_size, "sha256": digest(path)}
    return {**built.manifest, "files": files}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _drop_rows(table: pl.DataFrame, audit: Audit, name: str, is_found: pl.Expr) -> pl.DataFrame:
    """Look for one finding among the rows of the evaluation parts; a fact goes with all its rows."""
    rows = table.filter(pl.col("split") != TRAIN, is_found)
    examples = (f"{row['split']}: {row['pair_id']}: {row['premise']}" for row in rows.head(EXAMPLES).iter_rows(named=True))
    if not audit.decide(name, rows.height, examples) or rows.is_empty():
        return table
    gone = pl.struct("split", "fact_id").is_in(rows.select(pl.struct("split", "fact_id")).unique().to_series().implode())
    return table.filter(~gone)


def _manifest(plan: Plan, benchmark: SymmetryBenchmark, seed: int, wanted: Mapping[str, int],
              parts: Mapping[str, pl.DataFrame]) -> dict[str, Any]:
    table = pl.concat(parts.values())
    present = [p for p in benchmark.relations if p in set(table["property"].unique())]
    found = {name: asdict(fold) for name, fold in folds(benchmark.relations, present).items()} if plan.hold_out else {}
    return {
        "relsym": __version__, "benchmark": plan.name, "content_hash": table_hash(table), "examples_asked": plan.examples,
        "examples": sum(wanted.values()), "rows": {split: rows.height for split, rows in parts.items()}, "variants": list(plan.variants),
        "score_variants": [name for name in plan.variants if name != REWORDED], "both_directions": plan.both_directions,
        "split": benchmark.split, "split_seed": benchmark.split_seed, "seed": seed,
        "source": {"origin": benchmark.source.origin, "licence": benchmark.source.licence, "statements_read": benchmark.source.read,
                   "facts_kept": benchmark.facts.height, "dropped": dict(benchmark.source.dropped + benchmark.audit.dropped),
                   "notes": dict(benchmark.source.notes)},
        "relations": {p: {key: value for key, value in asdict(r).items() if value} for p, r in benchmark.relations.items()},
        "reverse_stated": reverse_stated(benchmark.source), "audit": {"mode": benchmark.audit.mode, "found": benchmark.audit.found},
        "counts": _counts(parts), "entity_overlap": _entity_overlap(parts), "folds": found,
        "trained_pairs": trained_pairs(benchmark.relations, present) if plan.hold_out else [],
    }


def _counts(parts: Mapping[str, pl.DataFrame]) -> dict[str, dict[str, int]]:
    """Rows by part and property."""
    return {split: dict(rows.group_by("property").len().sort("property").iter_rows()) for split, rows in parts.items()}


def _entity_overlap(parts: Mapping[str, pl.DataFrame]) -> dict[str, float]:
    """The share of an evaluation part's entities that also occur in the training part."""
    entities_of = {split: pl.concat([rows["subject_id"], rows["object_id"].alias("subject_id")]).unique() for split, rows in parts.items()}
    return {split: round(float(names.is_in(entities_of[TRAIN].implode()).mean() or 0.0), 6)
            for split, names in entities_of.items() if split != TRAIN}
