"""Any table of statements: CSV, TSV, Parquet or JSONL.

Labels stand beside the statements, in a file of their own, or nowhere.
"""

from __future__ import annotations

import glob
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from relsym.data.sources.conceptnet import in_language, languages_of, no_such_language, term_labels
from relsym.data.sources.file_format import BLANKS, LAYOUTS, file_format, ordered_columns
from relsym.data.sources.file_log import FileLog
from relsym.data.sources.index_file import UNKNOWN_INDEX, numbered_labels, read_index, with_ids
from relsym.data.sources.iris import PropertyNames, with_plain_ids
from relsym.data.sources.json_lines import LONE_SURROGATE
from relsym.data.sources.layout import Schema, shortened
from relsym.data.sources.literals import ENGLISH, plain_labels
from relsym.data.sources.rows import content_of, place_of_row, table_rows
from relsym.data.triples import LABEL_SCHEMA, TRIPLE_SCHEMA, BadRows, TripleSource, entities_of
from relsym.text_encoding import TextEncoding, checked_encoding, text_of

STATEMENT = ("subject", "property", "object")
LABEL_COLUMNS = ("subject_label", "object_label")
SEVERAL_LABELS = "further label of an entity (the first is kept)"


class TripleTable:
    """Statements from CSV, TSV (.tsv, .txt, .del), Parquet or JSONL (.jsonl, .ndjson); text also packed.

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
            Of ConceptNet also that of the terms; None: "en". Statements with a term of another are dropped.
        encoding: of text, such as utf-16-le, latin1 or cp1252; None: UTF-8. A byte order mark goes before it.
        licence: SPDX id of the data's licence.
        format, entity_format: "csv", "tsv", "jsonl" or "parquet", whatever the name ends in; of statements
            also "openke" (a first line that counts the rows, blanks between the fields, columns subject,
            object, property) and "conceptnet" (its assertions: tabs, five columns). None: the name says it,
            and the first lines where it cannot be.
        delimiter, entity_delimiter: "comma", "tab", "semicolon", "pipe", "blanks" (any number of spaces and
            tabs), or a character. None: likewise.
        order: the roles of all columns in their order, None for one that is not read; in place of
            ``columns``.
        entity_ids, relation_ids: files that give the ids behind the numbers in the statements, as OpenKE's
            entity2id.txt (a count, then id and number) and LibKGE's entity_ids.del (number and id) do.

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
        format: str | None = None,
        delimiter: str | None = None,
        order: Sequence[str | None] | None = None,
        entity_format: str | None = None,
        entity_delimiter: str | None = None,
        entity_ids: str | Path | None = None,
        relation_ids: str | Path | None = None,
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

        self.format = file_format("data.", format, delimiter)
        if entity_format in LAYOUTS:
            raise ValueError(f"data.entity_format={entity_format}: expected csv, tsv, jsonl or parquet.")
        self.entity_format = file_format("data.entity_", entity_format, entity_delimiter)
        self.index_files = {"entity": entity_ids, "relation": relation_ids}
        self.terms_language = _terms_language(format, language)
        self.encoding = checked_encoding(encoding)
        self.statements = _statement_schema(columns, order, format, header, self.encoding)
        roles = tuple(LABEL_SCHEMA)
        self.entities = Schema(
            key="data.entity_columns",
            header_key="data.entity_header",
            columns=_columns("data.entity_columns", entity_columns, roles),
            standard=roles,
            required=("entity",),
            # Further fields are aliases; between blanks they are the rest of a label.
            width=len(roles) if self.entity_format.delimiter == BLANKS else None,
            header=entity_header,
            encoding=self.encoding,
        )
        self.labels_beside = self._has_labels_beside()

        # The names have to tell the formats: checked here, before the first file is read.
        for path in self.files:
            self.format.kind_of(path)
        for path in self.entity_files:
            if not self._is_json(path):
                self.entity_format.kind_of(path)

    def _is_json(self, path: Path) -> bool:
        """Whether a file of labels is one JSON object."""
        return path.suffix.lower() == ".json" and self.entity_format.kind is None

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
            ValueError: an empty or damaged file, a column that is not there, a bad row (unless skipped), no
                term of ConceptNet in the wanted language.
        """
        read = 0
        dropped, notes = Counter(), Counter()
        languages: Counter[str] = Counter()  # of the terms, where none is wanted
        columns = list(self.statements.columns)
        names = PropertyNames(properties)
        entity_ids = read_index("data.entity_ids", self.index_files["entity"], self.encoding)
        relation_ids = read_index("data.relation_ids", self.index_files["relation"], self.encoding)
        # An empty table first, so that there is one to return where no row is of these properties.
        chosen = [pl.DataFrame(schema=dict.fromkeys(columns, pl.String))]
        log = FileLog("data.triples", self.patterns)
        for path in self.files:
            for rows in table_rows(path, self.statements, self.format):
                good = self._good(rows, path, self.statements, dropped, "bad row")
                named = self._named_by_ids(good, path, entity_ids, relation_ids, dropped)
                statements = with_plain_ids(names.chosen(named), ("subject", "object")).select(columns)
                dropped["other property"] += named.height - statements.height
                chosen.append(self._in_language(statements, dropped, languages))
                read += rows.height
                log.add(path, rows.height, _described(rows, self.format.counted))
        log.tell()

        rows = pl.concat(chosen)
        if self.terms_language and rows.is_empty() and languages:
            raise ValueError(no_such_language(self.terms_language, languages, self._origin()))
        labels, language = self._labels(rows, notes, entity_ids)
        return TripleSource(
            rows.select(list(TRIPLE_SCHEMA)),
            labels,
            read,
            +dropped,
            self._origin(),
            self.licence,
            +notes,
            labelled=self.labels_beside or bool(self.entity_files) or bool(self.terms_language),
            language=language,
            wikidata=False,  # it may be of anything, and nothing here tells
            other_properties=names.others,
            named_by_ids=bool(self.terms_language),
        )

    def _named_by_ids(
        self,
        rows: pl.DataFrame,
        path: Path,
        entity_ids: pl.DataFrame | None,
        relation_ids: pl.DataFrame | None,
        counts: Counter[str],
    ) -> pl.DataFrame:
        """The rows with ids in the place of numbers, where files give them.

        A row with a number that no file knows is counted in ``counts``, or refused.
        """
        named = rows
        for ids, roles in ((entity_ids, ("subject", "object")), (relation_ids, ("property",))):
            if ids is not None:
                named = with_ids(named, ids, roles)
        is_known = pl.all_horizontal(pl.col(*STATEMENT).is_not_null())
        unknown = named.filter(~is_known)

        def first() -> str:
            row = unknown.row(0, named=True)
            missing = ", ".join(role for role in STATEMENT if row[role] is None)
            files = ", ".join(Path(file).name for file in self.index_files.values() if file)
            place = place_of_row(path, row["kind"], row["row"])
            return f"{place}: the number of its {missing} has no id in {files}: {row.get('text')!r}"

        self.bad_rows.settle(unknown.height, first, counts, UNKNOWN_INDEX)
        return named.filter(is_known)

    def _in_language(self, rows: pl.DataFrame, counts: Counter[str], languages: Counter[str]) -> pl.DataFrame:
        """The statements whose terms are of the wanted language.

        The others are counted in ``counts``; where there are no wanted ones, the terms are counted by
        language in ``languages``.
        """
        if self.terms_language is None:
            return rows
        wanted = rows.filter(in_language(self.terms_language))
        if wanted.is_empty():  # the languages are told where all blocks are like this one
            languages.update(languages_of(rows))
        counts["other language"] += rows.height - wanted.height
        return wanted

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
            content = content_of(row, list(schema.columns))
            return f"{place_of_row(path, row['kind'], row['row'])}: expected {expected}, got {content}"

        self.bad_rows.settle(bad.height, first, counts, reason)
        return rows.filter(is_good)

    def _labels(
        self, rows: pl.DataFrame, notes: Counter[str], entity_ids: pl.DataFrame | None
    ) -> tuple[pl.DataFrame, str]:
        """The labels of the entities that these statements name, and their language.

        Ids stand for labels where there are none.

        Args:
            rows: the statements.
            notes: counts that are raised.
            entity_ids: the ids behind the statements' numbers; None: the statements hold the ids.
        """
        if self.labels_beside:
            return labels_of(labels_beside(rows), self.language, notes, self._origin())
        ids = entities_of(rows)
        if not self.entity_files:
            if self.terms_language:
                return term_labels(ids), self.terms_language
            return pl.DataFrame({"entity": ids, "label": ids}), ENGLISH

        tables = [pl.DataFrame(schema=LABEL_SCHEMA)]
        log = FileLog("data.entities", self.entity_patterns)
        for path in self.entity_files:
            tables.extend(self._named(path, notes, log))
        log.tell()
        # One join over all blocks: its hash table holds every entity that is named.
        labels = pl.concat(tables)
        origin = ", ".join(path.name for path in self.entity_files)
        if entity_ids is not None:
            labels = numbered_labels(labels, entity_ids, origin)
        labels = with_plain_ids(labels, ["entity"])
        named = labels.join(ids.to_frame(), on="entity", how="semi", maintain_order="left")
        return labels_of(named, self.language, notes, origin)

    def _named(self, path: Path, notes: Counter[str], log: FileLog) -> Iterator[pl.DataFrame]:
        """The labels in a file of entities, block by block."""
        if self._is_json(path):
            labels = _json_labels(path, self.entities, notes)
            log.add(path, labels.height, "a JSON object")
            yield labels
            return
        for rows in table_rows(path, self.entities, self.entity_format):
            log.add(path, rows.height, _described(rows))
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
    return one_label(plain, notes), taken or language or ENGLISH


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
    if not any(label is not None for label in labels):
        _refuse_nested(entities, key, path)
    ids = [entity for entity, _ in entities]
    for text in (*ids, *filter(None, labels)):
        if LONE_SURROGATE.search(text):
            raise ValueError(
                f"{path}: {shortened(text)} holds half of a character, a lone surrogate. Correct the file."
            )
    return pl.DataFrame({"entity": ids, "label": labels}, schema=LABEL_SCHEMA)


