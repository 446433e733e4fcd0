"""An end as soon as there is nothing left to learn."""

from __future__ import annotations

from typing import ClassVar, final

from pytorch_lightning import Callback, LightningModule, Trainer

from relsym.objectives.remedies.base import Remedy
from relsym.ranges import PositiveInt

WATCHED = "train/accuracy"


@final
class Solved(Remedy):
    """Stop once every training row was answered right in so many epochs in a row.

    Each further step could only move the encoder away from what it knew. Replayed rows do not count. The
    accuracy is that of the epoch's batches as they were trained on, dropout and all. The other reasons to
    stop (``training.patience``, ``training.stop_loss``) stay in force.

    Args:
        epochs: in a row.
    """

    name: ClassVar[str] = "solved"

    def __init__(self, epochs: PositiveInt) -> None:
        if epochs < 1:
            raise ValueError(f"recipe.solved.epochs={epochs}: at least 1.")
        self.epochs = epochs

    def callbacks(self) -> list[Callback]:
        """One, which counts the epochs without a wrong answer."""
        return [StopWhenSolved(self.epochs)]


class StopWhenSolved(Callback):
    """Counts epochs without a wrong answer."""

    def __init__(self, epochs: int) -> None:
        self.epochs, self.in_a_row = epochs, 0

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count the epoch, and ask the trainer to stop where it was the last one needed."""
        all_right = float(trainer.callback_metrics[WATCHED]) == 1.0
        self.in_a_row = self.in_a_row + 1 if all_right else 0
        is_solved = self.in_a_row >= self.epochs
        # The accuracy is that of the global batches, the same on every rank; asking all makes sure that they
        # stop together.
        if trainer.strategy.reduce_boolean_decision(is_solved):
            trainer.should_stop = True
