"""Answers that something else gave, from a table."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import file_digest
from pathlib import Path
from typing import ClassVar, TextIO, final

import polars as pl

from relsym.data.pairs import Row
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.models.base import Advance, Columns, Judged, Model, Reading
from relsym.models.function import judge


def _check_csv(stream: TextIO) -> None:
    """Refuse a column name that stands twice, and a row with another number of fields than the header."""
    reader = csv.reader(stream, strict=True)
    try:
        header = next(reader, [])
        _refuse_repeated(header, "line 1")
        for row in reader:
            if row and len(row) != len(header):
                expected = f"expected {len(header)} fields, as the header has"
                raise ValueError(f"line {reader.line_num}: {expected}, got {len(row)}")
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def _check_jsonl(stream: TextIO) -> None:
    """Refuse a key that stands twice in one line. What is no JSON is refused by whoever reads the lines."""
    for number, line in enumerate(stream, start=1):
        try:
            pairs = json.loads(line, object_pairs_hook=list)
        except (json.JSONDecodeError, RecursionError):
            continue
        is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
        if is_object:
            _refuse_repeated([key for key, _ in pairs], f"line {number}")


def _refuse_repeated(names: Sequence[str], place: str) -> None:
    """Refuse a name that stands twice."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"{place}: {', '.join(repeated)} stands there more than once")


# No type is guessed from the first lines: those of a CSV file are texts, of JSONL all lines are looked at.
TABLE_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": partial(pl.read_csv, infer_schema=False),
    ".jsonl": partial(pl.read_ndjson, infer_schema_length=None),
}
ROW_KEY = ("pair_id", "form")
TYPES = {"pair_id": pl.String, "form": pl.String, "prediction": pl.String, "score": pl.Float64}
_Key = tuple[str, str]  # pair_id and form
_Answer = tuple[str | None, float | None]  # prediction and score
LINE_CHECKS: dict[str, Callable[[TextIO], None]] = {".csv": _check_csv, ".jsonl": _check_jsonl}
WANTED = "Columns: pair_id, form, and prediction (a label) or score (the probability of entailment), or both"


