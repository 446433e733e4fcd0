"""Batches that do not depend on the hardware.

A batch is global: of near-equal size, with every class in it, and shared out among the ranks.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence, Sized
from itertools import chain, pairwise
from math import ceil

from torch.utils.data import Sampler

from relsym.data.replay import Replay
from relsym.data.sampling import by_key, shuffled

PADDING = -1  # the number of a row that only fills up a rank's share
# Batches whose rows are sorted by length among themselves: few enough that an epoch's batches differ from
# those of the epoch before.
BATCHES_SORTED = 50


def epoch_batches(
    targets: Sequence[Hashable], batch_size: int, seed: int, epoch: int, lengths: Sequence[int] | None = None
) -> list[list[int]]:
    """Deal the rows of one epoch into batches of near-equal size.

    There are ceil(n / batch_size) batches, whose sizes differ by at most one; no row is dropped. Each class
    is dealt in turn, the next class going on where the last one stopped: a class with at least as many rows
    as there are batches is in every batch.

    Args:
        targets: the class of each row [n].
        batch_size: the most rows of a batch.
        seed: of the order, together with ``epoch``.
        epoch: number of the pass.
        lengths: of the rows [n], for batches of rows of about one length, which need less padding; then their
            sizes differ by at most one for each class, and batch_size is at least the number of classes, so
            that no batch is empty.
    """
    count = number_of_batches(targets, batch_size)
    batches: list[list[int]] = [[] for _ in range(count)]
    rows_of = by_key(range(len(targets)), targets)
    classes = []
    for key in sorted(rows_of, key=str):
        purpose = f"epoch {epoch} class {key}"
        classes.append(shuffled(rows_of[key], seed, purpose))

    if lengths is None:
        for position, row in enumerate(chain.from_iterable(classes)):
            batches[position % count].append(row)
    else:
        pieces = ceil(count / BATCHES_SORTED)
        for rows in classes:
            # A stretch of neighbours for each batch, since neighbours are of about one length.
            for position, row in enumerate(_by_length(rows, lengths, pieces)):
                batch = position * count // len(rows)
                batches[batch].append(row)

    # Up to here the classes stand one after another in each batch, and batches go from short to long rows.
    mixed = []
    for i, rows in enumerate(batches):
        mixed.append(shuffled(rows, seed, f"epoch {epoch} batch {i}"))
    return shuffled(mixed, seed, f"epoch {epoch}")


def _by_length(rows: Sequence[int], lengths: Sequence[int], pieces: int) -> list[int]:
    """The rows in pieces of near-equal size, each from short to long."""
    n = len(rows)
    edges = [round(piece * n / pieces) for piece in range(pieces + 1)]
    ordered: list[int] = []
    for start, end in pairwise(edges):
        ordered += sorted(rows[start:end], key=lengths.__getitem__)
    return ordered


def units_per_batch(units: Sequence[Sequence[int]], batch_size: int) -> int:
    """How many units a batch of so many rows holds.

    Raises:
        ValueError: it holds not even one.
    """
    longest = max(len(unit) for unit in units)
    if longest > batch_size:
        raise ValueError(
            f"data.batch_size={batch_size}: a batch holds whole facts, and one fact has {longest} rows. Pass "
            f"data.batch_size={longest} or more, or fewer data.train_variants."
        )
    return batch_size // longest


def number_of_batches(rows: Sized, batch_size: int, units: Sequence[Sequence[int]] | None = None) -> int:
    """Global batches of one pass.

    Args:
        rows: that are dealt.
        batch_size: the most rows of a batch.
        units: of the rows that stay together in a batch; None: each stands alone.
    """
    if units is None:
        return ceil(len(rows) / batch_size)
    return ceil(len(units) / units_per_batch(units, batch_size))


def share_of(batch: list[int], rank: int, world_size: int) -> list[int]:
    """The rank's part of a global batch, padded with ``PADDING`` to the length that all ranks share."""
    share = batch[rank::world_size]
    longest = ceil(len(batch) / world_size)
    return share + [PADDING] * (longest - len(share))


class GlobalBatchSampler(Sampler[list[int]]):
    """Yields this rank's share of each global batch, as row numbers.

    Every pass is a new epoch, the same on all ranks. Replayed rows are added to the batches once these are
    dealt, under the numbers that follow the rows of ``targets``. For the arguments see ``epoch_batches``.

    Args:
        units: rows that stay together in a batch, by number; each row stands in one of them.
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
        units: Sequence[Sequence[int]] | None = None,
    ) -> None:
        self.targets = targets
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.replay = replay
        self.lengths = lengths
        self.units = units
        self.epoch = 0

    def __iter__(self) -> Iterator[list[int]]:
        batches = self._batches()
        first_step = self.epoch * len(batches)
        # Counted here and not in a generator's body: a pass counts from its beginning, even if given up.
        self.epoch += 1
        return self._shares(batches, first_step)

    def __len__(self) -> int:
        return number_of_batches(self.targets, self.batch_size, self.units)

    def _batches(self) -> list[list[int]]:
        """The rows of the coming epoch, by batch."""
        if self.units is None:
            return epoch_batches(self.targets, self.batch_size, self.seed, self.epoch, self.lengths)
        # The labels of a fact's rows differ from one another, and the list of them from kind to kind.
        classes = [tuple(self.targets[row] for row in unit) for unit in self.units]
        per_batch = units_per_batch(self.units, self.batch_size)
        # Units are dealt as rows are, then each stands for its rows.
        dealt = epoch_batches(classes, per_batch, self.seed, self.epoch)
        return [list(chain.from_iterable(self.units[unit] for unit in batch)) for batch in dealt]

    def _shares(self, batches: list[list[int]], first_step: int) -> Iterator[list[int]]:
        for step, batch in enumerate(batches, start=first_step):
            whole = self._with_replayed(batch, step)
            yield share_of(whole, self.rank, self.world_size)

    def _with_replayed(self, batch: list[int], step: int) -> list[int]:
        """The batch with the rows that its step replays, or these alone if nothing else is trained on."""
        if self.replay is None:
            return batch
        first_number = len(self.targets)
        replayed = [first_number + row for row in self.replay.of_step(step)]
        return replayed if self.replay.only else batch + replayed
