"""Pairs of sentences that people rated on a scale, to evaluate on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from relsym.data.module import PairData
from relsym.data.pairs import Row
from relsym.data.relations import CONTRADICTION, ENTAILMENT
from relsym.data.sampling import shuffled
from relsym.data.sources.rated import UNLABELLED, RatedPair, RatedSource
from relsym.data.splits import TEST
from relsym.ranges import PositiveInt


class RatedData(PairData):
    """Rated pairs, for ``relsym evaluate`` alone: none trains, and nothing is chosen on any.

    The one form is the set's name. Rows with a label are scored; those whose rating is between the two
    thresholds have none and are measured beside them (``unlabelled``).

    Args:
        source: the set.
        test_pairs: rated pairs to ask about, drawn whatever their label; None takes all.

    Raises:
        ValueError: less than one pair.
    """

    labels = (ENTAILMENT, CONTRADICTION)
    trains = False

    def __init__(self, source: RatedSource, test_pairs: PositiveInt | None) -> None:
        # No batch is drawn, so that its size and its order mean nothing.
        super().__init__(batch_size=2, score_on=TEST, seed=0)
        if test_pairs is not None and test_pairs < 1:
            raise ValueError(f"data.test_pairs={test_pairs}: at least 1, or null for all.")
        self.source, self.title = source, source.title
        self.test_pairs = test_pairs

    def read(self) -> None:
        """Read the pairs, and draw those that are asked about.

        The content hash is over all pairs with their labels and ratings.

        Raises:
            ValueError: the draw leaves a label without a pair.
        """
        pairs = self.source.pairs(self.counts)
        self.train_rows = []
        self._rows = [pair.row for pair in pairs]
        self.ratings = {pair.row.pair_id: pair.rating for pair in pairs}
        scale = self.source.scale
        self.sameness = {pair_id: scale.sameness(rating) for pair_id, rating in self.ratings.items()}
        self.score_rows = self.rows_of(TEST, self.test_pairs)
        between = [row for row in self._asked(self.test_pairs) if row.label == UNLABELLED]
        self.unlabelled = {self.source.name: between} if between else {}
        self._check_draw()
        self.counts.update(_sizes(self._rows))
        self.content_hash = _hash_of(pairs)

    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """See ``PairData``: the rows with a label among so many pairs; of another side than test, none."""
        rows = self._asked(pairs) if side == TEST else []
        return {self.source.name: [row for row in rows if row.label != UNLABELLED]}

    def _asked(self, pairs: int | None) -> list[Row]:
        """So many of the pairs, whatever their label: a draw among some labels would change their ranks."""
        return shuffled(self._rows, 0, "score rows")[:pairs] if pairs else self._rows

    def _check_draw(self) -> None:
        """Refuse a draw without one of the labels."""
        drawn = Counter(row.label for row in self.score_rows[self.source.name])
        missing = [label for label in self.labels if not drawn[label]]
        if missing:
            raise ValueError(
                f"data.test_pairs={self.test_pairs}: no pair that is drawn is {' or '.join(missing)}. Pass "
                f"more, or null for all {len(self._rows)}."
            )


def _sizes(rows: Sequence[Row]) -> dict[str, int]:
    """How many pairs there are, and of each label."""
    labels = Counter(row.label for row in rows)
    return {
        "rated pairs": len(rows),
        ENTAILMENT: labels[ENTAILMENT],
        CONTRADICTION: labels[CONTRADICTION],
        "between": labels[UNLABELLED],
    }


def _hash_of(pairs: Sequence[RatedPair]) -> str:
    """SHA-256 of the pairs with their labels and ratings."""
    written = "\n".join(map(repr, pairs))
    return sha256(written.encode()).hexdigest()
