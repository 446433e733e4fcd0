"""What a remedy against forgetting may do to a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, ClassVar

from jaxtyping import Bool, Float
from msgspec import Meta
from pytorch_lightning import Callback, LightningModule
from torch import Tensor

from relsym.data.module import Batch, PairData
from relsym.data.pairs import Row
from relsym.ranges import Number

# The factor of a penalty.
Strength = Annotated[Number, Meta(gt=0, description="to go without, leave the remedy out of recipe")]


class Remedy:
    """A change to the training that keeps what the encoder knew.

    Every hook does nothing unless a remedy overrides it. A remedy belongs to one training. It is no part of
    the objective's state: nothing it holds is saved or given to the probe. In every hook ``objective`` is the
    ``Objective`` that is trained, with its ``encoder``.

    Attributes:
        name: of its curve, ``train/NAME``.
        needs_nli: ``feed`` asks for the rows that the encoder knew before.
        rebuilds_encoder: modules are replaced between ``begin`` and ``end``.
        apart_from: the remedies that it cannot be combined with, as their options are called -> why not.
    """

    name: ClassVar[str]
    needs_nli: ClassVar[bool] = False
    rebuilds_encoder: ClassVar[bool] = False
    apart_from: Mapping[str, str] = MappingProxyType({})

    def feed(self, data: PairData, nli: Sequence[Row], steps: int) -> None:
        """Change what is trained on; called before rows are tokenised, where ``needs_nli``.

        Args:
            data: the rows of this training.
            nli: rows that the encoder was trained on before; may be empty.
            steps: at most so many follow.
        """

    def begin(self, objective: LightningModule) -> None:
        """Keep, freeze or add weights; called before the training.

        On every rank, before weights move to their device.
        """

    def row_penalty(self, batch: Batch, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, " n"] | None:
        """One value for each of this rank's rows; None for no penalty.

        The mean over the rows of the global batch that count is added to the loss.
        """
        return None

    def counts_row(self, batch: Batch) -> Bool[Tensor, " n"]:
        """Which rows the mean of ``row_penalty`` is taken over, padding aside."""
        return batch.mask

    def weight_penalty(self, objective: LightningModule) -> Float[Tensor, ""] | None:
        """A value of the weights alone, which is added to the loss; None for no penalty."""
        return None

    def callbacks(self) -> list[Callback]:
        """Callbacks for the Trainer."""
        return []

    def end(self, objective: LightningModule) -> None:
        """Leave the weights that are to be saved; called after the training, before anything is scored.

        On the first rank alone, so it must not exchange anything with the others.
        """


def check_positive(key: str, value: int | float) -> None:
    """Refuse a strength that would switch a remedy off, or turn it round.

    Raises:
        ValueError: it is not above 0.
    """
    if not value > 0:
        raise ValueError(
            f"{key}={value}: must be a number above 0. To go without, leave the remedy out of recipe."
        )
