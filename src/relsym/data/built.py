"""A benchmark read from the folder that ``relsym build`` wrote."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import final

import msgspec
import polars as pl

from relsym.data.benchmark import NAMES_FOR_IDS, Benchmark
from relsym.data.building import file_sha256
from relsym.data.folds import REWORDED
from relsym.data.pairs import DELEXICALISED, LEXICALISED, PAIR_COLUMNS, BenchmarkPair, pairs_of
from relsym.data.relations import Relation, select_relations
from relsym.data.splits import sides_by
from relsym.runs.layout import MANIFEST
from relsym.runs.manifest import Fold, RowFile, read_manifest

log = logging.getLogger(__name__)
NO_LABELS_BUILT = (
    "%s was built from a source without labels: its rows have the delexicalised form alone. For the "
    "lexicalised one too, build it again with labels (data.entities=FILE)."
)


@final
class BuiltBenchmark(Benchmark):
    """Rows of a folder with ``manifest.json``.

    Args:
        folder: what ``relsym build`` wrote.
        fold: what is held out, a name in the manifest; None: nothing.
        properties: which of the properties; None takes all.

    Raises:
        FileNotFoundError: no finished benchmark there.
        ValueError: no folder, a file that is not the one the manifest names, an unknown fold or property, or
            a fold that holds out a property which ``properties`` leaves away.
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
        stored = {}
        for name, entry in self.manifest.relations.items():
            stored[name] = Relation(**msgspec.structs.asdict(entry))
        self.relations = select_relations(stored, properties, neutral=True)
        self._take_fold(fold, parts)

        self.title = f"built {self.manifest.benchmark}"
        if not self.manifest.source.labelled:
            self.forms = (DELEXICALISED,)
            log.warning(NO_LABELS_BUILT, folder)
        elif self.manifest.source.named_by_ids:
            self.forms = (LEXICALISED,)
            log.warning(NAMES_FOR_IDS, folder)
        self.split_seed = self.manifest.split_seed
        tables = []
        for name, entry in self.manifest.files.items():
            tables.append(_read(path, name, entry))
        is_selected = pl.col("property").is_in(list(self.relations))
        self.rows = pl.concat(tables).filter(is_selected)
        first_rows = self.rows.unique("fact_id", keep="first", maintain_order=True)
        self.facts = first_rows.select(
            "fact_id",
            "property",
            "kind",
            "group_id",
            subject="subject_id",
            object="object_id",
            forward=self._column,
            # The folder has each fact in the direction that was drawn when it was built, and in no other.
            reverse=pl.lit(None, pl.String),
        )
        self.counts = Counter({"rows": self.rows.height, "facts": self.facts.height})

    def _take_fold(self, name: str | None, parts: Fold) -> None:
        """Set what the fold holds out, and the column of the rows that says who trains and who tests."""
        self.fold = name
        self._column = parts.split
        self.held_out = parts.held_out
        self.left_out = parts.left_out
        self.variants = parts.variants
        lacking = [p for p in self.held_out if p not in self.relations]
        if lacking:
            raise ValueError(
                f"data.fold={name} holds out {', '.join(lacking)}, which data.properties leaves away. "
                "Choose another fold, or more properties."
            )
        # Without a fold nothing is held out, not even where the reworded variant is all there is to score.
        if name and REWORDED in self.variants:
            self.held_out_variants = (REWORDED,)
        else:
            self.held_out_variants = ()
        untrained = self.held_out_variants
        self.train_variants = tuple(v for v in self.manifest.variants if v not in untrained)

    @property
    def sides(self) -> str:
        """Rule, seed, and what is held out."""
        split = self.manifest.split if self._column == "split" else "entities"
        rule = sides_by(split, self.split_seed, self.manifest.source.made_up)
        if self.held_out:
            return f"{rule}, held out {' '.join(self.held_out)}"
        if self.fold:
            return f"{rule}, fold {self.fold}"
        return rule

    def pairs(self, drawn: pl.DataFrame, variants: Sequence[str]) -> list[BenchmarkPair]:
        """The stored rows of the drawn facts, in their order, the variants in the order asked for.

        Raises:
            ValueError: a variant that the benchmark does not have.
        """
        lacking = [name for name in variants if name not in self.manifest.variants]
        if lacking:
            raise ValueError(
                f"the benchmark {self.manifest.benchmark} has no variant {', '.join(lacking)}; "
                f"it has {', '.join(self.manifest.variants)}."
            )
        order = drawn.select("fact_id", side="split").with_row_index("order")
        places = pl.DataFrame({"variant": list(variants)}).with_row_index("place")
        rows = self.rows.join(order, on="fact_id").join(places, on="variant")
        rows = rows.sort("order", "place")
        # The part that was drawn from: in the fold ``entities`` it is not the column ``split`` of the file.
        return pairs_of(rows.with_columns(split="side"))

    def content_hash(self) -> str:
        """The SHA-256 over all rows that the manifest states."""
        return self.manifest.content_hash

    def _fold(self, name: str | None) -> Fold:
        if name is None:
            return Fold(variants=tuple(self.manifest.score_variants))
        if name not in self.manifest.folds:
            folds = ", ".join(self.manifest.folds) or "no folds (build benchmark=held_out)"
            raise ValueError(f"data.fold={name}: the benchmark has {folds}.")
        return self.manifest.folds[name]


def _read(folder: Path, name: str, entry: RowFile) -> pl.DataFrame:
    path = folder / name
    # Hashed at every reading: rows that someone edited would be reported under the benchmark's hash.
    if not path.is_file() or file_sha256(path) != entry.sha256:
        raise ValueError(
            f"{path}: missing, or not the file that {MANIFEST} names. Build the benchmark again."
        )
    try:
        # As a stream, for polars takes no path that is not UTF-8, and reads a pattern in one such as [x].
        with path.open("rb") as stream:
            rows = pl.read_parquet(stream)
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: damaged ({reason}). Build the benchmark again.") from error
    missing = [column for column in PAIR_COLUMNS if column not in rows.columns]
    if missing:
        raise ValueError(
            f"{path}: no column {', '.join(missing)}. Build the benchmark again with this version."
        )
    return rows
