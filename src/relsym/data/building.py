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
from relsym.data.pairs import check_wordings, pair_table
from relsym.data.splits import SPLITS, TEST_SHARE, TRAIN, TRAIN_SHARE, VALIDATION_SHARE, entities
from relsym.runs.layout import DATA
from relsym.runs.manifest import Manifest, RowFile

SHARES = dict(zip(SPLITS, (TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE), strict=True))


@dataclass(frozen=True)
class Built:
    """A benchmark before it is written: its rows by part, and everything the manifest and the card say about
    it.
    """

    rows: dict[str, pl.DataFrame]
    manifest: Manifest


def build(plan: Plan, benchmark: SymmetryBenchmark, seed: int) -> Built:
    """Draw the facts of every part, put them into words, audit the rows.

    Args:
        benchmark: the facts, with their sides of the split.  seed: which facts are drawn where there are more
        than ``plan.examples``.

    Raises:
        ValueError: a part without facts of both kinds, a wording that is missing, a finding under
        ``audit=strict``.
    """
    check_wordings(benchmark.relations, plan.variants)
    drawn = {split: benchmark.draw(split, seed, both=plan.both_directions) for split in SPLITS}
    available = {split: facts.height for split, facts in drawn.items()}
    wanted = sizes(available, plan.examples, len(benchmark.kinds))
    if empty := [split for split, count in wanted.items() if not count]:
        raise ValueError(
            f"{benchmark.source.origin}: too few facts for a {' and a '.join(empty)} part: {available} "
            "balanced ones. "
            "Choose a larger source, or more properties (data.properties)."
        )
    facts = pl.concat([drawn[split].head(count) for split, count in wanted.items()])
    if plan.hold_out:
        facts = facts.with_columns(entities(facts, benchmark.split_seed)["forward"].alias("split_entities"))
    table = pair_table(
        facts, benchmark.relations, plan.variants, carried=["split_entities"] if plan.hold_out else []
    )
    rows = audited(table, benchmark.audit)
    parts = {split: rows.filter(pl.col("split") == split) for split in SPLITS}
    lacking = plan.examples is not None and scale(available, plan.examples) < 1
    return Built(parts, manifest_of(plan, benchmark, seed, lacking, parts))


def scale(available: Mapping[str, int], examples: int) -> float:
    """How much of ``examples`` the part that has least of its share allows; at most 1."""
    return min(1.0, *(available[split] / (examples * share) for split, share in SHARES.items()))


def sizes(available: Mapping[str, int], examples: int | None, kinds: int) -> dict[str, int]:
    """Facts of each part: their shares of ``examples``, all scaled by the part that has least of its share;
    multiples of ``kinds``.
    """
    if examples is None:
        return dict(available)
    part = scale(available, examples)
    return {split: int(examples * share * part / kinds + 1e-9) * kinds for split, share in SHARES.items()}


def audited(table: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    """Rows less those with findings that are to be dropped.

    Raises:
        ValueError: under ``audit=strict``, a finding that nobody decided on.
    """
    trained = table.filter(pl.col("split") == TRAIN)
    is_twin = pl.col("group_id").is_in(trained["group_id"].unique().implode())
    table = _drop_rows(table, audit, "twin", is_twin)
    said = pl.concat([trained["premise"], trained["hypothesis"].alias("premise")]).unique().implode()
    table = _drop_rows(
        table, audit, "homonym", ~is_twin & (pl.col("premise").is_in(said) | pl.col("hypothesis").is_in(said))
    )
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
        except pl.exceptions.ComputeError as error:  # how polars tells a full disk
            raise OSError(f"{path}: {error}. Make room, or choose another hydra.run.dir.") from error


def with_files(built: Built, folder: Path) -> Manifest:
    """The manifest with the files that ``write_benchmark`` left: rows, bytes and SHA-256 of each."""
    files = {}
    for split, rows in built.rows.items():
        path = folder / f"{split}.parquet"
        files[f"{DATA}/{path.name}"] = RowFile(rows.height, path.stat().st_size, file_sha256(path))
    return msgspec.structs.replace(built.manifest, files=files)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _drop_rows(table: pl.DataFrame, audit: Audit, name: str, is_found: pl.Expr) -> pl.DataFrame:
    """Look for one finding among the rows of the evaluation parts; a fact goes with all its rows."""
    rows = table.filter(pl.col("split") != TRAIN, is_found)
    examples = (
        f"{row['split']}: {row['pair_id']}: {row['premise']}"
        for row in rows.head(EXAMPLES).iter_rows(named=True)
    )
    if not audit.decide(name, rows.height, examples) or rows.is_empty():
        return table
    left = table.join(
        rows.select("split", "fact_id").unique(), on=["split", "fact_id"], how="anti", maintain_order="left"
    )
    audit.found[name]["removed"] = table.height - left.height
    return left


def _balanced(table: pl.DataFrame, audit: Audit) -> pl.DataFrame:
    """As many facts of each kind in a part, the first ones drawn, unless the surplus is to be kept."""
    facts = table.select("split", "kind", "fact_id").unique(maintain_order=True)
    facts = facts.with_columns(
        place=pl.int_range(pl.len()).over("split", "kind"), of_kind=pl.len().over("split", "kind")
    )
    surplus = facts.filter(pl.col("place") >= pl.col("of_kind").min().over("split"))
    counts = surplus.group_by("split", "kind").len().sort("split", "kind")
    told = (f"{split}: {count} facts more of kind {kind}" for split, kind, count in counts.iter_rows())
    if not audit.decide("imbalance", surplus.height, told) or surplus.is_empty():
        return table
    left = table.join(surplus, on=["split", "fact_id"], how="anti", maintain_order="left")
    audit.found["imbalance"]["removed"] = table.height - left.height
    return left
