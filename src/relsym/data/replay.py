"""Rows of an earlier task that come again in every batch."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import count, islice
from typing import final

from relsym.data.pairs import Row
from relsym.data.sampling import alternate, by_key, shuffled


def replay_order(labels: Sequence[Hashable], seed: int) -> Iterator[int]:
    """Row numbers without end: classes in turn, pass after pass in another order, no row twice in a pass.

    A pass ends with its smallest class, so that every stretch of it is balanced; the rows it leaves out have
    their chance in the next.
    """
    rows_of = by_key(range(len(labels)), labels)
    classes = sorted(rows_of, key=str)
    for turn in count():
        orders = []
        for key in classes:
            orders.append(shuffled(rows_of[key], seed, f"replay pass {turn} class {key}"))
        yield from alternate(orders)


@final
class Replay:
    """The same number of earlier rows for every step of a training, drawn before it starts.

    The draw knows neither the other rows of the batches nor the ranks: whatever stands beside them, step i
    replays the same rows.

    Args:
        rows: to draw from.
        per_batch: rows that are added to each global batch.
        only: nothing else is in the batches.
        seed: of the order.
        steps: at most so many are made.

    Raises:
        ValueError: no rows, or fewer than a batch needs to hold two classes.
    """

    def __init__(self, rows: Sequence[Row], per_batch: int, only: bool, seed: int, steps: int) -> None:
        if not rows:
            raise ValueError("replay: there are no rows to draw from.")
        if only and per_batch < 2:
            raise ValueError(f"recipe.replay.rows_per_batch={per_batch}: at least 2, to hold two classes.")
        if per_batch < 1:
            raise ValueError(f"recipe.replay.rows_per_batch={per_batch}: at least 1.")
        self.per_batch = per_batch
        self.only = only
        labels = [row.label for row in rows]
        endless = replay_order(labels, seed)
        order = list(islice(endless, steps * per_batch))
        # Only rows that are drawn are kept, in the order in which they first come: the others need no tokens.
        drawn_rows = dict.fromkeys(order)
        place_of = {row: place for place, row in enumerate(drawn_rows)}
        self.rows = [rows[row] for row in drawn_rows]
        self._drawn = [place_of[row] for row in order]

    def of_step(self, step: int) -> list[int]:
        """Places in ``rows`` of what the step replays."""
        start = step * self.per_batch
        return self._drawn[start : start + self.per_batch]

    def counts(self, steps: int) -> dict[str, int]:
        """What was replayed when so many steps were made: rows, and how many different ones."""
        seen = self._drawn[: steps * self.per_batch]
        return {"replayed_rows": len(seen), "replayed_distinct": len(set(seen))}
