"""The LightningDataModule: rows to train on, rows to score, and global batches of tokenised rows."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, NamedTuple, final

import torch
from jaxtyping import Bool, Float, Int
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from relsym.data.batches import PADDING, GlobalBatchSampler, number_of_batches
from relsym.data.pairs import Features, Row
from relsym.data.relations import Relation
from relsym.data.replay import Replay
from relsym.data.splits import TEST, VALIDATION
from relsym.ranges import BatchSize, Seed


class Batch(NamedTuple):
    """One rank's share of a global batch.

    Attributes:
        inputs: padded token tensors, one dictionary per encoded text of a row (premise and hypothesis, or the
            joint pair); where ``places`` are given, one dictionary of all distinct texts of the rows.
        targets: class indices [n].
        mask: False where a row is padding that equalises the ranks' shares [n].
        replayed: True where a row comes from an earlier task [n].
        about: rows with one number speak of one fact, or of facts that imply one another [n].
        places: of each row's texts among the distinct ones [n parts]; None where texts stand row by row.
    """

    inputs: tuple[dict[str, Tensor], ...]
    targets: Int[Tensor, " n"]
    mask: Bool[Tensor, " n"]
    replayed: Bool[Tensor, " n"]
    about: Int[Tensor, " n"]
    places: Int[Tensor, "n parts"] | None = None

    def vectors(self, encode: Callable[[dict[str, Tensor]], Tensor]) -> Float[Tensor, "n parts dim"]:
        """One vector for each encoded text of a row.

        Args:
            encode: padded token tensors of n texts -> vectors [n dim].
        """
        if self.places is None:
            return torch.stack([encode(tokens) for tokens in self.inputs], dim=1)
        [texts] = self.inputs
        return encode(texts)[self.places]


class PairData(LightningDataModule):
    """What every data set offers: rows to train on and rows to score.

    Subclasses fill the attributes in ``read``; rows are tokenised once, by the function handed to
    ``tokenize_with``.

    Attributes:
        labels: the classes of the rows.
        train_rows: rows to train on.
        score_rows: rows to score, by form.
        counts: what was read, kept and dropped, as far as the data set counts it.
        content_hash: SHA-256 over what can be drawn.
        sides: which rows may train and which are scored (rule, seed, what is held out); None where files say
            so.
        title: what a report calls the benchmark; None: the data option's name.
        fold: the name of what is held out, where it has one.
        relations: the property table that the rows are about, by property; empty where they are about none.
        trains: whether there are rows to train on and to choose on; if not, ``relsym evaluate`` alone takes
            the data.
        unlabelled: rows without a label that are measured beside the scored ones, by form.
        ratings: what people said of scored and unlabelled rows, by pair id; empty where nobody was asked.
        sameness: how far each of these ratings stands from what means something else.

    Args:
        batch_size: of the global batch, over all ranks.
        score_on: "test" or "validation".
        seed: order of the batches.
        by_length: whether a training batch holds rows of about one length.

    Raises:
        ValueError: a batch of fewer than two rows, an unknown part to score on.
    """

    labels: tuple[str, ...]
    train_rows: list[Row]
    score_rows: dict[str, list[Row]]
    content_hash: str
    sides: str | None = None
    title: str | None = None
    fold: str | None = None
    relations: Mapping[str, Relation] = MappingProxyType({})
    trains: ClassVar[bool] = True
    unlabelled: Mapping[str, list[Row]] = MappingProxyType({})
    ratings: Mapping[str, float] = MappingProxyType({})
    sameness: Mapping[str, float] = MappingProxyType({})

    def __init__(self, batch_size: BatchSize, score_on: str, seed: Seed, by_length: bool = False) -> None:
        super().__init__()
        if batch_size < 2:
            raise ValueError(f"data.batch_size={batch_size}: at least 2, a batch has to hold two classes.")
        if score_on not in (TEST, VALIDATION):
            raise ValueError(f"data.score_on={score_on}: expected {TEST} or {VALIDATION}.")
        self.batch_size = batch_size
        self.score_on = score_on
        self.seed = seed
        self.by_length = by_length
        self.counts: Counter[str] = Counter()
        self._features: list[Features] = []
        self._targets: list[int] = []
        self._about: list[int] = []
        self._distinct = False
        self.replay: Replay | None = None

    @abstractmethod
    def read(self) -> None:
        """Read the source and draw the rows."""

    @abstractmethod
    def rows_of(self, side: str, pairs: int | None) -> dict[str, list[Row]]:
        """Rows of one side (``test``, ``validation``) by form. Call it after ``read``.

        Args:
            side: which part they come from.
            pairs: at most so many of each form; None takes all.
        """

    @property
    def asked_labels(self) -> tuple[str, ...]:
        """Those labels that a scored row may have: training rows may be neutral where no scored one is."""
        return self.labels

    @final
    def rows_to_fit_on(self) -> list[Row]:
        """The training rows with a label that a scored row may have."""
        asked = set(self.asked_labels)
        return [row for row in self.train_rows if row.label in asked]

    @final
    def keep_forms(self, forms: str | Sequence[str] | None) -> None:
        """Score these forms alone, in the data's order. Call it after ``read``.

        Args:
            forms: one name or several; None keeps all.

        Raises:
            ValueError: none, or a name that is no form of the rows.
        """
        if forms is None:
            return
        names = [forms] if isinstance(forms, str) else list(forms)
        known = ", ".join(self.score_rows)
        unknown = [name for name in names if name not in self.score_rows]
        if unknown:
            raise ValueError(f"forms: {', '.join(unknown)} is no form of these rows. There are {known}.")
        if not names:
            raise ValueError(f"forms=[]: name at least one of {known}, or null for all.")
        self.score_rows = {form: rows for form, rows in self.score_rows.items() if form in names}

    def units(self) -> list[list[int]] | None:
        """Numbers of the training rows that stay together in a batch; None: each row stands alone."""
        return None

    def about(self, rows: Sequence[Row]) -> list[str]:
        """What each row speaks of: of rows with different values, none says anything of another.

        Here it is the premise.
        """
        return [row.premise for row in rows]

    @final
    def steps_per_epoch(self) -> int:
        """Global batches of one pass over the training rows."""
        return number_of_batches(self.train_rows, self.batch_size, self.units())

    @final
    def replay_with(self, rows: Sequence[Row], per_batch: int, only: bool, steps: int) -> None:
        """Add rows of an earlier task to every batch, see ``Replay``. Call it before ``tokenize_with``."""
        self.replay = Replay(rows, per_batch, only, self.seed, steps)

    @final
    def tokenize_with(
        self,
        tokenize: Callable[[Sequence[Row]], list[Features]],
        collate: Callable[[Features], dict[str, Tensor]],
        labels: tuple[str, ...],
        distinct: bool = False,
    ) -> None:
        """Tokenise the training rows, and those to replay, once.

        Args:
            tokenize: rows -> the features of each encoded text of a row.
            collate: features of several rows -> padded tensors.
            labels: the model's classes, in its order.
            distinct: a batch holds each text once, however many of its rows have it (``Batch.places``).

        Raises:
            ValueError: a training row has a label that the model does not know.
        """
        rows = list(self.train_rows)
        if self.replay:
            rows += self.replay.rows
        # A run that goes on from another one has that one's classes, which may be fewer.
        unknown = {row.label for row in rows} - set(labels)
        if unknown:
            raise ValueError(
                f"the model's classes are {', '.join(labels)}; training rows have the label "
                f"{', '.join(sorted(unknown))} too. Go on from a run that knows it (init=RUN)."
            )
        self._features, self._collate = tokenize(rows), collate
        self._distinct = distinct
        self._targets = [labels.index(row.label) for row in rows]
        topics = self.about(rows)
        number_of = {topic: number for number, topic in enumerate(dict.fromkeys(topics))}
        self._about = [number_of[topic] for topic in topics]

    @final
    def train_dataloader(self) -> DataLoader:
        """This rank's shares of the global batches."""
        rank, world = 0, 1
        if self.trainer:
            rank, world = self.trainer.global_rank, self.trainer.world_size
        # Replayed rows follow the training rows; the sampler deals the latter and adds the former itself.
        targets = self._targets[: len(self.train_rows)]
        lengths = self._lengths() if self.by_length else None
        sampler = GlobalBatchSampler(
            targets, self.batch_size, self.seed, rank, world, self.replay, lengths, self.units()
        )
        return DataLoader(_Indices(), batch_sampler=sampler, collate_fn=self.batch)

    @final
    def batch(self, rows: Sequence[int]) -> Batch:
        """Collate rows by index; ``PADDING`` repeats the first row, masked."""
        # A padded place needs some text, so that all ranks encode as many rows.
        indices = [max(row, 0) for row in rows]
        texts = []  # of each part
        for features in self._features:
            texts.append([features[i] for i in indices])
        places = None
        if self._distinct:
            distinct, places = _distinct_texts(texts)
            texts = [distinct]
        inputs = tuple(self._collate(of_part) for of_part in texts)
        targets = torch.tensor([self._targets[i] for i in indices])
        mask = torch.tensor([row != PADDING for row in rows])
        replayed = torch.tensor([row >= len(self.train_rows) for row in rows])
        about = torch.tensor([self._about[i] for i in indices])
        return Batch(inputs, targets, mask, replayed, about, places)

    def _lengths(self) -> list[int]:
        """Tokens of each training row, over all its encoded texts."""
        lengths = [0] * len(self.train_rows)
        for features in self._features:
            for row in range(len(lengths)):
                lengths[row] += len(features[row]["input_ids"])
        return lengths


def _distinct_texts(texts: Sequence[Features]) -> tuple[Features, Int[Tensor, "n parts"]]:
    """The distinct texts among those of all parts, and the place of each row's texts among them.

    Args:
        texts: of each part, one for each row.
    """
    place_of: dict[tuple[int, ...], int] = {}
    distinct: Features = []
    places_of_parts = []
    for of_part in texts:
        places = []
        for features in of_part:
            tokens = tuple(features["input_ids"])
            if tokens not in place_of:
                place_of[tokens] = len(distinct)
                distinct.append(features)
            places.append(place_of[tokens])
        places_of_parts.append(places)
    return distinct, torch.tensor(places_of_parts).T


class _Indices(Dataset):
    """Hands row numbers through to ``PairData.batch``, which collates whole batches at once."""

    def __getitem__(self, row: int) -> int:
        return row