def _refuse_nested(entities: _Entries, key: str, path: Path) -> None:
    """Refuse a JSON object that gives no label because its labels stand under other keys, or in lists."""
    nested = [(entity, value) for entity, value in entities if isinstance(value, list) and value]
    if not nested:
        return
    entity, value = nested[0]
    if not isinstance(value, _Entries):
        raise ValueError(
            f"{path}: no entity has a label: that of {entity} is a list, {shortened(value)}. Write one label "
            'for each entity, id -> label or id -> {"label": ...}.'
        )
    if (key, None) in value:
        return
    keys = shortened(", ".join(name for name, _ in value))
    texts = [name for name, inner in value if isinstance(inner, str)]
    advice = 'Write id -> label or id -> {"label": ...}'
    if texts:
        advice = f"Pass data.entity_columns.label={texts[0]}, or another of them"
    raise ValueError(
        f"{path}: no entity has a text under the key {key}: {entity} has the keys {keys}. {advice}."
    )


def _first_label(entries: _Entries, key: str, notes: Counter[str]) -> object:
    """What an object of JSON has first under a key; further ones that differ are counted in ``notes``."""
    values = [value for name, value in entries if name == key]
    notes[SEVERAL_LABELS] += sum(value != values[0] for value in values)
    return values[0] if values else None


