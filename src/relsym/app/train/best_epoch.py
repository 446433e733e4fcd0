"""The epoch that knows most of rows that neither train nor are scored."""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from torch import Tensor

from relsym.data.pairs import Row
from relsym.encoders.encoder import PRECISIONS
from relsym.evaluation.represent import represent
from relsym.evaluation.score import targets_of
from relsym.objectives.base import Objective
from relsym.probes.base import Probe

log = logging.getLogger(__name__)
MEMORY_ROWS = 2000  # of a probe that stores training rows: enough to compare epochs by


class BestEpoch(Callback):
    """After each epoch, the run's own read-out on the validation rows; in the end, the weights of the best
    epoch are put back.

    Every rank computes the same, so that none waits for another. Of equally good epochs the first is kept.

    Args:
        rows: validation rows.  train: training rows, for probes that store some.  probe: of the run; a copy
        is fitted. precision: fp32 or bf16.
    """

    def __init__(self, rows: Sequence[Row], train: Sequence[Row], probe: Probe, precision: str) -> None:
        self.rows, self.memory, self.probe = (
            list(rows),
            list(train[:MEMORY_ROWS]) if probe.needs_memory else [],
            copy.copy(probe),
        )
        self.dtype = PRECISIONS[precision]
        self.best, self.epoch, self.weights = -1.0, -1, {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Objective) -> None:
        """Score, and keep the weights if none were better."""
        accuracy = self._accuracy(pl_module)
        pl_module.log("validation/accuracy", accuracy, on_step=False, on_epoch=True)
        if accuracy > self.best:
            self.best, self.epoch, self.weights = (
                accuracy,
                trainer.current_epoch + 1,
                _copied(pl_module.state_dict()),
            )

    def on_train_end(self, trainer: Trainer, pl_module: Objective) -> None:
        """Put the best epoch back."""
        pl_module.load_state_dict(self.weights)
        if trainer.is_global_zero:
            log.info(
                "kept: epoch %d, right in %.2f %% of %d validation rows",
                self.epoch,
                100 * self.best,
                len(self.rows),
            )

    def _accuracy(self, objective: Objective) -> float:
        with torch.autocast(objective.device.type, self.dtype, enabled=self.dtype != torch.float32):
            both = represent(objective.encoder, [*self.memory, *self.rows], objective.reads)
        memory, asked = both[: len(self.memory)], both[len(self.memory) :]
        self.probe.fit(
            objective.metric, objective.read_out(), memory, targets_of(self.memory, objective.labels)
        )
        return float((self.probe.predict(asked) == targets_of(self.rows, objective.labels)).double().mean())


def _copied(state: dict[str, Any]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
