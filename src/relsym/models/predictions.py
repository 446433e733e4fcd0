"""Answers that something else gave, from a table."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from hashlib import file_digest
from pathlib import Path
from typing import ClassVar, final

import polars as pl

from relsym.data.pairs import Row
from relsym.data.sources.json_lines import LONE_SURROGATE, json_fault, parsed_json
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.models.base import Advance, Columns, Judged, Model, Reading
from relsym.models.function import judge
from relsym.text_encoding import refuse_lone_returns, text_of


def _check_csv(text: str) -> None:
    """Refuse a column name that stands twice, and a row with another number of fields than the header."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _refuse_repeated(header, "line 1")
        for row in reader:
            if row and len(row) != len(header):
                expected = f"expected {len(header)} fields, as the header has"
                raise ValueError(f"line {reader.line_num}: {expected}, got {len(row)}")
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error


def _csv_table(path: Path) -> pl.DataFrame:
    """The cells of a CSV file, as texts."""
    text = text_of(path.read_bytes(), str(path))
    refuse_lone_returns(text.encode(), str(path))
    _check_csv(text)
    return pl.read_csv(text.encode(), infer_schema=False)


def _jsonl_table(path: Path) -> pl.DataFrame:
    """The columns ``TYPES`` of a JSONL file, whichever of them its lines have; scores as texts.

    Every value is looked at by itself: what stands in one line says nothing about the type of the others.
    """
    text = text_of(path.read_bytes(), str(path))
    refuse_lone_returns(text.encode(), str(path))
    columns: dict[str, list[str | None]] = {}
    height = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = _answer_of_line(line)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
        for name, value in values.items():
            # A column that a later line is the first to have is empty in the lines before.
            columns.setdefault(name, [None] * height).append(value)
        height += 1
        for column in columns.values():
            if len(column) < height:
                column.append(None)
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _answer_of_line(line: str) -> dict[str, str | None]:
    """The values that a line of JSONL has for the columns ``TYPES``, as texts."""
    try:
        entry = parsed_json(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(json_fault(line, ())) from error
    if not isinstance(entry, dict):
        raise ValueError(json_fault(line, ()))
    values = {}
    for name in TYPES:
        if name in entry:
            values[name] = _text_of_value(name, entry[name])
    return values


def _text_of_value(name: str, value: object) -> str | None:
    """A value of a line as a text; None where it is null. Raises ValueError where it is no answer."""
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not isinstance(value, str) and not is_number:
        raise ValueError(f"the {name} is {str(value)[:40]}: expected a text or a number")
    text = str(value)
    lone = LONE_SURROGATE.search(text)
    if lone:
        raise ValueError(f"the {name} holds \\u{ord(lone[0]):x}, half of a character (a lone surrogate)")
    return text


def _refuse_repeated(names: Sequence[str], place: str) -> None:
    """Refuse a name that stands twice."""
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise ValueError(f"{place}: {', '.join(repeated)} stands there more than once")


# No type is guessed from the first lines: what is no Parquet is read as texts.
TABLE_READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    ".parquet": pl.read_parquet,
    ".csv": _csv_table,
    ".jsonl": _jsonl_table,
}
ROW_KEY = ("pair_id", "form")
TYPES = {"pair_id": pl.String, "form": pl.String, "prediction": pl.String, "score": pl.Float64}
_Key = tuple[str, str]  # pair_id and form
_Answer = tuple[str | None, float | None]  # prediction and score
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
        if path.suffix.lower() not in TABLE_READERS:
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
        try:
            table = TABLE_READERS[self.path.suffix.lower()](self.path)
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(f"{self.path}: cannot be read ({reason}). {WANTED}.") from error
        except ValueError as error:
            # What ``text_of`` says begins with the file.
            problem = str(error).removesuffix(".")
            if not problem.startswith(str(self.path)):
                problem = f"{self.path}, {problem}"
            raise ValueError(f"{problem}. {WANTED}.") from error
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
