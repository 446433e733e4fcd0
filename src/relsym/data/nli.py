"""MNLI and other three-way NLI sets in the same row shape."""

from __future__ import annotations

from hashlib import sha256
from itertools import islice

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.sampling import by_key, in_turn, shuffled
from relsym.data.sources.nli import NliSource
from relsym.data.sources.nli_labels import NLI_LABELS
from relsym.data.splits import TEST, TRAIN, VALIDATION, VALIDATION_SHARE, uniform
from relsym.ranges import BatchSize, PositiveInt, Seed


class NliData(PairData):
    """Three-way NLI rows, whose form and property are the set's name.

    Training rows come from the training part less a validation part (10 % of the premises, by hash), score
    rows from the test part or from that validation part.

    Args:
        source: the set.
        samples: training rows, balanced over the labels; None takes all, as they are.
        sample_seed: which rows are drawn for training.
        split_seed: which premises are the validation part.
        test_pairs: rows to score; None takes all.
        score_on: "test", or "validation" for whatever is being tuned.
        batch_size: global batch.
        seed: order of the batches.
        by_length: whether a training batch holds rows of about one length.

    Raises:
        ValueError: numbers that leave a label without a row.
    """

    labels = NLI_LABELS

    def __init__(
        self,
        source: NliSource,
        samples: PositiveInt | None,
        sample_seed: Seed,
        split_seed: Seed,
        test_pairs: PositiveInt | None,
        score_on: str,
        batch_size: BatchSize,
        seed: Seed,
        by_length: bool,
    ) -> None:
        super().__init__(batch_size, score_on, seed, by_length)
        if by_length and batch_size < len(NLI_LABELS):
            raise ValueError(
                f"data.batch_size={batch_size}: at least {len(NLI_LABELS)} with data.by_length=true, one row "
                "for each label."
            )
        if samples is not None and samples < len(NLI_LABELS):
            raise ValueError(f"data.samples={samples}: at least {len(NLI_LABELS)}, one for each label.")
        if test_pairs is not None and test_pairs < 1:
            raise ValueError(f"data.test_pairs={test_pairs}: at least 1, or null for all.")
        self.source, self.title = source, source.title
        self.samples, self.test_pairs = samples, test_pairs
        self.sample_seed, self.split_seed = sample_seed, split_seed

    def read(self) -> None:
        """Read both parts, take the validation part out of the training rows, and draw.

        The content hash is over all rows that were read.

        Raises:
            ValueError: fewer rows than ``samples``, or none of some label.
        """
        rows = list(self.source.rows("train", self.counts))
        # Out of the training rows, also where a set has a validation part of its own: that may be what is
        # tested on, as with MNLI, whose test labels are secret.
        train, held_out = [], []
        for row in rows:
            part = held_out if self._is_held_out(row) else train
            part.append(row)
        test = list(self.source.rows("test", self.counts))
        self._sides = {VALIDATION: held_out, TEST: test}
        self.train_rows = train
        if self.samples is not None:
            self.train_rows = self._draw(train, self.samples)
        self.score_rows = self.rows_of(self.score_on, self.test_pairs)
        sizes = {"train rows": len(train), "validation rows": len(held_out), "test rows": len(test)}
        self.counts.update(sizes)
        written = "\n".join(map(repr, rows + test))
        self.content_hash = sha256(written.encode()).hexdigest()

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """See ``PairData``; the one form is the set's name."""
        rows = self._sides[side]
        if pairs:
            # By the split's seed: what is scored stays the same over the seeds of a training.
            rows = shuffled(rows, self.split_seed, "score rows")[:pairs]
        return {self.source.name: rows}

    def _is_held_out(self, row: Row) -> bool:
        """By premise, since most sets ask several hypotheses about each."""
        return uniform(self.split_seed, row.premise) < VALIDATION_SHARE

    def _draw(self, rows: list[Row], samples: int) -> list[Row]:
        pools = by_key(rows, (row.label for row in rows))
        missing = [label for label in NLI_LABELS if label not in pools]
        if missing:
            place = self.source.tables.where(TRAIN)
            raise ValueError(
                f"data.samples={samples}: no training row of {place} is labelled {' or '.join(missing)}: no "
                "draw would be balanced. Choose a set with all three labels, or pass data.samples=null for "
                "all rows as they are."
            )
        of_labels = [shuffled(pools[label], self.sample_seed, label) for label in NLI_LABELS]
        drawn = list(islice(in_turn(of_labels), samples))
        if len(drawn) < samples:
            place = self.source.tables.where(TRAIN)
            raise ValueError(
                f"data.samples={samples}: {place} has only {len(rows)} rows to train on (less the validation "
                f"part). Pass data.samples={len(rows)} or fewer, or null for all."
            )
        return drawn