def _described(rows: pl.DataFrame, counted: bool = False) -> str:
    """The layout of a file in a few words.

    Args:
        rows: the first ones of ``table_rows``.
        counted: whether the count of the rows stands above them.
    """
    kind = rows["kind"][0] if rows.height else "no rows"
    if kind not in ("csv", "tsv"):
        return kind
    has_header = rows["row"][0] > (2 if counted else 1)
    return f"{rows['expected'][0]} {'below' if has_header else 'without'} column names"


def _statement_schema(
    columns: Mapping[str, str | int | None] | None,
    order: Sequence[str | None] | None,
    format: str | None,
    header: bool | None,
    encoding: TextEncoding,
) -> Schema:
    """Which columns statements have, and where.

    Raises:
        ValueError: columns that are told twice, unknown or missing.
    """
    layout = LAYOUTS.get(format or "")
    order_key = None if order is None and layout is None else "data.order"
    if order is None and layout:
        order_key = f"data.format={format}"
        order = layout.order
    mapped = columns
    if order is not None:
        own_names = {role: role for role in STATEMENT}
        chosen = {role: column for role, column in (columns or {}).items() if column is not None}
        if chosen not in ({}, own_names):
            raise ValueError(
                f"{order_key} and data.columns both say where columns are. Leave one of them out."
            )
        mapped = ordered_columns("data.order", tuple(order), (*STATEMENT, *LABEL_COLUMNS), STATEMENT)
    return Schema(
        key="data.columns",
        header_key="data.header",
        columns=_columns("data.columns", mapped, STATEMENT, LABEL_COLUMNS),
        standard=STATEMENT,
        required=STATEMENT,
        width=len(STATEMENT if order is None else order),
        header=header,
        order_key=order_key,
        encoding=encoding,
    )


def _terms_language(format: str | None, language: str | None) -> str | None:
    """The language of ConceptNet's terms; None of other files.

    Raises:
        ValueError: a language that is no code.
    """
    if format != "conceptnet":
        return None
    code = language or "en"
    if not re.fullmatch(r"[a-z]{2,3}(_[a-z]+)*", code):
        raise ValueError(f"data.language={code}: expected a code such as en or pt_br.")
    return code


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
