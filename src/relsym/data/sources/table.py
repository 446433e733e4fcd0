"""Any table of statements: CSV, TSV, Parquet or JSONL.

Labels stand beside the statements, in a file of their own, or nowhere.
"""

from __future__ import annotations

import glob
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from relsym.data.sources.file_log import FileLog
from relsym.data.sources.iris import PropertyNames, with_plain_ids
from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.data.sources.layout import Schema, shortened
from relsym.data.sources.literals import ENGLISH, plain_labels
from relsym.data.sources.rows import content_of, file_kind, place_of_row, table_rows
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA, BadRows, TripleSource, entities_of
from relsym.text_encoding import checked_encoding, text_of

STATEMENT = ("subject", "property", "object")
LABEL_COLUMNS = ("subject_label", "object_label")
SEVERAL_LABELS = "further label of an entity (the first is kept)"


class TripleTable:
    """Statements from CSV, TSV (.tsv, .txt), Parquet or JSONL (.jsonl, .ndjson); text also as .gz or .bz2.

    Ids are free strings, and IRIs of Wikidata are read as its ids (``relsym.data.sources.iris``): a row is
    bad only if its subject, property or object is empty or if it has the wrong number of fields. CSV fields
    may be quoted, TSV fields are taken as they are, but for labels that are literals (``'Paris'@en``).
    Without any labels, ids stand in for them, and rows have the delexicalised form alone.

    Args:
        triples: a file, a glob, or a list of both.
        entities: labels in a file of any of these formats, or a JSON object: id -> label, or id -> {"label":
            label}. None: no such file.
        columns: subject, property, object -> their columns' names, or positions from 0; subject_label and
            object_label too, or neither.
        entity_columns: entity and label, likewise. Read by position, further columns (aliases) may follow.
        header, entity_header: whether CSV and TSV begin with column names. None: they do if the first row
            holds the mapped names; statements of three columns and entities are read by position otherwise,
            first row included.
        on_bad_row: "error" or "skip" (dropped and counted).
        language: of labels that are written as literals, such as ``'Paris'@en``; None: see ``plain_labels``.
        encoding: of text, such as utf-16-le, latin1 or cp1252; None: UTF-8. A byte order mark goes before it.
        licence: SPDX id of the data's licence.

    Raises:
        ValueError: an argument that is missing, unknown or at odds with another.
        FileNotFoundError: no file of that name.
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
        language: str | None = None,
        encoding: str | None = None,
        licence: str = "unknown",
    ) -> None:
        if not triples:
            raise ValueError(
                "data.triples is not set: "
                "pass data.triples=FILE, the table of statements (or a glob, or [FILE,FILE])."
            )
        self.bad_rows = BadRows(on_bad_row)
        self.language = language
        self.licence = licence

        names = [triples] if isinstance(triples, str | Path) else triples
        self.files, self.patterns = _all_files("data.triples", names)
        names = [entities] if entities else []
        self.entity_files, self.entity_patterns = _all_files("data.entities", names)

        self.statements = Schema(
            key="data.columns",
            header_key="data.header",
            columns=_columns("data.columns", columns, STATEMENT, LABEL_COLUMNS),
            standard=STATEMENT,
            required=STATEMENT,
            width=len(STATEMENT),
            header=header,
            encoding=checked_encoding(encoding),
        )
        roles = tuple(LABEL_SCHEMA)
        self.entities = Schema(
            key="data.entity_columns",
            header_key="data.entity_header",
            columns=_columns("data.entity_columns", entity_columns, roles),
            standard=roles,
            required=("entity",),
            width=None,
            header=entity_header,
            encoding=checked_encoding(encoding),
        )
        self.labels_beside = self._has_labels_beside()

        # The names have to tell the formats: checked here, before the first file is read.
        for path in self.files:
            file_kind(path)
        for path in self.entity_files:
            if path.suffix != ".json":
                file_kind(path)

    def _has_labels_beside(self) -> bool:
        """Whether both columns of labels are declared; one alone is refused, and so are labels twice."""
        declared = [role for role in LABEL_COLUMNS if role in self.statements.columns]
        if not declared:
            return False
        if len(declared) < len(LABEL_COLUMNS):
            raise ValueError(
                "data.columns: subject_label and object_label go together: name both or neither."
            )
        if self.entity_files:
            raise ValueError(
                "data.entities and data.columns.subject_label both name labels: leave one of them null."
            )
        return True

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of ``properties``, then the labels of just the entities they name.

        Raises:
            ValueError: an empty or damaged file, a column that is not there, a bad row (unless skipped).
        """
        read = 0
        dropped, notes = Counter(), Counter()
        columns = list(self.statements.columns)
        names = PropertyNames(properties)
        # An empty table first, so that there is one to return where no row is of these properties.
        chosen = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))]
        log = FileLog("data.triples", self.patterns)
        for path in self.files:
            for rows in table_rows(path, self.statements):
                good = self._good(rows, path, self.statements, dropped, "bad row")
                statements = with_plain_ids(names.chosen(good), ("subject", "object"))
                chosen.append(statements.select(columns))
                dropped["other property"] += good.height - statements.height
                read += rows.height
                log.add(path, rows.height, _described(rows, path))
        log.tell()

        rows = pl.concat(chosen)
        labels, language = self._labels(rows, notes)
        return TripleSource(
            rows.select(list(TRIPLE_SCHEMA)),
            labels,
            read,
            +dropped,
            self._origin(),
            self.licence,
            +notes,
            labelled=self.labels_beside or bool(self.entity_files),
            language=language,
            wikidata=False,  # it may be of anything, and nothing here tells
            other_properties=names.others,
        )

    def _origin(self) -> str:
        """The files' names, the first alone if they are many."""
        names = [path.name for path in self.files]
        if len(names) <= 3:
            return f"table {', '.join(names)}"
        return f"table {names[0]} and {len(names) - 1} more"

    def _good(
        self, rows: pl.DataFrame, path: Path, schema: Schema, counts: Counter[str], reason: str
    ) -> pl.DataFrame:
        """The rows that are whole, with every required field.

        The others are counted in ``counts`` under ``reason``, or the first of them is refused.
        """
        lacks_field = pl.any_horizontal(blank(role) for role in schema.required)
        is_good = pl.col("whole") & ~lacks_field
        bad = rows.filter(~is_good)

        def first() -> str:
            row = bad.row(0, named=True)
            required = ", ".join(schema.required)
            expected = f"{row['expected']} with {required} filled in"
            content = content_of(row, list(schema.columns), file_kind(path))
            return f"{place_of_row(path, row['row'])}: expected {expected}, got {content}"

        self.bad_rows.settle(bad.height, first, counts, reason)
        return rows.filter(is_good)

    def _labels(self, rows: pl.DataFrame, notes: Counter[str]) -> tuple[pl.DataFrame, str]:
        """The labels of the entities that these statements name, and their language.

        Ids stand for labels where there are none.
        """
        if self.labels_beside:
            return labels_of(labels_beside(rows), self.language, notes, self._origin())
        ids = entities_of(rows)
        if not self.entity_files:
            return pl.DataFrame({"entity": ids, "label": ids}), ENGLISH

        tables = [pl.DataFrame(schema=LABEL_SCHEMA)]
        log = FileLog("data.entities", self.entity_patterns)
        for path in self.entity_files:
            tables.extend(self._named(path, notes, log))
        log.tell()
        # One join over all blocks: its hash table holds every entity that is named.
        labels = with_plain_ids(pl.concat(tables), ["entity"])
        named = labels.join(ids.to_frame(), on="entity", how="semi", maintain_order="left")
        origin = ", ".join(path.name for path in self.entity_files)
        return labels_of(named, self.language, notes, origin)

    def _named(self, path: Path, notes: Counter[str], log: FileLog) -> Iterator[pl.DataFrame]:
        """The labels in a file of entities, block by block."""
        if path.suffix == ".json":
            labels = _json_labels(path, self.entities, notes)
            log.add(path, labels.height, "a JSON object")
            yield labels
            return
        for rows in table_rows(path, self.entities):
            log.add(path, rows.height, _described(rows, path))
            good = self._good(rows, path, self.entities, notes, "bad row of the entities")
            yield good.select("entity", "label")


