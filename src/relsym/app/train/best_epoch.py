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
    """Scores the validation rows after each epoch, and puts the best epoch's weights back in the end.

    Rows are read as the run itself reads them, by its probe. Every rank computes the same, so that none waits
    for another. Of equally good epochs the first is kept.

    Args:
        rows: validation rows.
        train: training rows, for probes that store some.
        probe: of the run; a copy of it is fitted.
        precision: fp32 or bf16.

    Attributes:
        best: accuracy of the best epoch so far, in [0, 1]; -1 before the first.
        epoch: its number, from 1; -1 before the first.
    """

    def __init__(self, rows: Sequence[Row], train: Sequence[Row], probe: Probe, precision: str) -> None:
        self.rows = list(rows)
        self.memory = list(train[:MEMORY_ROWS]) if probe.needs_memory else []
        self.probe = copy.copy(probe)
        self.dtype = PRECISIONS[precision]
        self.best = -1.0  # below any accuracy: the first epoch is always kept
        self.epoch = -1
        self.weights: dict[str, Tensor] = {}

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Objective) -> None:
        """Score the epoch, and keep its weights if it is better than all before."""
        accuracy = self._accuracy(pl_module)
        pl_module.log("validation/accuracy", accuracy, on_step=False, on_epoch=True)
        if accuracy > self.best:
            self.best = accuracy
            self.epoch = trainer.current_epoch + 1
            self.weights = _copied(pl_module.state_dict())

    def on_train_end(self, trainer: Trainer, pl_module: Objective) -> None:
        """Put the weights of the best epoch back."""
        pl_module.load_state_dict(self.weights)
        if trainer.is_global_zero:
            log.info(
                "kept: epoch %d, right in %.2f %% of %d validation rows",
                self.epoch,
                100 * self.best,
                len(self.rows),
            )

    def _accuracy(self, objective: Objective) -> float:
        """The share of validation rows that the probe answers rightly, with the weights as they are now."""
        with torch.autocast(objective.device.type, self.dtype, enabled=self.dtype != torch.float32):
            # In one call, so that texts which stand in both are encoded once.
            representation = represent(objective.encoder, [*self.memory, *self.rows], objective.reads)
        memory = representation[: len(self.memory)]
        validation = representation[len(self.memory) :]
        memory_targets = targets_of(self.memory, objective.labels)
        self.probe.fit(objective.metric, objective.read_out(), memory, memory_targets)
        targets = targets_of(self.rows, objective.labels)
        self.probe.choose(validation, targets)
        is_right = self.probe.predict(validation) == targets
        return float(is_right.double().mean())


def _copied(state: dict[str, Any]) -> dict[str, Tensor]:
    """Weights on the CPU, which further training does not change."""
    return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}
