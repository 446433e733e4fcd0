"""The Wikidata5M raw files, or anything in their layout."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from relsym.data.blocks import decoded, line_blocks
from relsym.data.seen_properties import seen_properties
from relsym.data.sources.fetch import fetch
from relsym.data.sources.file_log import FileLog
from relsym.data.sources.iris import PropertyNames, may_hold_iris, with_plain_ids
from relsym.data.sources.literals import ENGLISH, plain_labels
from relsym.data.triples import (
    ENTITY_ID,
    LABEL_SCHEMA,
    PROPERTY_ID,
    TRIPLE_SCHEMA,
    BadRows,
    TripleSource,
    entities_of,
)
from relsym.text_encoding import TextEncoding, checked_encoding

# File name -> the members of an archive of that name; the plain names come first, each also with .gz.
TRIPLE_LAYOUTS = ("triples.tsv", "wikidata5m_all_triplet.txt", "wikidata5m_transductive_*.txt")
TRIPLE_ARCHIVES = {
    "wikidata5m_transductive.tar.gz": "wikidata5m_transductive_*.txt",
    "wikidata5m_all_triplet.tar.gz": "wikidata5m_all_triplet.txt",
}
ENTITY_LAYOUTS = ("entities.tsv", "wikidata5m_entity.txt")
ENTITY_ARCHIVES = {"wikidata5m_alias.tar.gz": "wikidata5m_entity.txt"}
ROW = {
    "triple": "3 tab-separated fields (subject Q-id, property P-id, object Q-id)",
    "entity": "at least 2 tab-separated fields (Q-id, label)",
}


class Wikidata5MFolder:
    """Any folder in the layout of the Wikidata5M raw files.

    Triples: ``subject<TAB>property<TAB>object``; entities: ``Q-id<TAB>label[<TAB>alias...]``. Plain, .gz,
    .bz2 or .tar.gz.

    Args:
        folder: where the files are, or are fetched to.
        triples, entities: file names or globs inside the folder (or absolute); None looks for the names in
            ``TRIPLE_LAYOUTS`` and ``ENTITY_LAYOUTS``, or the archives of the official site.
        urls: files to fetch into the folder first, each with its SHA-256; one that is there is not fetched
            again.
        on_bad_row: "error" or "skip" (dropped and counted).
        encoding: of the texts, such as utf-16-le or latin1; None: UTF-8. A byte order mark goes before it.
        language: of labels that are written as literals, such as ``'Paris'@en``; None: see ``plain_labels``.

    Raises:
        ValueError: no folder, an entry of ``urls`` that is not whole, several files that may be meant, and
            what ``fetch`` raises.
        FileNotFoundError: no such folder, or no such files in it.
    """

    def __init__(
        self,
        folder: str | None,
        triples: str | None = None,
        entities: str | None = None,
        urls: Sequence[Mapping[str, str]] | None = None,
        on_bad_row: str = "error",
        encoding: str | None = None,
        language: str | None = None,
    ) -> None:
        if folder is None:
            raise ValueError(
                "data.folder is not set: pass data.folder=PATH, the folder with the Wikidata5M raw files."
            )
        self.folder = Path(folder).expanduser()
        self.bad_rows = BadRows(on_bad_row)
        self.encoding = checked_encoding(encoding)
        self.language = language
        for entry in urls or ():
            if set(entry) != {"url", "sha256"}:
                raise ValueError(f"data.urls: each entry needs url and sha256, got {dict(entry)}.")
            fetch(entry["url"], self.folder, entry["sha256"])
        if not self.folder.is_dir():
            raise FileNotFoundError(
                f"data.folder: no such folder: {self.folder}. Pass data.folder=PATH of an existing one."
            )
        self.patterns = {"data.triples": triples, "data.entities": entities}
        self.triple_files = _files_in(self.folder, "data.triples", triples, TRIPLE_LAYOUTS, TRIPLE_ARCHIVES)
        self.entity_files = _files_in(self.folder, "data.entities", entities, ENTITY_LAYOUTS, ENTITY_ARCHIVES)

    def read(self, properties: Collection[str]) -> TripleSource:
        """Read the statements of ``properties``, then the labels of just the entities they name.

        Raises:
            ValueError: an empty or damaged file, a bad row (unless skipped), no statement of the properties.
        """
        dropped: Counter[str] = Counter()
        tables = [pl.DataFrame(schema=TRIPLE_SCHEMA)]
        names = PropertyNames(properties)
        tables.extend(self._triples(names, dropped))
        triples = pl.concat(tables)
        if triples.is_empty():
            seen = seen_properties(names.others, list(properties)) if names.others else ""
            raise ValueError(
                f"{_names(self.triple_files)}: no statement of the chosen properties "
                f"among {dropped.total()} rows. {seen} "
                "Check data.triples, or choose others with data.properties."
            )

        notes: Counter[str] = Counter()
        # One join over all blocks: its hash table holds every entity that is named.
        entities = pl.concat(list(self._entities(notes)))
        wanted = entities_of(triples).to_frame()
        named = entities.join(wanted, on="entity", how="semi", maintain_order="left")
        labels, language = plain_labels(named, self.language, notes, _names(self.entity_files))
        return TripleSource(
            triples,
            labels.filter(pl.col("entity").is_first_distinct()),
            triples.height + dropped.total(),
            dropped,
            notes=notes,
            origin=f"Wikidata5M layout: {_names(self.triple_files)}; {_names(self.entity_files)}",
            language=language or self.language or ENGLISH,
            other_properties=names.others,
        )

    def _triples(self, names: PropertyNames, dropped: Counter[str]) -> Iterator[pl.DataFrame]:
        """The statements of these properties, block by block; the others are counted in ``dropped``."""
        subject = pl.col("subject")
        property = pl.col("property")
        object = pl.col("object")
        is_chosen = property.is_in(list(names.properties))
        are_items = _is(subject, ENTITY_ID) & _is(object, ENTITY_ID)
        log = self._file_log("data.triples", self.triple_files)
        for path, first, block in _blocks(self.triple_files, self.encoding):
            # A fourth column, to see which rows have too many fields.
            rows = _fields(path, first, block, [*TRIPLE_SCHEMA, "more"])
            if may_hold_iris(block):
                rows = with_plain_ids(rows, list(TRIPLE_SCHEMA))
            log.add(path, rows.height)

            # A block has hundreds of thousands of rows, but few properties: each of these is looked at once.
            property_ids = []
            for name in rows["property"].unique():
                if name and PROPERTY_ID.fullmatch(name):
                    property_ids.append(name)
            has_three_fields = object.is_not_null() & pl.col("more").is_null()
            misshapen = rows.filter(~(has_three_fields & property.is_in(property_ids)))

            # Ids are looked at in the chosen rows alone, a tenth of all; the shape of a row in every one.
            without_ids = rows.filter(is_chosen).filter(~are_items)
            # A row that is wrong in both ways counts once, and an error names the first.
            wrong = pl.concat([misshapen, without_ids]).unique("line").sort("line")
            rows = self._without(rows, wrong, path, first, block, ROW["triple"], dropped)

            chosen = names.chosen(rows)
            dropped["other property"] += rows.height - chosen.height
            yield chosen.select(*TRIPLE_SCHEMA)
        log.tell()

    def _entities(self, notes: Counter[str]) -> Iterator[pl.DataFrame]:
        """Entities with their labels, block by block; bad rows are counted in ``notes``."""
        entity = pl.col("entity")
        label = pl.col("label")
        log = self._file_log("data.entities", self.entity_files)
        for path, first, block in _blocks(self.entity_files, self.encoding):
            rows = _fields(path, first, block, list(LABEL_SCHEMA))
            if may_hold_iris(block):
                rows = with_plain_ids(rows, ["entity"])
            log.add(path, rows.height)
            single_fields = _single_fields(rows, first, block)
            lacks_label = label.is_null() & pl.col("line").is_in(single_fields)
            wrong = rows.filter(lacks_label | ~_is(entity, ENTITY_ID))
            rows = self._without(rows, wrong, path, first, block, ROW["entity"], notes, "bad entity row")
            labels = rows.select("entity", label.str.strip_chars())
            yield labels.filter(label != "")
        log.tell()

    def _file_log(self, key: str, files: list[tuple[Path, str]]) -> FileLog:
        """The log of these files, which says what a pattern of the user's own took."""
        pattern = self.patterns[key]
        if pattern is None or not glob.has_magic(pattern):
            return FileLog(key, {})
        return FileLog(key, dict.fromkeys((path for path, _ in files), pattern))

    def _without(
        self,
        rows: pl.DataFrame,
        wrong: pl.DataFrame,
        path: Path,
        first: int,
        block: bytes,
        expected: str,
        counts: Counter[str],
        reason: str = "bad row",
    ) -> pl.DataFrame:
        """The rows without the wrong ones, which are counted; or the first of them is refused.

        Args:
            rows, wrong: with line.
            path, first, block: where they stand, as ``_blocks`` yields it.
            expected: what a row should be.
            counts: raised under ``reason``.
        """
        if wrong.is_empty():
            return rows

        def first_wrong() -> str:
            [(number, line)] = _lines(wrong.head(1), first, block)
            fields = line.decode().rstrip("\r").split("\t")
            text = "  ".join(fields)
            return f"line {number} of {path}: expected {expected}, got {len(fields)}: {text[:80]!r}"

        self.bad_rows.settle(wrong.height, first_wrong, counts, reason)
        is_wrong = pl.col("line").is_in(wrong["line"].implode())
        return rows.filter(~is_wrong)


