"""Batches that do not depend on the hardware: global, near-equal, every class in each, shared out among the
ranks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from math import ceil

from torch.utils.data import Sampler

from relsym.data.replay import Replay
from relsym.data.sampling import by_key, shuffled

PADDING = -1
# Of rows that are sorted by length among themselves: few enough that an epoch's batches differ from the last
# one's.
BATCHES_SORTED = 50


def epoch_batches(
    targets: Sequence[Hashable], batch_size: int, seed: int, epoch: int, lengths: Sequence[int] | None = None
) -> list[list[int]]:
    """Deal the rows of one epoch into ceil(n / batch_size) batches whose sizes differ by at most one; nothing
    is dropped.

    Each class is dealt in turn, the next class going on where the last one stopped: a class with at least as
    many rows as there are batches is in every batch.

    Args:
        lengths: of the rows, for batches of rows of about one length, which need less padding; their sizes
        differ by at most one for
            each class. batch_size is at least the number of classes then, so that no batch is empty.
    """
    batches: list[list[int]] = [[] for _ in range(ceil(len(targets) / batch_size))]
    classes = by_key(range(len(targets)), targets)
    order = {
        key: shuffled(classes[key], seed, f"epoch {epoch} class {key}") for key in sorted(classes, key=str)
    }
    if lengths is None:
        for position, row in enumerate(row for rows in order.values() for row in rows):
            batches[position % len(batches)].append(row)
    else:
        for rows in order.values():
            for position, row in enumerate(_by_length(rows, lengths, ceil(len(batches) / BATCHES_SORTED))):
                batches[position * len(batches) // len(rows)].append(row)
    return shuffled(
        (shuffled(rows, seed, f"epoch {epoch} batch {i}") for i, rows in enumerate(batches)),
        seed,
        f"epoch {epoch}",
    )


def _by_length(rows: Sequence[int], lengths: Sequence[int], pieces: int) -> list[int]:
    """The rows in pieces of near-equal size, each from short to long."""
    edges = [round(piece * len(rows) / pieces) for piece in range(pieces + 1)]
    return [row for start, end in pairwise(edges) for row in sorted(rows[start:end], key=lengths.__getitem__)]


def share_of(batch: list[int], rank: int, world_size: int) -> list[int]:
    """The rank's part of a global batch, padded with ``PADDING`` to the length that all ranks share."""
    share = batch[rank::world_size]
    return share + [PADDING] * (ceil(len(batch) / world_size) - len(share))


class GlobalBatchSampler(Sampler[list[int]]):
    """Yields this rank's share of each global batch; every pass is a new epoch, the same on all ranks.

    Replayed rows are added to the batches once these are dealt, under the numbers that follow the rows of
    ``targets``.
    """

    def __init__(
        self,
        targets: Sequence[Hashable],
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        replay: Replay | None = None,
        lengths: Sequence[int] | None = None,
    ) -> None:
        self.targets, self.batch_size, self.seed, self.lengths = targets, batch_size, seed, lengths
        self.rank, self.world_size, self.replay = rank, world_size, replay
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        batches = epoch_batches(self.targets, self.batch_size, self.seed, self.epoch, self.lengths)
        first = self.epoch * len(batches)
        self.epoch += 1
        return (
            share_of(self._with_replayed(batch, step), self.rank, self.world_size)
            for step, batch in enumerate(batches, start=first)
        )

    def __len__(self) -> int:
        return ceil(len(self.targets) / self.batch_size)

    def _with_replayed(self, batch: list[int], step: int) -> list[int]:
        if self.replay is None:
            return batch
        return ([] if self.replay.only else batch) + [
            len(self.targets) + row for row in self.replay.of_step(step)
        ]
