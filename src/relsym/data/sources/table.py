"""Any table of statements: CSV, TSV, Parquet or JSONL, with labels beside them, in a file of their own, or
none at all.
"""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from relsym.data.sources.layout import Schema, shortened
from relsym.data.sources.rows import file_kind, place_of_row, table_rows
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA, TripleSource, entities_of, skips_bad_rows

STATEMENT, LABEL_COLUMNS = ("subject", "property", "object"), ("subject_label", "object_label")
SEVERAL_LABELS = "further label of an entity (the first is kept)"


class TripleTable:
    """Statements from CSV, TSV (.tsv, .txt), Parquet or JSONL (.jsonl, .ndjson); text also as .gz or .bz2.

    Ids are free strings: a row is bad only if its subject, property or object is empty or if it has the wrong
    number of fields. CSV fields may be quoted, TSV fields are taken as they are. Without any labels, ids
    stand in for them.

    Args:
        triples: a file, a glob, or a list of both.
        entities: labels in a file of any of these formats, or a JSON object: id -> label, or id -> {"label":
        label}. None: no such file. columns: subject, property, object -> their columns' names, or positions
        from 0; subject_label and object_label too, or neither. entity_columns: entity and label, likewise.
        Read by position, further columns (aliases) may follow. header, entity_header: whether CSV and TSV
        begin with column names. None: they do if the first row holds the mapped names;
            statements of three columns and entities are read by position otherwise, first row included.
        on_bad_row: "error" or "skip" (dropped and counted).
        licence: SPDX id of the data's licence.
    """

    def __init__(
        self,
        triples: str | Path | Sequence[str | Path] | None,
        entities: str | Path | None = None,
        columns: Mapping[str, str | int | None] | None = None,
        entity_columns: Mapping[str, str | int | None] | None = None,
        header: bool | None = None,
        entity_header: bool | None = None,
        on_bad_row: str = "error",
        licence: str = "unknown",
    ) -> None:
        if not triples:
            raise ValueError(
                "data.triples is not set: pass data.triples=FILE, the table of statements (or a glob, or "
                "[FILE,FILE])."
            )
        self.skip_bad, self.licence = skips_bad_rows(on_bad_row), licence
        listed = [triples] if isinstance(triples, str | Path) else triples
        self.files = [file for name in listed for file in _files("data.triples", name)]
        self.entity_files = _files("data.entities", entities) if entities else []
        chosen = _columns("data.columns", columns, STATEMENT, LABEL_COLUMNS)
        self.statements = Schema("data.columns", "data.header", chosen, STATEMENT, STATEMENT, 3, header)
        chosen = _columns("data.entity_columns", entity_columns, ("entity", "label"))
        self.entities = Schema(
            "data.entity_columns",
            "data.entity_header",
            chosen,
            ("entity", "label"),
            ("entity",),
            None,
            entity_header,
        )
        self.labels_beside = any(role in self.statements.columns for role in LABEL_COLUMNS)
        if self.labels_beside and not all(role in self.statements.columns for role in LABEL_COLUMNS):
            raise ValueError(
                "data.columns: subject_label and object_label go together: name both or neither."
            )
        if self.labels_beside and self.entity_files:
            raise ValueError(
                "data.entities and data.columns.subject_label both name labels: leave one of them null."
            )
        for path in (*self.files, *(p for p in self.entity_files if p.suffix != ".json")):
            file_kind(path)

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of ``properties``, then the labels of just the entities they name."""
        read, dropped, notes = 0, Counter(), Counter()
        chosen = [pl.DataFrame(schema=dict.fromkeys(self.statements.columns, pl.String))]
        for path in self.files:
            for rows in table_rows(path, self.statements):
                good = self._good(rows, path, self.statements, dropped, "bad row")
                chosen.append(
                    good.filter(pl.col("property").is_in(list(properties))).select(chosen[0].columns)
                )
                dropped["other property"] += good.height - chosen[-1].height
                read += rows.height
        rows = pl.concat(chosen)
        labels = self._labels(rows, notes)
        names = [path.name for path in self.files]
        origin = f"table {', '.join(names) if len(names) <= 3 else f'{names[0]} and {len(names) - 1} more'}"
        return TripleSource(
            rows.select(list(TRIPLE_SCHEMA)),
            labels,
            read,
            +dropped,
            origin,
            self.licence,
            +notes,
            labelled=self.labels_beside or bool(self.entity_files),
        )

    def _good(
        self, rows: pl.DataFrame, path: Path, schema: Schema, counts: Counter[str], reason: str
    ) -> pl.DataFrame:
        good = rows.filter(pl.col("whole") & ~pl.any_horizontal(blank(role) for role in schema.required))
        counts[reason] += rows.height - good.height
        if good.height < rows.height and not self.skip_bad:
            bad = rows.join(good, on="row", how="anti", maintain_order="left").row(0, named=True)
            came = bad.get("text") or [bad[role] for role in schema.columns]
            raise ValueError(
                f"{place_of_row(path, bad['row'])}: expected {bad['expected']} with "
                f"{', '.join(schema.required)} filled in, got {shortened(came)}. "
                "Pass data.on_bad_row=skip to drop and count such rows."
            )
        return good

    def _labels(self, rows: pl.DataFrame, notes: Counter[str]) -> pl.DataFrame:
        ids = entities_of(rows)
        if self.labels_beside:
            found = labels_beside(rows)
        elif self.entity_files:
            named = (block for path in self.entity_files for block in self._named(path, notes))
            found = pl.concat([pl.DataFrame(schema=LABEL_SCHEMA), *named])
            found = found.join(ids.to_frame(), on="entity", how="semi", maintain_order="left")
        else:
            return pl.DataFrame({"entity": ids, "label": ids})
        return one_label(found, notes)

    def _named(self, path: Path, notes: Counter[str]) -> Iterator[pl.DataFrame]:
        if path.suffix == ".json":
            yield _json_labels(path, self.entities)
            return
        for rows in table_rows(path, self.entities):
            yield self._good(rows, path, self.entities, notes, "bad row of the entities").select(
                "entity", "label"
            )


def blank(column: str) -> pl.Expr:
    """Whether a string is missing, empty or white space only."""
    return pl.col(column).fill_null("").str.strip_chars() == ""


def labels_beside(rows: pl.DataFrame) -> pl.DataFrame:
    """The labels that stand in the rows themselves, in reading order."""
    pairs = rows.select(entity=pl.concat_list("subject", "object"), label=pl.concat_list(LABEL_COLUMNS))
    return pairs.explode("entity", "label")


def one_label(found: pl.DataFrame, notes: Counter[str]) -> pl.DataFrame:
    """One row per entity that has a label, the first one found; further ones are counted in ``notes``."""
    found = found.filter(~blank("label")).unique(maintain_order=True)
    labels = found.unique("entity", keep="first", maintain_order=True)
    notes[SEVERAL_LABELS] += found.height - labels.height
    return labels.select(list(LABEL_SCHEMA))


def _json_labels(path: Path, schema: Schema) -> pl.DataFrame:
    try:
        named = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}).") from error
    if not isinstance(named, dict):
        raise ValueError(
            f'{path}: expected a JSON object, id -> label or id -> {{"label": ...}}, got {shortened(named)}.'
        )
    labels = [
        value.get(schema.columns["label"]) if isinstance(value, dict) else value for value in named.values()
    ]
    return pl.DataFrame(
        {"entity": list(named), "label": [x if isinstance(x, str) else None for x in labels]},
        schema=LABEL_SCHEMA,
    )


def _files(key: str, name: str | Path) -> list[Path]:
    path = Path(name).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        raise ValueError(f"{key}={name} is a folder: name its files, such as {key}={path / '*.txt'}.")
    if found := sorted(Path(p) for p in glob.glob(str(path)) if Path(p).is_file()):
        return found
    raise FileNotFoundError(f"{key}={name}: no such file. Pass {key}=FILE, or a glob that matches files.")


def _columns(
    key: str,
    given: Mapping[str, str | int | None] | None,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> dict[str, str | int]:
    columns = {
        role: place
        for role, place in ({role: role for role in required} | dict(given or {})).items()
        if place is not None
    }
    if unknown := columns.keys() - {*required, *optional}:
        raise ValueError(
            f"{key}: unknown {', '.join(sorted(unknown))}: expected {', '.join((*required, *optional))}."
        )
    if missing := [role for role in required if role not in columns]:
        raise ValueError(f"{key}.{missing[0]} is null: pass {key}.{missing[0]}=NAME of its column.")
    return columns
