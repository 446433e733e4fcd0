"""Three-way NLI sets, from a folder or from the hub, as rows of premise, hypothesis and label."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from relsym.data.pairs import FORMS, Row
from relsym.data.sources.layout import Annotators, Schema
from relsym.data.sources.nli_files import NLI_FILES, ROUNDS
from relsym.data.sources.nli_labels import ANNOTATIONS, NO_CONSENSUS, Meanings, checked_label_names
from relsym.data.sources.nli_tables import FolderTables, HubTables, NliTable, Tables
from relsym.data.sources.rows import content_of
from relsym.data.triples import BadRows, check_choice
from relsym.extras import install_line, needs
from relsym.text_encoding import TextEncoding, checked_encoding

LOG = logging.getLogger(__name__)
BAD_ROW = "bad row"
NO_CONSENSUS_LABEL = "no consensus label"
ROW_COLUMNS = ("premise", "hypothesis", "label")
# The columns of MNLI and SNLI, of the hub's sets, of ANLI, and of other sets of GLUE's kind.
KNOWN = (
    ("sentence1", "sentence2", "gold_label"),
    ROW_COLUMNS,
    ("context", "hypothesis", "label"),
    ("sentence1", "sentence2", "label"),
)
# In GLUE's files the annotators' labels stand before the gold label, in the original ones at the end. A row
# has as many as it had annotators: in SNLI one or five, whatever the header says.
ANNOTATORS = Annotators(column=r"label\d+", kinds=ANNOTATIONS, gold="gold_label")
# A title is part of a metric's name.
TITLE_PATTERN = re.compile(r"\w[\w.-]*")


@needs("data.hub", "datasets", install_line("hub"), argument="hub")
class NliSource:
    """A set with a training and a test part, in JSONL, TSV, CSV or Parquet files, or on the hub.

    Args:
        layout: "mnli", "snli", "anli" or "nli" (any set): which names of files and parts are looked for.
        folder: where the files are.
        hub, config, revision: or a data set of the hub, as ``HubTables`` takes it.
        train, test: files (names or globs; with rounds, in each round's folder) or parts; None looks for the
            usual names.
        rounds: of ANLI, joined in this order, or one; None: the set has none.
        columns: premise, hypothesis, label -> names of columns; a role that is null or not there is found by
            the names in ``KNOWN``.
        label_names: what the label's numbers mean, in their order from 0; None: the hub declares it, or there
            are none.
        title: what form, property and metrics are called; None: the layout's name.
        on_bad_row: "error" or "skip" (dropped and counted), for rows with other fields than the header says
            or without a text.
        on_bad_row_key: what that is called in the configuration, for errors; the encoding stands beside it.
        encoding: of text, such as utf-16-le, latin1 or cp1252; None: UTF-8. A byte order mark goes before it.

    Raises:
        ValueError: an argument that is unknown, out of its range or at odds with another; several files that
            may be meant.
        FileNotFoundError: no such folder or file.
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
        on_bad_row: str = "error",
        on_bad_row_key: str = "data.on_bad_row",
        encoding: str | None = None,
    ) -> None:
        check_choice("data.layout", layout, tuple(NLI_FILES))
        self.bad_rows = BadRows(on_bad_row, on_bad_row_key)
        self.title = title
        self.label_names = checked_label_names(label_names)
        self.name = checked_title(title) or layout
        rounds = _checked_rounds(rounds)
        group = on_bad_row_key.rpartition(".")[0]
        schema = _schema(columns or {}, checked_encoding(encoding, f"{group}.encoding"))
        self.tables = _tables(
            folder, hub, config, revision, layout=layout, train=train, test=test, rounds=rounds, schema=schema
        )

    def rows(self, part: str, counts: Counter[str]) -> Iterator[Row]:
        """The rows of "train" or "test"; those without a consensus label are dropped and counted.

        Raises:
            ValueError: an empty or damaged table, a bad row (unless skipped), a label that says none of the
                three, no row with a label in a whole table.
        """
        for table in self.tables.of(part):
            meanings = Meanings(self.label_names, table.declared, table.origin)
            rows_read = 0
            dropped: Counter[str] = Counter()
            for block in table.blocks:
                # Rows that are dropped are numbered too: a pair's id tells its row in the table.
                numbered = block.with_row_index("number", offset=rows_read + 1)
                rows_read += block.height
                rows = self._good(numbered, table, dropped)
                for number, row, premise, hypothesis, text in rows.iter_rows():
                    label = _meaning(meanings, text, table, row)
                    if label == NO_CONSENSUS:
                        dropped[NO_CONSENSUS_LABEL] += 1
                        continue
                    yield Row(f"{table.name}:{number}", self.name, self.name, premise, hypothesis, label)
            counts.update(+dropped)
            _announce(table, part, rows_read, +dropped)
            _check_counts(table, part, rows_read, dropped)

    def _good(self, rows: pl.DataFrame, table: NliTable, dropped: Counter[str]) -> pl.DataFrame:
        """Number, row, premise, hypothesis and label of each row but the bad ones.

        A text may be empty, but it has to be there; where nothing is filled in, a line is no row.
        """
        lacks_field = pl.any_horizontal(pl.col(*ROW_COLUMNS).is_null())
        is_hollow = pl.all_horizontal(pl.col(*ROW_COLUMNS).str.strip_chars() == "")
        is_bad = ~pl.col("whole") | lacks_field | is_hollow
        bad = rows.filter(is_bad)

        def first() -> str:
            row = bad.row(0, named=True)
            content = content_of(row, ROW_COLUMNS)
            return f"{table.place(row['row'])}: expected {row['expected']}, got {content}"

        self.bad_rows.settle(bad.height, first, dropped, BAD_ROW)
        return rows.filter(~is_bad).select("number", "row", *ROW_COLUMNS)