def _files_in(
    folder: Path, key: str, pattern: str | None, layouts: tuple[str, ...], archives: Mapping[str, str]
) -> list[tuple[Path, str]]:
    """Files, each with the members to read where it is an archive, else with "*".

    Args:
        folder: where they are.
        key: what the pattern is called in the configuration, for errors.
        pattern: name or glob; None: one of the usual layouts or archives.
        layouts: globs, each also with .gz or .bz2.
        archives: name -> the members to read.

    Raises:
        FileNotFoundError: nothing matches.
        ValueError: two layouts stand side by side and none was named.
    """
    if pattern:
        matches = glob.glob(str(folder / pattern))
        paths = sorted(Path(match) for match in matches)
        if not paths:
            raise FileNotFoundError(f"{key}={pattern}: no such file in {folder}.")
        return [(path, archives.get(path.name, "*")) for path in paths]

    # Each candidate is a list of files that belong together, such as the three parts of the transductive set.
    candidates = []
    for name in layouts:
        for suffix in ("", ".gz", ".bz2"):
            paths = sorted(folder.glob(name + suffix))
            if paths:
                candidates.append([(path, "*") for path in paths])
    for name, members in archives.items():
        if (folder / name).is_file():
            candidates.append([(folder / name, members)])

    if not candidates:
        usual_names = ", ".join([*layouts, *archives])
        raise FileNotFoundError(
            f"{folder}: found none of {usual_names} (plain, .gz or .bz2). "
            f"Name the file with {key}=NAME_OR_GLOB."
        )
    if len(candidates) > 1:
        listed = "; ".join(_names(files) for files in candidates)
        raise ValueError(f"{folder}: several candidates: {listed}. Say which with {key}=NAME_OR_GLOB.")
    return candidates[0]


