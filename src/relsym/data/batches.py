"""Batches that do not depend on the hardware: global, near-equal, every class in each, shared out among the ranks."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from math import ceil

from torch.utils.data import Sampler

from relsym.data.sampling import by_key, shuffled

PADDING = -1


def epoch_batches(targets: Sequence[Hashable], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Deal the rows of one epoch into ceil(n / batch_size) batches whose sizes differ by at most one; nothing is dropped.

    Each class is dealt in turn, the next class going on where the last one stopped: a class with at least as many rows as there are
    batches is in every batch.
    """
    batches: list[list[int]] = [[] for _ in range(ceil(len(targets) / batch_size))]
    classes = by_key(range(len(targets)), targets)
    order = [row for key in sorted(classes, key=str) for row in shuffled(classes[key], seed, f"epoch {epoch} class {key}")]
    for position, row in enumerate(order):
        batches[position % len(batches)].append(row)
    return shuffled((shuffled(rows, seed, f"epoch {epoch} batch {i}") for i, rows in enumerate(batches)), seed, f"epoch {epoch}")


def share_of(batch: list[int], rank: int, world_size: int) -> list[int]:
    """The rank's part of a global batch, padded with ``PADDING`` to the length that all ranks share."""
    share = batch[rank::world_size]
    return share + [PADDING] * (ceil(len(batch) / world_size) - len(share))


class GlobalBatchSampler(Sampler[list[int]]):
    """Yields this rank's share of each global batch; every pass is a new epoch, the same on all ranks."""

    def __init__(self, targets: Sequence[Hashable], batch_size: int, seed: int, rank: int = 0, world_size: int = 1) -> None:
        self.targets, self.batch_size, self.seed = targets, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        batches = epoch_batches(self.targets, self.batch_size, self.seed, self.epoch)
        self.epoch += 1
        return (share_of(batch, self.rank, self.world_size) for batch in batches)

    def __len__(self) -> int:
        return ceil(len(self.targets) / self.batch_size)
