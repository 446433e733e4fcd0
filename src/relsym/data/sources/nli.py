"""Three-way NLI sets, from a folder or from the hub, as rows of premise, hypothesis and label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from relsym.data.pairs import FORMS, Row
from relsym.data.sources.layout import Schema, shortened
from relsym.data.sources.nli_files import NLI_FILES, ROUNDS
from relsym.data.sources.nli_labels import NO_CONSENSUS, Meanings, checked_label_names
from relsym.data.sources.nli_tables import FolderTables, HubTables, NliTable, Tables
from relsym.data.triples import check_choice

ROW_COLUMNS = ("premise", "hypothesis", "label")
# The columns of MNLI and SNLI, of the hub's sets, of ANLI, and of other sets of GLUE's kind.
KNOWN = (
    ("sentence1", "sentence2", "gold_label"),
    ROW_COLUMNS,
    ("context", "hypothesis", "label"),
    ("sentence1", "sentence2", "label"),
)
TITLE_PATTERN = re.compile(r"\w[\w.-]*")


class NliSource:
    """A set with a training and a test part, in JSONL, TSV, CSV or Parquet files, or on the hub.

    Args:
        layout: "mnli", "snli", "anli" or "nli" (any set): which names of files and parts are looked for.
        folder: where the files are.  hub, config, revision: or a data set of the hub, as ``HubSet`` takes it.
        train, test: files (names or globs; with rounds, in each round's folder) or parts; None looks for the
        usual names. rounds: of ANLI, joined in this order, or one; None: the set has none. columns: premise,
        hypothesis, label -> names of columns; a role that is null or not there is found by the names in
        ``KNOWN``. label_names: what the label's numbers mean, in their order from 0; None: the hub declares
        it, or there are none. title: what form, property and metrics are called; None: the layout's name.
    """

    def __init__(
        self,
        layout: str,
        folder: str | None = None,
        hub: str | None = None,
        config: str | None = None,
        revision: str | None = None,
        train: str | None = None,
        test: str | None = None,
        rounds: Sequence[int] | int | None = None,
        columns: Mapping[str, str | None] | None = None,
        label_names: Sequence[str] | None = None,
        title: str | None = None,
    ) -> None:
        rounds = [rounds] if isinstance(rounds, int) else rounds
        check_choice("data.layout", layout, tuple(NLI_FILES))
        self.title, self.name, self.label_names = title, title or layout, checked_label_names(label_names)
        if not TITLE_PATTERN.fullmatch(self.name) or self.name in ("train", *FORMS):
            raise ValueError(
                f"data.title={title}: metrics are called by it: expected letters, digits, dots, dashes and "
                "underscores, not "
                f"train or {' or '.join(FORMS)}."
            )
        if rounds is not None and (not rounds or len(set(rounds)) < len(rounds) or set(rounds) - set(ROUNDS)):
            raise ValueError(f"data.rounds={list(rounds)}: expected some of {list(ROUNDS)}, each once.")
        names = {"layout": layout, "train": train, "test": test, "rounds": rounds}
        self.tables = _tables(folder, hub, config, revision, schema=_schema(columns or {}), **names)

    def rows(self, part: str, counts: Counter[str]) -> Iterator[Row]:
        """The rows of "train" or "test"; those without a consensus label are dropped and counted.

        Raises:
            ValueError: an empty or damaged table, a row without one of the columns, a label that says none of
            the three.
        """
        for table in self.tables.of(part):
            number, dropped = 0, 0
            meanings = Meanings(self.label_names, table.declared, table.origin)
            for row, *fields in (row for block in table.blocks for row in _filled(block, table).iter_rows()):
                number += 1
                label = _meaning(meanings, fields[-1], table, row)
                if label == NO_CONSENSUS:
                    dropped += 1
                else:
                    yield Row(f"{table.name}:{number}", self.name, self.name, *fields[:2], label)
            if dropped:
                counts["no consensus label"] += dropped
            if not number:
                raise ValueError(
                    f"{table.origin}: the file is empty. Say which holds the {part} rows with "
                    f"data.{part}=NAME."
                )
            if dropped == number:
                raise ValueError(
                    f"{table.origin}: none of its {number} rows has a label (each is - or -1), as where a "
                    "test part's labels "
                    f"are kept secret. Name one with labels: data.{part}=NAME."
                )


def _meaning(meanings: Meanings, label: str, table: NliTable, row: int) -> str:
    try:
        return meanings.of(label)
    except ValueError as error:
        raise ValueError(f"{table.place(row)}: {error}") from error


def _filled(block: pl.DataFrame, table: NliTable) -> pl.DataFrame:
    """Row, premise, hypothesis and label of each row; they may be empty, but they have to be there."""
    if not (bad := block.filter(pl.any_horizontal(pl.col(*ROW_COLUMNS).is_null()))).is_empty():
        first = bad.row(0, named=True)
        lacking = [name for name in ROW_COLUMNS if first[name] is None]
        came = first.get("text") or {name: first[name] for name in ROW_COLUMNS}
        raise ValueError(
            f"{table.place(first['row'])}: no {', '.join(lacking)}: expected "
            f"{first.get('expected', 'a row')}, got "
            f"{shortened(came)}. Correct the row or take it out."
        )
    return block.select("row", *ROW_COLUMNS)


def _schema(columns: Mapping[str, str | None]) -> Schema:
    if unknown := columns.keys() - set(ROW_COLUMNS):
        raise ValueError(
            f"data.columns: unknown {', '.join(sorted(unknown))}: expected {', '.join(ROW_COLUMNS)}."
        )
    given = {role: name for role, name in columns.items() if name}
    known = tuple(dict(zip(ROW_COLUMNS, names, strict=True)) | given for names in KNOWN)
    return Schema(
        "data.columns",
        "",
        {role: role for role in ROW_COLUMNS} | given,
        ROW_COLUMNS,
        ROW_COLUMNS,
        None,
        True,
        known,
    )


def _tables(
    folder: str | None, hub: str | None, config: str | None, revision: str | None, **options: Any
) -> Tables:
    if folder and hub:
        raise ValueError(f"data.folder={folder} and data.hub={hub}: leave one of them out.")
    if not (folder or hub):
        raise ValueError(
            "data.folder=None: no such folder, nor is data.hub set. Pass data.folder=PATH of a folder with "
            "its files, or "
            "data.hub=OWNER/NAME of a data set on the Hugging Face hub."
        )
    if folder and (config or revision):
        raise ValueError(
            f"data.{'config' if config else 'revision'} is for data.hub; data.folder={folder} has none. "
            "Leave it out."
        )
    return FolderTables(folder, **options) if folder else HubTables(hub, config, revision, **options)