def _blocks(files: list[tuple[Path, str]], encoding: TextEncoding) -> Iterator[tuple[Path, int, bytes]]:
    """Path, number of the first line, and text of each block.

    Raises:
        ValueError: a file without a line.
    """
    for path, members in files:
        line = 1
        for block in line_blocks(path, member=members, encoding=encoding):
            yield path, line, block
            line += block.count(b"\n")
        if line == 1:
            raise ValueError(f"{path}: the file is empty.")


def _fields(path: Path, first: int, block: bytes, columns: list[str]) -> pl.DataFrame:
    """The first fields of each line that is not blank, with its number in ``line``.

    Null where a field is empty or missing.
    """
    try:
        rows = pl.read_csv(
            block,
            separator="\t",
            has_header=False,
            quote_char=None,
            schema=dict.fromkeys(columns, pl.String),
            truncate_ragged_lines=True,
            missing_columns="insert",
            extra_columns="ignore",
            row_index_name="line",
            row_index_offset=first,
        )
    except pl.exceptions.ComputeError:
        # Most likely the text is not UTF-8: then this says in which line.
        decoded(block, path, first, checked_encoding(None))
        raise

    # A line of tabs alone has no fields either, but is a bad row and no blank line.
    is_hollow = pl.all_horizontal(pl.col(columns).is_null())
    blank_lines = []
    for number, line in _lines(rows.filter(is_hollow), first, block):
        if not line.strip(b"\r"):
            blank_lines.append(number)
    return rows.filter(~pl.col("line").is_in(blank_lines))


def _single_fields(rows: pl.DataFrame, first: int, block: bytes) -> list[int]:
    """The numbers of lines without a tab, which lack a label.

    A line with an empty label does not lack the field.
    """
    unlabelled = rows.filter(pl.col("label").is_null())
    return [number for number, line in _lines(unlabelled, first, block) if b"\t" not in line]


def _lines(rows: pl.DataFrame, first: int, block: bytes) -> list[tuple[int, bytes]]:
    """The lines behind some rows of a block, with their numbers."""
    # Nearly always there are none, and the block need not be cut up.
    lines = block.split(b"\n") if rows.height else []
    return [(number, lines[number - first]) for number in rows["line"]]


def _is(column: pl.Expr, pattern: re.Pattern[str]) -> pl.Expr:
    """Whether the whole of a string fits the pattern; a null does not."""
    return column.str.contains(f"^{pattern.pattern}$").fill_null(False)


def _names(files: Sequence[tuple[Path, str]]) -> str:
    return ", ".join(path.name for path, _ in files)