def checked_title(title: str | None) -> str | None:
    """``data.title``, by which form, property and metrics are called; None: by the option's name.

    Raises:
        ValueError: no part of a metric's name, or one that means something else.
    """
    if title and (not TITLE_PATTERN.fullmatch(title) or title in ("train", *FORMS)):
        raise ValueError(
            f"data.title={title}: metrics are called by it: expected letters, digits, dots, dashes and "
            f"underscores, not train or {' or '.join(FORMS)}."
        )
    return title


def _announce(table: NliTable, part: str, rows: int, dropped: Counter[str]) -> None:
    """Log how many rows a table has, and how many are left out for which reason."""
    reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(dropped.items()))
    left_out = f" (left out: {reasons})" if reasons else ""
    LOG.info("%s rows of %s: %d%s", part, table.origin, rows, left_out)


def _check_counts(table: NliTable, part: str, rows: int, dropped: Counter[str]) -> None:
    """Refuse a table without rows, or whose rows were all dropped."""
    if not rows:
        raise ValueError(
            f"{table.origin}: the file is empty. Say which holds the {part} rows with data.{part}=NAME."
        )
    if dropped.total() < rows:
        return
    if dropped[BAD_ROW]:
        raise ValueError(
            f"{table.origin}: no row of its {rows} is left: {dropped[BAD_ROW]} are bad rows, "
            f"{dropped[NO_CONSENSUS_LABEL]} have no consensus label. "
            f"Name another with data.{part}=NAME, or other columns in data.columns."
        )
    raise ValueError(
        f"{table.origin}: none of its {rows} rows has a label (each is empty, - or -1), "
        "as where a test part's labels are kept secret. "
        f"Name one with labels: data.{part}=NAME."
    )


def _meaning(meanings: Meanings, label: str, table: NliTable, row: int) -> str:
    """What a row's label means; an error says where the row is."""
    try:
        return meanings.of(label)
    except ValueError as error:
        raise ValueError(f"{table.place(row)}: {error}") from error


def _checked_rounds(rounds: Sequence[int] | int | None) -> Sequence[int] | None:
    """``data.rounds`` as a list, one round alone included; None where the set has none."""
    if rounds is None:
        return None
    if isinstance(rounds, int):
        rounds = [rounds]
    is_repeated = len(set(rounds)) < len(rounds)
    unknown = set(rounds) - set(ROUNDS)
    if not rounds or is_repeated or unknown:
        raise ValueError(f"data.rounds={list(rounds)}: expected some of {list(ROUNDS)}, each once.")
    return rounds


def _schema(columns: Mapping[str, str | None], encoding: TextEncoding) -> Schema:
    """The columns of a set: those that the user names, the others by the names in ``KNOWN``."""
    unknown = columns.keys() - set(ROW_COLUMNS)
    if unknown:
        raise ValueError(
            f"data.columns: unknown {', '.join(sorted(unknown))}: expected {', '.join(ROW_COLUMNS)}."
        )
    named = {role: name for role, name in columns.items() if name}
    alternatives = []
    for names in KNOWN:
        usual = dict(zip(ROW_COLUMNS, names, strict=True))
        alternatives.append(usual | named)
    own_names = {role: role for role in ROW_COLUMNS}
    return Schema(
        key="data.columns",
        header_key="",
        columns=own_names | named,
        standard=ROW_COLUMNS,
        required=ROW_COLUMNS,
        width=None,
        header=True,
        known=tuple(alternatives),
        nullable=("label",),
        annotators=ANNOTATORS,
        encoding=encoding,
    )


def _tables(
    folder: str | None, hub: str | None, config: str | None, revision: str | None, **options: Any
) -> Tables:
    """The set's tables, in a folder or on the hub; ``options`` are those that both take."""
    if folder and hub:
        raise ValueError(f"data.folder={folder} and data.hub={hub}: leave one of them out.")
    if not (folder or hub):
        raise ValueError(
            "data.folder=None: no such folder, nor is data.hub set. "
            "Pass data.folder=PATH of a folder with its files, "
            "or data.hub=OWNER/NAME of a data set on the Hugging Face hub."
        )
    if folder and (config or revision):
        key = "config" if config else "revision"
        raise ValueError(f"data.{key} is for data.hub; data.folder={folder} has none. Leave it out.")
    return FolderTables(folder, **options) if folder else HubTables(hub, config, revision, **options)
