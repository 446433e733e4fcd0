"""What every model offers to ``relsym evaluate``, whatever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from relsym.data.pairs import Row
from relsym.data.relations import Relation
from relsym.runs.results import Reading

# Is called with the number of rows that have just been done, for a progress bar.
Advance = Callable[[int | float], None]
# By name, with one entry per row.
Columns = dict[str, list]


class Judged(NamedTuple):
    """Answers of one reading, one per row.

    labels: names of labels; None where the model gave no answer that could be read, which is counted and
        never guessed.
    scores: how much speaks for entailment, the more the higher (in [0, 1] where the reading is a
        probability); None where the row has none. None altogether for readings that give labels alone.
    """

    labels: list[str | None]
    scores: list[float | None] | None = None


class Examples(NamedTuple):
    """What a model may look at before it is asked.

    labels: the names of the benchmark's labels.
    train: labelled rows, mixed over forms as drawn (few-shot examples, k-NN memory).
    relations: the property table that the rows are about; empty where they are about none.
    """

    labels: tuple[str, ...]
    train: list[Row]
    relations: Mapping[str, Relation] = MappingProxyType({})


class Model(ABC):
    """Measures rows and reads answers off what it measured.

    Measuring is what costs (a forward pass, a request); it is done in shards, each kept on disk, so
    ``measure`` must depend on nothing but the model's own settings, ``prepare`` and its rows. Reading is
    cheap, and done again from the stored numbers.

    kind: what it is, for a report (encoder, nli, causal_lm ...).
    shard_rows: how many rows are measured between two writes to the disk.
    fixed: its answers were given before, so only the scored rows, and the rated ones beside them, can be
        asked: no validation rows, no exchanged texts.
    learns: whether it answers from the labelled rows of ``prepare``, so that it needs some.
    name: what a report calls the model.
    source: where weights came from (name, revision or commit), for the record.
    """

    kind: ClassVar[str]
    shard_rows: ClassVar[int] = 2048
    fixed: ClassVar[bool] = False
    learns: bool = False
    name: str
    source: Mapping[str, Any]

    def prepare(self, examples: Examples) -> None:  # noqa: B027
        """Take the labelled rows, before anything is measured.

        Raises:
            ValueError: they do not fit the model.
        """

    def forms(self, forms: Sequence[str]) -> list[str]:
        """Those of the forms that it can be asked in, where the user names none."""
        return list(forms)

    def check_rows(self, rows: Sequence[Row]) -> None:  # noqa: B027
        """Look at all rows that will be scored, before anything is measured.

        Raises:
            ValueError: the model cannot be asked about one of them.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """SHA-256 of what answers: weights and vocabulary, an endpoint's model name, a file's content.

        Settings are no part of it: the config says them.
        """

    @abstractmethod
    def measure(self, rows: Sequence[Row], advance: Advance = lambda count: None) -> Columns:
        """Columns of numbers or texts, one entry per row: log-likelihoods, probabilities, raw answers.

        Values are what Parquet holds: float, int, str or None. The columns are the same for every call.
        ``advance`` is told how many rows are done, as they are.
        """

    def lacks_answers(self, columns: Columns) -> bool:
        """Whether an answer is missing in these columns that could be had if the rows were measured again."""
        return False

    @abstractmethod
    def readings(self) -> tuple[Reading, ...]:
        """The ways to read an answer, the plainest first.

        They no longer change once ``prepare`` and ``calibrate`` were called.
        """

    @abstractmethod
    def read(self, reading: str, form: str, measured: Columns) -> Judged:
        """The answers of one reading, from the columns of any rows of one form."""

    def calibrate(self, form: str, labels: Sequence[str], measured: Columns) -> None:  # noqa: B027
        """Choose what a reading leaves open (a threshold) on validation rows of a form.

        Called once for each form, before ``readings``; not called where no validation rows were asked for:
        readings that need it do not exist then.
        """

    def costs(self, measured: Columns) -> dict[str, float]:
        """What measuring these rows took beside time (tokens, requests, money).

        Read from the columns, so that a run that was broken off and goes on counts everything once.
        """
        return {}
