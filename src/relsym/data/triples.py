"""Triple sources: one small reader each, all with the method ``read(properties)``."""

from __future__ import annotations

import glob
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol, runtime_checkable

ENTITY_ID = re.compile(r"Q[1-9]\d*")
PROPERTY_ID = re.compile(r"P[1-9]\d*")
TRIPLE_LAYOUTS = ("triples.tsv", "wikidata5m_all_triplet.txt", "wikidata5m_transductive_*.txt")
ENTITY_LAYOUTS = ("entities.tsv", "wikidata5m_entity.txt")


class Triple(NamedTuple):
    """One statement: subject and object are Q-ids, property is a P-id."""

    subject: str
    property: str
    object: str


@dataclass(frozen=True)
class TripleSource:
    """What a reader returns.

    triples: statements of the chosen properties, in file order.  labels: Q-id -> label.  aliases: Q-id -> further names.
    counts: what was left out on the way, by reason (rows of properties that were not asked for, bad rows, missing labels).
    """

    triples: list[Triple]
    labels: dict[str, str]
    aliases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@runtime_checkable
class TripleReader(Protocol):
    """What every source offers."""

    def read(self, properties: Container[str]) -> TripleSource:
        """Read the statements of these properties and the labels of their entities."""


class Wikidata5MFolder:
    """Any folder in the layout of the Wikidata5M raw files.

    Triples: ``subject<TAB>property<TAB>object``; entities: ``Q-id<TAB>label[<TAB>alias...]``. Both plain or .gz.

    Args:
        folder: where the files are.
        triples, entities: file names or globs inside the folder (or absolute); None looks for triples.tsv + entities.tsv, else for
            wikidata5m_all_triplet.txt or all wikidata5m_transductive_*.txt, + wikidata5m_entity.txt.
        on_bad_row: "error" or "skip" (dropped and counted).
        on_missing_label: "error" or "drop" (the fact is dropped and counted).
    """

    def __init__(self, folder: str | None, triples: str | None = None, entities: str | None = None,
                 on_bad_row: str = "error", on_missing_label: str = "error") -> None:
        if folder is None:
            raise ValueError("data.folder is not set: pass data.folder=PATH, the folder with the Wikidata5M raw files.")
        self.folder = Path(folder).expanduser()
        if not self.folder.is_dir():
            raise FileNotFoundError(f"data.folder: no such folder: {self.folder}. Pass data.folder=PATH of an existing one.")
        _check_choice("data.on_bad_row", on_bad_row, ("error", "skip"))
        _check_choice("data.on_missing_label", on_missing_label, ("error", "drop"))
        self.skip_bad, self.drop_unlabelled = on_bad_row == "skip", on_missing_label == "drop"
        self.triple_files, self.entity_files = find_files(self.folder, triples, entities)

    def read(self, properties: Container[str]) -> TripleSource:
        """Read the statements of ``properties``, then the labels of just the entities they name."""
        counts: Counter[str] = Counter()
        triples = list(self._triples(properties, counts))
        if not triples:
            raise ValueError(f"{_names(self.triple_files)}: no statement of the chosen properties among "
                             f"{counts['other property']} rows. Check data.triples, or choose others with data.properties.")
        wanted = {entity for triple in triples for entity in (triple.subject, triple.object)}
        names = dict(self._entities(wanted, counts))
        if missing := wanted - names.keys():
            triples = self._labelled(triples, missing, counts)
        return TripleSource(triples, {q: n[0] for q, n in names.items()}, {q: n[1:] for q, n in names.items() if n[1:]}, counts)

    def _triples(self, properties: Container[str], counts: Counter[str]) -> Iterator[Triple]:
        for path, number, fields in _rows(self.triple_files):
            if len(fields) != 3 or not (ENTITY_ID.fullmatch(fields[0]) and PROPERTY_ID.fullmatch(fields[1])
                                        and ENTITY_ID.fullmatch(fields[2])):
                self._bad_row(path, number, fields, "3 tab-separated fields (subject Q-id, property P-id, object Q-id)", counts)
            elif fields[1] in properties:
                yield Triple(*fields)
            else:
                counts["other property"] += 1

    def _entities(self, wanted: Container[str], counts: Counter[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
        for path, number, fields in _rows(self.entity_files):
            names = tuple(filter(None, (name.strip() for name in fields[1:])))
            if not ENTITY_ID.fullmatch(fields[0]) or len(fields) < 2:
                self._bad_row(path, number, fields, "at least 2 tab-separated fields (Q-id, label)", counts)
            elif fields[0] in wanted and names:
                yield fields[0], names

    def _bad_row(self, path: Path, number: int, fields: list[str], expected: str, counts: Counter[str]) -> None:
        if not self.skip_bad:
            raise ValueError(f"line {number} of {path}: expected {expected}, got {len(fields)}: {'  '.join(fields)[:80]!r}. "
                             "Pass data.on_bad_row=skip to drop and count such rows.")
        counts["bad row"] += 1

    def _labelled(self, triples: list[Triple], missing: set[str], counts: Counter[str]) -> list[Triple]:
        if not self.drop_unlabelled:
            raise ValueError(f"{_names(self.entity_files)}: no label for {len(missing)} of the entities that the triples name, first "
                             f"{sorted(missing)[0]}. Pass data.on_missing_label=drop to drop and count their facts.")
        kept = [t for t in triples if t.subject not in missing and t.object not in missing]
        counts["no label"] += len(triples) - len(kept)
        return kept


def find_files(folder: Path, triples: str | None, entities: str | None) -> tuple[list[Path], list[Path]]:
    """The triple files and the entity files of a folder.

    Raises:
        FileNotFoundError: nothing matches.  ValueError: two layouts stand side by side and none was named.
    """
    found_triples = _named(folder, "data.triples", triples) if triples else _unnamed(folder, "data.triples", TRIPLE_LAYOUTS)
    found_entities = _named(folder, "data.entities", entities) if entities else _unnamed(folder, "data.entities", ENTITY_LAYOUTS)
    return found_triples, found_entities


def _named(folder: Path, key: str, pattern: str) -> list[Path]:
    found = sorted(Path(p) for p in glob.glob(str(folder / pattern)))
    if not found:
        raise FileNotFoundError(f"{key}={pattern}: no such file in {folder}.")
    return found


def _unnamed(folder: Path, key: str, layouts: tuple[str, ...]) -> list[Path]:
    candidates = [sorted(folder.glob(name + suffix)) for name in layouts for suffix in ("", ".gz")]
    candidates = [files for files in candidates if files]
    if not candidates:
        raise FileNotFoundError(f"{folder}: found none of {', '.join(layouts)} (plain or .gz). Name the file with {key}=NAME_OR_GLOB.")
    if len(candidates) > 1:
        listed = "; ".join(_names(files) for files in candidates)
        raise ValueError(f"{folder}: several candidates: {listed}. Say which with {key}=NAME_OR_GLOB.")
    return candidates[0]


def _rows(paths: list[Path]) -> Iterator[tuple[Path, int, list[str]]]:
    """Path, line number and fields of each non-blank line.

    Raises:
        ValueError: a file without a line, or a line that is not UTF-8.
    """
    for path in paths:
        number = 0
        for number, line in enumerate(_lines(path), start=1):
            try:
                text = line.decode("utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise ValueError(f"line {number} of {path}: not UTF-8 (byte {error.start}: {line[error.start]:#04x}). "
                                 f"Convert the file, for example with: iconv -f latin1 -t utf-8 {path.name}") from error
            if text:
                yield path, number, text.split("\t")
        if not number:
            raise ValueError(f"{path}: the file is empty.")


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else open(path, "rb") as lines:
            yield from lines
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}). Fetch it again.") from error


def _names(paths: list[Path]) -> str:
    return ", ".join(str(path) for path in paths)


def _check_choice(key: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{key}={value}: expected {' or '.join(choices)}.")