def blank(column: str) -> pl.Expr:
    """Whether a string is missing, empty or white space only."""
    return pl.col(column).fill_null("").str.strip_chars() == ""


def labels_beside(rows: pl.DataFrame) -> pl.DataFrame:
    """The labels that stand in the rows themselves, in reading order (columns ``LABEL_SCHEMA``)."""
    pairs = rows.select(entity=pl.concat_list("subject", "object"), label=pl.concat_list(LABEL_COLUMNS))
    return pairs.explode("entity", "label")


def labels_of(
    labels: pl.DataFrame, language: str | None, notes: Counter[str], origin: str
) -> tuple[pl.DataFrame, str]:
    """One label per entity that has one, without the signs of a literal, and their language.

    Args:
        labels, language, notes, origin: as ``plain_labels`` and ``one_label`` take them.
    """
    plain, taken = plain_labels(labels, language, notes, origin)
    return one_label(plain, notes), taken or ENGLISH


def one_label(labels: pl.DataFrame, notes: Counter[str]) -> pl.DataFrame:
    """One row per entity that has a label: the first; further ones are counted in ``notes``.

    Args:
        labels: entity and label, in the order in which they were read.
        notes: counts, raised by one for each further label that is another.
    """
    filled = labels.filter(~blank("label"))
    distinct = filled.unique(maintain_order=True)
    first = distinct.unique("entity", keep="first", maintain_order=True)
    notes[SEVERAL_LABELS] += distinct.height - first.height
    return first.select(list(LABEL_SCHEMA))


