"""Facts -> a benchmark on disk: rows of each part as Parquet, a manifest, and a data card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path

import msgspec
import polars as pl

from relsym.data.audit import EXAMPLES, Audit
from relsym.data.benchmark import SymmetryBenchmark
from relsym.data.manifest import Plan, manifest_of
from relsym.data.pairs import check_wordings
from relsym.data.splits import SPLITS, TEST_SHARE, TRAIN, TRAIN_SHARE, VALIDATION_SHARE, entities
from relsym.runs.layout import DATA
from relsym.runs.manifest import Manifest, RowFile

SHARES = dict(zip(SPLITS, (TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE), strict=True))


@dataclass(frozen=True)
class Built:
    """A benchmark before it is written.

    Attributes:
        rows: its rows by part.
        manifest: everything that the manifest and the card say about it.
    """

    rows: dict[str, pl.DataFrame]
    manifest: Manifest


def build(plan: Plan, benchmark: SymmetryBenchmark, seed: int) -> Built:
    """Draw the facts of every part, put them into words, audit the rows.

    Args:
        plan: what the benchmark is to be made of.
        benchmark: the facts, with their sides of the split.
        seed: which facts are drawn where there are more than ``plan.examples``.

    Raises:
        ValueError: a part without facts of both kinds, a wording that is missing, a finding under
            ``audit=strict``.
    """
    check_wordings(benchmark.relations, plan.variants)
    drawn = {split: benchmark.draw(split, seed, both=plan.both_directions) for split in SPLITS}
    available = {split: facts.height for split, facts in drawn.items()}
    wanted = sizes(available, plan.examples, len(benchmark.scored_kinds))
    empty = [split for split, count in wanted.items() if count == 0]
    if empty:
        raise ValueError(
            f"{benchmark.source.origin}: too few facts for a {' and a '.join(empty)} part: {available} "
            "balanced ones. Choose a larger source, or more properties (data.properties)."
        )

    # The head of a longer draw is the shorter draw, so what is drawn above need not be drawn again.
    facts_of_parts = [drawn[split].head(count) for split, count in wanted.items()]
    facts = pl.concat(facts_of_parts)
    carried = []
    if plan.hold_out:
        sides = entities(facts, benchmark.split_seed)["forward"]
        facts = facts.with_columns(sides.alias("split_entities"))
        carried = ["split_entities"]
    table = benchmark.pair_table(facts, plan.variants, carried)
    rows = audited(table, benchmark.audit)
    parts = {split: rows.filter(pl.col("split") == split) for split in SPLITS}

    scaled_down = plan.examples is not None and scale(available, plan.examples) < 1
    manifest = manifest_of(plan, benchmark, seed, scaled_down, parts)
    return Built(parts, manifest)


def scale(available: Mapping[str, int], examples: int) -> float:
    """How much of ``examples`` the part that has least of its share allows; at most 1."""
    allowed = 1.0
    for split, share in SHARES.items():
        allowed = min(allowed, available[split] / (examples * share))
    return allowed


def sizes(available: Mapping[str, int], examples: int | None, kinds: int) -> dict[str, int]:
    """Facts of each part: their shares of ``examples``, in multiples of ``kinds``.

    All parts are scaled by the part that has least of its share.
    """
    if examples is None:
        return dict(available)
    scaled = scale(available, examples)
    counts = {}
    for split, share in SHARES.items():
        # The part that has least is to give all it has: the small number keeps 10.99999 of 11 from being cut.
        per_kind = int(examples * share * scaled / kinds + 1e-9)
        counts[split] = per_kind * kinds
    return counts


def audited(table: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    """Rows less those with findings that are to be dropped.

    Raises:
        ValueError: under ``audit=strict``, a finding that nobody decided on.
    """
    trained = table.filter(pl.col("split") == TRAIN)
    trained_pairs = trained["group_id"].unique().implode()
    is_twin = pl.col("group_id").is_in(trained_pairs)
    table = _drop_rows(table, audit, "twin", is_twin)
    premises, hypotheses = trained["premise"], trained["hypothesis"]
    sentences = pl.concat([premises, hypotheses.alias("premise")]).unique().implode()
    is_said = pl.col("premise").is_in(sentences) | pl.col("hypothesis").is_in(sentences)
    table = _drop_rows(table, audit, "homonym", ~is_twin & is_said)
    # Last, because the rows dropped before may have been more of one kind.
    table = _balanced(table, audit)
    audit.enforce()
    return table


def write_benchmark(built: Built, folder: Path) -> None:
    """Write the Parquet files into a new folder."""
    folder.mkdir()
    for split, rows in built.rows.items():
        path = folder / f"{split}.parquet"
        try:
            rows.write_parquet(path, compression="zstd", statistics=False)
        except pl.exceptions.ComputeError as error:  # what polars raises on a full disk
            raise OSError(f"{path}: {error}. Make room, or choose another hydra.run.dir.") from error


def with_files(built: Built, folder: Path) -> Manifest:
    """The manifest with the files that ``write_benchmark`` left: rows, bytes and SHA-256 of each."""
    files = {}
    for split, rows in built.rows.items():
        path = folder / f"{split}.parquet"
        size = path.stat().st_size
        files[f"{DATA}/{path.name}"] = RowFile(rows.height, size, file_sha256(path))
    return msgspec.structs.replace(built.manifest, files=files)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _drop_rows(table: pl.DataFrame, audit: Audit, name: str, is_found: pl.Expr) -> pl.DataFrame:
    """Look for one finding among the rows of the evaluation parts; a fact goes with all its rows."""
    rows = table.filter(pl.col("split") != TRAIN, is_found)
    examples = []
    for split, pair_id, premise in rows.select("split", "pair_id", "premise").head(EXAMPLES).iter_rows():
        examples.append(f"{split}: {pair_id}: {premise}")
    drop = audit.decide(name, rows.height, examples)
    if not drop or rows.is_empty():
        return table
    # A fact goes with all its variants, or its part would not have as many rows of each.
    facts = rows.select("split", "fact_id").unique()
    return _without(table, facts, audit, name)


def _balanced(table: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    """As many facts of each kind in a part, the first ones drawn, unless the surplus is to be kept."""
    facts = table.select("split", "kind", "fact_id").unique(maintain_order=True)
    facts = facts.with_columns(
        place=pl.int_range(pl.len()).over("split", "kind"), of_kind=pl.len().over("split", "kind")
    )
    fewest = pl.col("of_kind").min().over("split")
    surplus = facts.filter(pl.col("place") >= fewest)
    counts = surplus.group_by("split", "kind").len().sort("split", "kind")
    examples = []
    for split, kind, count in counts.iter_rows():
        examples.append(f"{split}: {count} facts more of kind {kind}")
    drop = audit.decide("imbalance", surplus.height, examples)
    if not drop or surplus.is_empty():
        return table
    return _without(table, surplus, audit, "imbalance")


def _without(table: pl.DataFrame, facts: pl.DataFrame, audit: Audit, finding: str) -> pl.DataFrame:
    """The rows that are about none of these facts; how many went is entered under the finding."""
    remaining = table.join(facts, on=["split", "fact_id"], how="anti", maintain_order="left")
    audit.found[finding]["removed"] = table.height - remaining.height
    return remaining
