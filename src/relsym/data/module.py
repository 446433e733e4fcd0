"""The LightningDataModule: rows to train on, rows to score, and global batches of tokenised rows."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple, final

import torch
from jaxtyping import Bool, Int
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from relsym.data.batches import PADDING, GlobalBatchSampler
from relsym.data.pairs import Row
from relsym.data.replay import Replay
from relsym.data.splits import TEST, VALIDATION
from relsym.ranges import PositiveInt, Seed

Features = list[dict[str, list[int]]]


class Batch(NamedTuple):
    """One rank's share of a global batch.

    inputs: padded token tensors, one dictionary per encoded text of a row (premise and hypothesis, or the
    joint pair). targets: class indices [n].  mask: False where a row is padding that equalises the ranks'
    shares [n]. replayed: True where a row comes from an earlier task [n].
    """

    inputs: tuple[dict[str, Tensor], ...]
    targets: Int[Tensor, " n"]
    mask: Bool[Tensor, " n"]
    replayed: Bool[Tensor, " n"]


class PairData(LightningDataModule):
    """What every data set offers: ``labels``, ``train_rows``, ``score_rows`` by form, ``counts`` and
    ``content_hash``.

    ``sides`` says which rows may train and which are scored (rule, seed, what is held out); None where files
    say so. ``title`` is what a report calls the benchmark; None: the data option's name. ``fold``: the name
    of what is held out, where it has one. ``by_length``: whether a training batch holds rows of about one
    length. Subclasses fill these in ``read``; rows are tokenised once, by the function handed to
    ``tokenize_with``.
    """

    labels: tuple[str, ...]
    train_rows: list[Row]
    score_rows: dict[str, list[Row]]
    content_hash: str
    sides: str | None = None
    title: str | None = None
    fold: str | None = None

    def __init__(self, batch_size: PositiveInt, score_on: str, seed: Seed, by_length: bool = False) -> None:
        super().__init__()
        if batch_size < 2:
            raise ValueError(f"data.batch_size={batch_size}: at least 2, a batch has to hold two classes.")
        if score_on not in (TEST, VALIDATION):
            raise ValueError(f"data.score_on={score_on}: expected {TEST} or {VALIDATION}.")
        self.batch_size, self.score_on, self.seed, self.by_length = batch_size, score_on, seed, by_length
        self.counts: Counter[str] = Counter()
        self._features: list[Features] = []
        self._targets: list[int] = []
        self.replay: Replay | None = None

    @abstractmethod
    def read(self) -> None:
        """Read the source and draw the rows."""

    @abstractmethod
    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """Rows of one side (``test``, ``validation``) by form, at most so many of each; None takes all.

        After ``read``.
        """

    @final
    def steps_per_epoch(self) -> int:
        """Global batches of one pass over the training rows."""
        return ceil(len(self.train_rows) / self.batch_size)

    @final
    def replay_with(self, rows: Sequence[Row], per_batch: int, only: bool, steps: int) -> None:
        """Add rows of an earlier task to every batch; before ``tokenize_with``. See ``Replay``."""
        self.replay = Replay(rows, per_batch, only, self.seed, steps)

    @final
    def tokenize_with(
        self,
        tokenize: Callable[[Sequence[Row]], list[Features]],
        collate: Callable[[Features], dict[str, Tensor]],
        labels: tuple[str, ...],
    ) -> None:
        """Tokenise the training rows, and those to replay, once.

        ``labels`` are the model's classes, in its order.
        """
        rows = [*self.train_rows, *(self.replay.rows if self.replay else ())]
        if unknown := {row.label for row in rows} - set(labels):
            raise ValueError(
                f"the model's classes are {', '.join(labels)}; training rows have the label "
                f"{', '.join(sorted(unknown))} too. "
                "Go on from a run that knows it (init=RUN)."
            )
        self._features, self._collate = tokenize(rows), collate
        self._targets = [labels.index(row.label) for row in rows]

    @final
    def train_dataloader(self) -> DataLoader:
        """This rank's shares of the global batches."""
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        own = len(self.train_rows)
        lengths = None
        if self.by_length:
            lengths = [
                sum(len(features["input_ids"]) for features in row)
                for row in zip(*self._features, strict=True)
            ][:own]
        sampler = GlobalBatchSampler(
            self._targets[:own], self.batch_size, self.seed, rank, world, self.replay, lengths
        )
        return DataLoader(_Indices(), batch_sampler=sampler, collate_fn=self.batch)

    @final
    def batch(self, rows: Sequence[int]) -> Batch:
        """Collate rows by index; ``PADDING`` repeats the first row, masked."""
        indices = [max(row, 0) for row in rows]
        inputs = tuple(self._collate([features[i] for i in indices]) for features in self._features)
        return Batch(
            inputs,
            torch.tensor([self._targets[i] for i in indices]),
            torch.tensor([row != PADDING for row in rows]),
            torch.tensor([row >= len(self.train_rows) for row in rows]),
        )


class _Indices(Dataset):
    """Hands row numbers through to ``PairData.batch``, which collates whole batches at once."""

    def __getitem__(self, row: int) -> int:
        return row