class _Entries(list[tuple[str, object]]):
    """The keys and values of a JSON object, in order, those of one key too."""


def _json_labels(path: Path, schema: Schema, notes: Counter[str]) -> pl.DataFrame:
    """The labels of a JSON object, id -> label or id -> object with a label; null where there is none.

    An id may stand there several times: all of its labels are returned, in order.

    Args:
        path: of the file.
        schema: says under which key an object has its label.
        notes: counts, raised by one for each label that an inner object gives beyond its first.
    """
    text = text_of(path.read_bytes(), str(path), schema.encoding)
    try:
        # Numbers as they are written: an id or a name of digits is no number.
        entities = json.loads(text, object_pairs_hook=_Entries, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error}).") from error
    if not isinstance(entities, _Entries):
        raise ValueError(
            f"{path}: expected a JSON object, "
            f'id -> label or id -> {{"label": ...}}, got {shortened(entities)}.'
        )

    key = schema.columns["label"]
    labels = []
    for _, value in entities:
        label = _first_label(value, key, notes) if isinstance(value, _Entries) else value
        labels.append(label if isinstance(label, str) else None)
    ids = [entity for entity, _ in entities]
    for text in (*ids, *filter(None, labels)):
        if LONE_SURROGATE.search(text):
            raise ValueError(
                f"{path}: {shortened(text)} holds half of a character, a lone surrogate. Correct the file."
            )
    return pl.DataFrame({"entity": ids, "label": labels}, schema=LABEL_SCHEMA)


def _first_label(entries: _Entries, key: str, notes: Counter[str]) -> object:
    """What an object of JSON has first under a key; further ones that differ are counted in ``notes``."""
    values = [value for name, value in entries if name == key]
    notes[SEVERAL_LABELS] += sum(value != values[0] for value in values)
    return values[0] if values else None


def _described(rows: pl.DataFrame, path: Path) -> str:
    """The layout of a file in a few words.

    Args:
        rows: the first ones of ``table_rows``.
        path: the file.
    """
    if rows.is_empty() or file_kind(path) not in ("csv", "tsv"):
        return file_kind(path)
    has_header = rows["row"][0] > 1
    return f"{rows['expected'][0]} {'below' if has_header else 'without'} column names"


def _all_files(key: str, names: Sequence[str | Path]) -> tuple[list[Path], dict[Path, str]]:
    """The files of all names and globs, and file -> glob for those that a glob took."""
    files = []
    patterns = {}
    for name in names:
        matches = _files(key, name)
        files += matches
        if matches != [Path(name).expanduser()]:
            patterns |= dict.fromkeys(matches, str(name))
    # A file that is named itself is meant, even if a glob takes it as well.
    for name in names:
        patterns.pop(Path(name).expanduser(), None)
    return files, patterns


def _files(key: str, name: str | Path) -> list[Path]:
    """The file of this name, or those that a glob matches, sorted; ``key`` is for errors."""
    path = Path(name).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        example = path / "*.txt"
        raise ValueError(f"{key}={name} is a folder: name its files, such as {key}={example}.")
    matches = [Path(match) for match in glob.glob(str(path))]
    files = sorted(match for match in matches if match.is_file())
    if not files:
        raise FileNotFoundError(f"{key}={name}: no such file. Pass {key}=FILE, or a glob that matches files.")
    return files


def _columns(
    key: str,
    mapped: Mapping[str, str | int | None] | None,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
) -> dict[str, str | int]:
    """Role -> column: the mapped ones, and for the other required roles a column of their own name."""
    columns = {role: role for role in required} | dict(mapped or {})
    # A role that is null has no column.
    columns = {role: column for role, column in columns.items() if column is not None}
    roles = (*required, *optional)
    unknown = columns.keys() - set(roles)
    if unknown:
        strange = ", ".join(sorted(unknown))
        raise ValueError(f"{key}: unknown {strange}: expected {', '.join(roles)}.")
    for role in required:
        if role not in columns:
            raise ValueError(f"{key}.{role} is null: pass {key}.{role}=NAME of its column.")
    return columns
