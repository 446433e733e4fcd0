"""A benchmark read from the folder that ``relsym build`` wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import final

import msgspec
import polars as pl

from relsym.data.benchmark import Benchmark
from relsym.data.building import file_sha256
from relsym.data.folds import REWORDED
from relsym.data.pairs import PAIR_COLUMNS, BenchmarkPair, pairs_of
from relsym.data.relations import Relation, select_relations
from relsym.runs.layout import MANIFEST
from relsym.runs.manifest import Fold, RowFile, read_manifest


@final
class BuiltBenchmark(Benchmark):
    """Rows of a folder with ``manifest.json``.

    Args:
        folder: what ``relsym build`` wrote.  fold: what is held out, a name in the manifest; None: nothing.
        properties: which of the properties; None takes all.

    Raises:
        FileNotFoundError: no finished benchmark there.  ValueError: a file that is not the one the manifest
        names, an unknown fold.
    """

    def __init__(
        self, folder: str | None, fold: str | None = None, properties: list[str] | None = None
    ) -> None:
        if folder is None:
            raise ValueError(
                "data.folder is not set: pass data.folder=PATH, the folder that relsym build wrote."
            )
        path = Path(folder).expanduser()
        if not (path / MANIFEST).is_file():
            raise FileNotFoundError(
                f"data.folder={folder}: no {MANIFEST} there, so no finished benchmark. "
                "Pass the folder of a relsym build that ended, or run it again."
            )
        self.manifest = read_manifest(path / MANIFEST)
        parts = self._fold(fold)
        stored = {
            name: Relation(**msgspec.structs.asdict(entry)) for name, entry in self.manifest.relations.items()
        }
        self.relations = select_relations(stored, properties, neutral=True)
        self.fold, self._column = fold, parts.split
        self.held_out, self.left_out, self.variants = parts.held_out, parts.left_out, parts.variants
        if lacking := [p for p in self.held_out if p not in self.relations]:
            raise ValueError(
                f"data.fold={fold} holds out {', '.join(lacking)}, which data.properties leaves away. Choose "
                "another fold, or "
                "more properties."
            )
        self.held_out_variants = (REWORDED,) if fold and REWORDED in self.variants else ()
        self.train_variants = tuple(
            name for name in self.manifest.variants if name not in self.held_out_variants
        )
        self.title = f"built {self.manifest.benchmark}"
        self.split_seed = self.manifest.split_seed
        rows = pl.concat([_read(path, name, entry) for name, entry in self.manifest.files.items()])
        self.rows = rows.filter(pl.col("property").is_in(list(self.relations)))
        first = self.rows.unique("fact_id", keep="first", maintain_order=True)
        self.facts = first.select(
            "fact_id",
            "property",
            "kind",
            "group_id",
            pl.col("subject_id").alias("subject"),
            pl.col("object_id").alias("object"),
            pl.col(self._column).alias("forward"),
            pl.lit(None, pl.String).alias("reverse"),
        )
        self.counts = Counter({"rows": self.rows.height, "facts": self.facts.height})

    @property
    def sides(self) -> str:
        """Rule, seed, and what is held out."""
        rule = f"{self.manifest.split if self._column == 'split' else 'entities'}, seed {self.split_seed}"
        return rule + (
            f", held out {' '.join(self.held_out)}"
            if self.held_out
            else f", fold {self.fold}"
            if self.fold
            else ""
        )

    def pairs(self, drawn: pl.DataFrame, variants: Sequence[str]) -> list[BenchmarkPair]:
        """The stored rows of the drawn facts."""
        if lacking := [name for name in variants if name not in self.manifest.variants]:
            raise ValueError(
                f"the benchmark {self.manifest.benchmark} has no variant {', '.join(lacking)}; "
                f"it has {', '.join(self.manifest.variants)}."
            )
        order = drawn.select("fact_id", pl.col("split").alias("side")).with_row_index("order")
        places = pl.DataFrame({"variant": list(variants), "place": range(len(variants))})
        rows = self.rows.join(order, on="fact_id").join(places, on="variant").sort("order", "place")
        return pairs_of(rows.with_columns(split="side"))

    def content_hash(self) -> str:
        """The manifest's, over the rows."""
        return self.manifest.content_hash

    def _fold(self, name: str | None) -> Fold:
        if name is None:
            return Fold(variants=tuple(self.manifest.score_variants))
        if name not in self.manifest.folds:
            known = ", ".join(self.manifest.folds) or "no folds (build benchmark=held_out)"
            raise ValueError(f"data.fold={name}: the benchmark has {known}.")
        return self.manifest.folds[name]


def _read(folder: Path, name: str, entry: RowFile) -> pl.DataFrame:
    path = folder / name
    if not path.is_file() or file_sha256(path) != entry.sha256:
        raise ValueError(
            f"{path}: missing, or not the file that {MANIFEST} names. Build the benchmark again."
        )
    rows = pl.read_parquet(path)
    if missing := [column for column in PAIR_COLUMNS if column not in rows.columns]:
        raise ValueError(
            f"{path}: no column {', '.join(missing)}. Build the benchmark again with this version."
        )
    return rows
