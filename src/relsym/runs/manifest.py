"""``manifest.json``: what a benchmark is made of, typed. The one place that knows its keys."""

from __future__ import annotations

from pathlib import Path

import msgspec

from relsym.runs.decoding import Count, Proportion, Sha256, decode, encode

MANIFEST_FORMAT = 1  # of the manifest and of the columns of the rows
BUILD_AGAIN = "Build the benchmark again with this version."


class SourceAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where the statements are from.

    origin: in one line, without paths of a machine.
    licence: SPDX id.
    language: of the labels.
    dropped: statements that became no fact, by reason; with facts_kept they are all that were read.
    notes: further counts.
    labelled: whether entities have labels; else ids stand in for them. Stored where it is false.
    named_by_ids: whether labels are made of the ids. Stored where it is true.
    wikidata: whether the statements are read from Wikidata. Stored where it is false.
    made_up: whether the statements are made up, of a bank of relations. Stored where it is true.
    """

    origin: str
    licence: str
    language: str
    statements_read: Count
    facts_kept: Count
    dropped: dict[str, Count]
    notes: dict[str, Count]
    labelled: bool = True
    named_by_ids: bool = False
    wikidata: bool = True
    made_up: bool = False


# Not Relation itself: relsym.runs imports no other room, and stored keys should not change with that class.
class Property(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One property as ``relsym.data.relations.Relation`` has it; a field that is empty is not stored."""

    property: str
    name: str
    kind: str
    template: str
    converse: str | None = None
    negation: str | None = None
    paraphrases: tuple[str, ...] = ()
    inverses: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    converses: tuple[str, ...] = ()
    meaning: str = ""
    slots: tuple[str, ...] = ()
    family: str = ""
    side: str = ""


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the audit found of one kind.

    decision: drop or keep.
    decided: whether somebody decided so; else it is the default.
    removed: facts or rows that were dropped.
    """

    count: Count
    decision: str
    decided: bool
    by_property: dict[str, Count]
    removed: Count
    examples: list[str]


class AuditAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The account of an audit.

    mode: strict or warn.
    found: the findings, by name.
    """

    mode: str
    found: dict[str, Finding]


class Fold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to train and test.

    held_out: properties that are tested and not trained on (none: all are both).
    left_out: further properties that leave training, because they speak about the same entity pairs.
    split: the column with the sides.
    variants: what is scored.
    """

    held_out: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    split: str = "split"
    variants: tuple[str, ...] = ("swap",)


class RowFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file with rows: how many, its size and its SHA-256."""

    rows: Count
    bytes: Count
    sha256: Sha256


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that the card says and that reading the benchmark needs.

    relsym: the version that built it.
    benchmark: its name.
    content_hash: SHA-256 over the rows.
    examples_asked: how many facts were asked for; None for as many as there are.
    examples: facts asked about.
    scaled_down: the source had fewer facts than were asked for.
    rows, counts, labels, labels_by_variant: by part (train, validation, test); counts then by property.
    variants: what is asked of each fact.
    score_variants: those that are scored unless a fold says otherwise.
    reverse_stated: by property, the share of its statements whose reverse is stated too.
    shared_pairs: share of the entity pairs that two properties (``P131 P361``) both speak about.
    entity_overlap: by part, the share of its entities that are in the training part too.
    trained_pairs: the folds that are trained on where all would take too long.
    files: by path below the folder.
    """

    format: int = MANIFEST_FORMAT
    relsym: str
    benchmark: str
    content_hash: Sha256
    examples_asked: Count | None
    examples: Count
    scaled_down: bool
    rows: dict[str, Count]
    variants: list[str]
    score_variants: list[str]
    both_directions: bool
    split: str
    split_seed: int
    seed: int
    source: SourceAccount
    relations: dict[str, Property]
    reverse_stated: dict[str, Proportion]
    audit: AuditAccount
    facts_drawn: Count
    counts: dict[str, dict[str, Count]]
    labels: dict[str, dict[str, Count]]
    labels_by_variant: dict[str, dict[str, Count]]
    shared_pairs: dict[str, Proportion]
    entity_overlap: dict[str, Proportion]
    folds: dict[str, Fold]
    trained_pairs: list[str]
    files: dict[str, RowFile]


def read_manifest(path: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: damaged, or of another format; the message names file and key.
    """
    return decode(path, Manifest, MANIFEST_FORMAT, BUILD_AGAIN)


def manifest_json(manifest: Manifest) -> str:
    """The content of the file."""
    return encode(manifest, indent=1)