@final
class PredictionTable(Model):
    """A table with one answer for each row of the benchmark: Parquet, CSV or JSONL.

    Columns ``pair_id`` and ``form`` as ``relsym export task=rows`` writes them, and ``prediction``
    (entailment, neutral, contradiction; empty: no answer), ``score`` (probability of entailment), or both.
    Every scored row needs one line; lines about other rows are refused unless ``ignore_others``. A form that
    no line is about is not scored, unless ``forms`` names it.

    Args:
        file: the table.
        ignore_others: lines that no scored row asks for are left alone.

    Raises:
        FileNotFoundError: no such file.
        ValueError: missing or duplicate rows, unknown columns or labels, scores outside [0, 1].
    """

    kind: ClassVar[str] = "predictions"
    # Looking answers up costs next to nothing, so there is little to lose between two writes.
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
        self.path = path
        self.ignore_others = ignore_others
        self.name = path.stem
        self.source = {"name": str(path)}
        self.table = self._read()

    def forms(self, forms: Sequence[str]) -> list[str]:
        """Those that some line is about; all, if none is, which ``check_rows`` refuses then."""
        answered = {form for _, form in self.table}
        return [form for form in forms if form in answered] or list(forms)

    def check_rows(self, rows: Sequence[Row]) -> None:
        """Every row has its line, and every line its row.

        Raises:
            ValueError: with counts and examples.
        """
        # Both at once rather than row by row: the message counts all that is missing.
        scored = {(row.pair_id, row.form) for row in rows}
        answered = set(self.table)
        self._refuse_keys(
            scored - answered, "rows have no line", "Add them (an empty prediction is counted as no answer)"
        )
        if not self.ignore_others:
            self._refuse_keys(
                answered - scored,
                "lines are about rows that are not scored here",
                "Check that data.* and forms are what the table was made for, or pass "
                "model.ignore_others=true",
            )

    def fingerprint(self) -> str:
        """SHA-256 of the file."""
        return self.hash

    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Prediction and score of each row, as the table has them; the one that it lacks is None."""
        labels: list[str | None] = []
        scores: list[float | None] = []
        for row in rows:
            label, score = self.table[row.pair_id, row.form]
            labels.append(label)
            scores.append(score)
        advance(len(rows))
        return {"label": labels, "entailment": scores}

    def readings(self) -> tuple[Reading, ...]:
        """One: the predictions; where there is none, a score of one half or more is entailment."""
        return (Reading("answer", probability=True),)

    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """Predictions, or what their scores say; see ``judge``."""
        return judge(measured["label"], measured["entailment"])

    def _read(self) -> dict[_Key, _Answer]:
        """Prediction and score by pair_id and form, once all lines are found to be right."""
        if self.path.suffix in LINE_CHECKS:
            self._check_lines(LINE_CHECKS[self.path.suffix])
        try:
            table = TABLE_READERS[self.path.suffix](self.path)
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.path}: cannot be read ({reason}). {WANTED}.") from error
        table = self._typed(table)
        no_key = table.filter(pl.any_horizontal(pl.col(ROW_KEY).is_null()))
        if no_key.height:
            raise ValueError(
                f"{self.path}: {no_key.height} lines have no pair_id or no form. Fill them in as relsym "
                "export task=rows writes them."
            )
        # Whatever is compared with null is null, and a filter drops it: lines without a prediction or without
        # a score are never refused below.
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
        # A comprehension, since there may be millions of lines.
        lines = table.select(*ROW_KEY, "prediction", "score").iter_rows()
        return {(pair_id, form): (label, score) for pair_id, form, label, score in lines}

    def _check_lines(self, check: Callable[[TextIO], None]) -> None:
        """Refuse a text of whose lines it is not clear which value is of which column; polars takes one."""
        try:
            with open(self.path, newline="", encoding="utf-8-sig") as stream:
                check(stream)
        except UnicodeDecodeError as error:
            raise ValueError(f"{self.path}: not UTF-8 ({error.reason}). {WANTED}.") from error
        except ValueError as error:
            raise ValueError(f"{self.path}, {error}. {WANTED}.") from error

    def _typed(self, table: pl.DataFrame) -> pl.DataFrame:
        """The columns ``TYPES``; ``prediction`` and ``score`` are null where a line has none."""
        present = set(table.columns)
        if not set(ROW_KEY) <= present or not present & {"prediction", "score"}:
            names = ", ".join(table.columns)
            raise ValueError(f"{self.path}: has the columns {names}. {WANTED}.")
        columns = []
        for name, dtype in TYPES.items():
            if name not in table.columns:
                columns.append(pl.lit(None, dtype).alias(name))
                continue
            stored = table[name].dtype
            if stored.is_nested() or stored == pl.Boolean:
                raise ValueError(f"{self.path}: the column {name} holds {stored}. {WANTED}.")
            column = pl.col(name)
            if not stored.is_numeric():
                # Numbers may be written as texts; an empty text is no answer.
                column = column.cast(pl.String).replace("", None)
            columns.append(column.cast(dtype).alias(name))
        try:
            return table.select(columns)
        except pl.exceptions.PolarsError as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{self.path}: a prediction or a score cannot be read ({reason}). {WANTED}."
            ) from error

    def _refuse(self, lines: pl.DataFrame, problem: str, advice: str) -> None:
        """Raise a ValueError about these lines, if there are any."""
        if lines.height:
            keys = lines.select(ROW_KEY).unique(maintain_order=True).head(3).iter_rows()
            self._refuse_lines(lines.height, f"lines {problem}", keys, advice)

    def _refuse_keys(self, keys: set[_Key], problem: str, advice: str) -> None:
        """Raise a ValueError about the rows with these keys, if there are any."""
        if keys:
            self._refuse_lines(len(keys), problem, sorted(keys)[:3], advice)

    def _refuse_lines(self, count: int, problem: str, keys: Iterable[_Key], advice: str) -> None:
        """Raise a ValueError that names some of the keys."""
        names = [f"{pair_id} {form}" for pair_id, form in keys]
        examples = ", ".join(names)
        raise ValueError(f"{self.path}: {count} {problem}, such as {examples}. {advice}.")
