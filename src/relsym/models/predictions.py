"""Answers that something else gave, from a table."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import ClassVar, final

import polars as pl

from relsym.data.pairs import Row
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.models.base import Advance, Columns, Judged, Model, Reading
from relsym.models.function import judge

TABLE_READERS = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}
ROW_KEY = ("pair_id", "form")
WANTED = "Columns: pair_id, form, and prediction (a label) or score (the probability of entailment), or both"


@final
class PredictionTable(Model):
    """A table with one answer for each row of the benchmark: Parquet, CSV or JSONL.

    Columns ``pair_id`` and ``form`` as ``relsym export task=rows`` writes them, and ``prediction``
    (entailment, neutral, contradiction; empty: no answer), ``score`` (probability of entailment), or both.
    Every scored row needs one line; lines about other rows are refused unless ``ignore_others``.

    Args:
        file: the table.  ignore_others: lines that no scored row asks for are left alone.

    Raises:
        FileNotFoundError: no such file.  ValueError: missing or duplicate rows, unknown columns or labels,
        scores outside [0, 1].
    """

    kind: ClassVar[str] = "predictions"
    shard_rows: ClassVar[int] = 1_000_000
    fixed: ClassVar[bool] = True

    def __init__(self, file: str | None, ignore_others: bool) -> None:
        path = Path(file or "").expanduser()
        if file is None or not path.is_file():
            raise FileNotFoundError(
                f"model.file={file}: no such file. Pass model.file=TABLE of answers. {WANTED}."
            )
        if path.suffix not in TABLE_READERS:
            raise ValueError(f"model.file={file}: expected a file that ends in {', '.join(TABLE_READERS)}.")
        with open(path, "rb") as stream:
            self.hash = file_digest(stream, "sha256").hexdigest()
        self.path, self.ignore_others = path, ignore_others
        self.name, self.source = path.stem, {"name": str(path)}
        self.table = self._read()

    def check_rows(self, rows: Sequence[Row]) -> None:
        """Every row has its line, and every line its row.

        Raises:
            ValueError: with counts and examples.
        """
        asked, given = {(row.pair_id, row.form) for row in rows}, set(self.table)
        for what, found, advice in (
            ("rows have no line", asked - given, "Add them (an empty prediction is counted as no answer)"),
            (
                "lines are about rows that are not scored here",
                set() if self.ignore_others else given - asked,
                "Check that data.* is what the table was made for, or pass model.ignore_others=true",
            ),
        ):
            if found:
                examples = ", ".join(" ".join(key) for key in sorted(found)[:3])
                raise ValueError(f"{self.path}: {len(found)} {what}, such as {examples}. {advice}.")

    def fingerprint(self) -> str:
        """Of the file."""
        return self.hash

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """The lines of the rows."""
        lines = [self.table[row.pair_id, row.form] for row in rows]
        advance(len(rows))
        return {"label": [label for label, _ in lines], "entailment": [score for _, score in lines]}

    def readings(self) -> tuple[Reading, ...]:
        """The answers; a score from one half on is entailment where there is no prediction."""
        return (Reading("answer", probability=True),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """As given."""
        return judge(measured["label"], measured["entailment"])

    def _read(self) -> dict[tuple[str, str], tuple[str | None, float | None]]:
        try:
            table = TABLE_READERS[self.path.suffix](self.path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise ValueError(
                f"{self.path}: cannot be read ({str(error).splitlines()[0]}). {WANTED}."
            ) from error
        columns = set(table.columns)
        if not set(ROW_KEY) <= columns or not columns & {"prediction", "score"}:
            raise ValueError(f"{self.path}: has the columns {', '.join(table.columns)}. {WANTED}.")
        types = {"prediction": pl.String, "score": pl.Float64}
        try:
            given = {name: pl.col(name) if name in columns else pl.lit(None, pl.String) for name in types}
            table = table.with_columns(column.cast(types[name]).alias(name) for name, column in given.items())
        except pl.exceptions.PolarsError as error:
            raise ValueError(
                f"{self.path}: a prediction or a score cannot be read ({str(error).splitlines()[0]}). "
                f"{WANTED}."
            ) from error
        table = table.with_columns(pl.col("prediction").replace("", None))
        self._refuse(
            table.filter(pl.struct(ROW_KEY).is_duplicated()),
            "are there more than once",
            "Leave one line for each row and form",
        )
        self._refuse(
            table.filter(~pl.col("prediction").is_in(NLI_LABELS)),
            "have another prediction than " + ", ".join(NLI_LABELS),
            "Use these names, or leave the prediction empty",
        )
        self._refuse(
            table.filter(~pl.col("score").is_between(0, 1)),
            "have a score outside [0, 1]",
            "Give probabilities of entailment",
        )
        lines = table.select(*ROW_KEY, "prediction", "score").iter_rows()
        return {(pair, form): (label, score) for pair, form, label, score in lines}

    def _refuse(self, lines: pl.DataFrame, what: str, advice: str) -> None:
        if lines.height:
            keys = lines.select(ROW_KEY).unique(maintain_order=True).head(3).iter_rows()
            examples = ", ".join(" ".join(map(str, key)) for key in keys)
            raise ValueError(f"{self.path}: {lines.height} lines {what}, such as {examples}. {advice}.")
