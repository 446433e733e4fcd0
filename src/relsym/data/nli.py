"""MNLI and other three-way NLI sets in the same row shape."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import islice
from pathlib import Path

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.data.sampling import by_key, in_turn, shuffled
from relsym.data.splits import TEST, TRAIN, VALIDATION, VALIDATION_SHARE, uniform

NLI_LABELS = (ENTAILMENT, NEUTRAL, CONTRADICTION)
FORM = "mnli"
# The names of the columns in the official JSONL / GLUE's TSV and in the hub's rows.
COLUMNS = (("sentence1", "sentence2", "gold_label"), ("premise", "hypothesis", "label"))
NO_CONSENSUS = "-"
LAYOUTS = {"train": ("train.jsonl", "train_*.jsonl", "multinli_*_train.jsonl", "train.tsv"),
           "test": ("dev_matched.jsonl", "multinli_*_dev_matched.jsonl", "dev_matched.tsv")}


class NliData(PairData):
    """Three-way NLI rows from a folder: JSONL (official or hub column names) or GLUE's TSV.

    Training rows come from the training file less a validation part (10 % of the premises, by hash), score rows from the test file
    or from that validation part.

    Args:
        folder: where the files are.  train, test: file names or globs in it; None looks for the usual names.
        samples: training rows, balanced over the labels; None takes all, as they are.
        test_pairs: rows to score; None takes all.  sample_seed, score_on, batch_size, seed: as in ``SymmetryData``.
        split_seed: which premises are the validation part.
    """

    labels = NLI_LABELS

    def __init__(self, folder: str | None, train: str | None, test: str | None, samples: int | None, sample_seed: int, split_seed: int,
                 test_pairs: int | None, score_on: str, batch_size: int, seed: int) -> None:
        super().__init__(batch_size, score_on, seed)
        if folder is None or not Path(folder).expanduser().is_dir():
            raise FileNotFoundError(f"data.folder={folder}: no such folder. "
                                    "Pass data.folder=PATH of a folder with MNLI's JSONL or TSV files.")
        if samples is not None and samples < len(NLI_LABELS):
            raise ValueError(f"data.samples={samples}: at least {len(NLI_LABELS)}, one for each label.")
        if test_pairs is not None and test_pairs < 1:
            raise ValueError(f"data.test_pairs={test_pairs}: at least 1, or null for all.")
        folder = Path(folder).expanduser()
        self.train_file, self.test_file = _find(folder, "train", train), _find(folder, "test", test)
        self.samples, self.sample_seed, self.split_seed, self.test_pairs = samples, sample_seed, split_seed, test_pairs

    def read(self) -> None:
        """Read both files, take the validation part out of the training rows, draw, and hash what was read."""
        rows = list(self._rows(self.train_file))
        held_out = [row for row in rows if self._is_held_out(row)]
        train = [row for row in rows if not self._is_held_out(row)]
        test = list(self._rows(self.test_file))
        self._sides = {VALIDATION: held_out, TEST: test}
        self.train_rows = train if self.samples is None else self._draw(train, self.samples)
        self.score_rows = self.rows_of(self.score_on, self.test_pairs)
        self.counts.update({"train rows": len(train), "validation rows": len(held_out), "test rows": len(test)})
        self.content_hash = sha256("\n".join(map(repr, rows + test)).encode()).hexdigest()

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """See ``PairData``."""
        rows = self._sides[side]
        return {FORM: shuffled(rows, self.split_seed, "score rows")[:pairs] if pairs else rows}

    def _is_held_out(self, row: Row) -> bool:
        """By premise, since MNLI asks three hypotheses about each."""
        return uniform(self.split_seed, row.premise) < VALIDATION_SHARE

    def _draw(self, rows: list[Row], samples: int) -> list[Row]:
        pools = by_key(rows, (row.label for row in rows))
        drawn = list(islice(in_turn(shuffled(pools.get(label, []), self.sample_seed, label) for label in NLI_LABELS), samples))
        if len(drawn) < samples:
            raise ValueError(f"data.samples={samples}: the {TRAIN} part of {self.train_file} has only {len(rows)} rows.")
        return drawn

    def _rows(self, path: Path) -> Iterator[Row]:
        """Rows of one file; rows without a consensus label are dropped and counted."""
        number = 0
        for number, fields in enumerate(_records(path), start=1):
            premise, hypothesis, label = _columns(path, number, fields)
            if label == NO_CONSENSUS:
                self.counts["no consensus label"] += 1
            elif label not in NLI_LABELS:
                raise ValueError(f"row {number} of {path}: label {label!r}; expected one of {', '.join(NLI_LABELS)} (names, not "
                                 "numbers: the order of the numbers differs from set to set).")
            else:
                yield Row(f"{path.name}:{number}", FORM, FORM, premise, hypothesis, label)
        if not number:
            raise ValueError(f"{path}: the file is empty.")


def _columns(path: Path, number: int, fields: object) -> tuple[str, str, str]:
    if not isinstance(fields, dict):
        raise ValueError(f"row {number} of {path}: expected an object with the columns of one row, got {type(fields).__name__}.")
    for names in COLUMNS:
        if all(isinstance(fields.get(name), str | int) for name in names):
            premise, hypothesis, label = (str(fields[name]) for name in names)
            return premise, hypothesis, label
    raise ValueError(f"row {number} of {path}: expected the columns {' or '.join(map(str, COLUMNS))}, got {sorted(map(str, fields))}.")


def _records(path: Path) -> Iterator[object]:
    try:
        with open(path, encoding="utf-8", newline="") as lines:
            if path.suffix == ".tsv":
                yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
            else:
                yield from map(json.loads, filter(str.strip, lines))
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 ({error}).") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: a line is not JSON ({error}). JSONL holds one object a line.") from error


def _find(folder: Path, part: str, pattern: str | None) -> Path:
    found = sorted({path for name in ((pattern,) if pattern else LAYOUTS[part]) for path in folder.glob(name)})
    if len(found) != 1:
        what = f"several candidates: {', '.join(path.name for path in found)}" if found else \
            f"no file called {pattern or ' or '.join(LAYOUTS[part])}"
        raise (ValueError if found else FileNotFoundError)(f"{folder}: {what}. Say which with data.{part}=NAME.")
    return found[0]
