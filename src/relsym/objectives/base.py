"""The step that all retraining objectives share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy
from transformers import get_scheduler

from relsym.data.module import Batch, Features
from relsym.data.pairs import Row
from relsym.encoders.encoder import Encoder
from relsym.metrics.base import JOINT, SENTENCES, Metric


class Objective(LightningModule):
    """Retrains an encoder on labelled premise / hypothesis pairs.

    Subclasses say how a pair is read (``reads``), which metrics they take (``reads_metric``), what they hold beside the encoder
    (``read_out_names``), their loss and their prediction; the step, the exchange between ranks and the
    optimiser are here and final.

    Args:
        encoder: is trained in place.
        metric: shared with the probe.
        labels: class names; targets index into them.
        learning_rate, weight_decay: of AdamW (no decay on biases and layer norms).
        schedule: "linear", "cosine" or "constant", after ``warmup`` (share of the steps in which the rate rises from 0).
        seed: of random label embeddings or the head.
    """

    reads: ClassVar[str] = SENTENCES
    reads_metric: ClassVar[str] = SENTENCES
    read_out_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, encoder: Encoder, metric: Metric, labels: Sequence[str], learning_rate: float, weight_decay: float,
                 schedule: str, warmup: float, seed: int) -> None:
        super().__init__()
        self.encoder, self.metric, self.labels, self.seed = encoder, metric, tuple(labels), seed
        self.learning_rate, self.weight_decay, self.schedule, self.warmup = learning_rate, weight_decay, schedule, warmup
        self.accuracy = MulticlassAccuracy(len(self.labels), average="micro", sync_on_compute=False)
        metric.check_dim(encoder.dim)

    @abstractmethod
    def loss(self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> Float[Tensor, ""]:
        """Mean loss of the global batch."""

    @abstractmethod
    def predict_batch(self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> Int[Tensor, " n"]:
        """Class indices for the training accuracy; objectives without labels of their own may look at the other rows' targets."""

    def represent(self, inputs: tuple[dict[str, Tensor], ...]) -> Float[Tensor, "n parts dim"]:
        """One vector per encoded text."""
        return torch.stack([self.encoder(tokens) for tokens in inputs], dim=1)

    def read_out(self) -> dict[str, Tensor]:
        """What this objective learnt or fixed beside the encoder, by name: label embeddings or a head."""
        return {}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Take over what ``read_out`` of an earlier run gave."""
        if missing := self.read_out_names - read_out.keys():
            raise ValueError(f"init: the earlier run holds no {', '.join(sorted(missing))}, which {type(self).__name__} goes on from. "
                             "Go on with the objective of that run.")

    @final
    def tokenize(self, rows: Sequence[Row]) -> list[Features]:
        """Token lists of the rows, one list per encoded text."""
        premises, hypotheses = [row.premise for row in rows], [row.hypothesis for row in rows]
        if self.reads == JOINT:
            return [self.encoder.tokenize(premises, hypotheses)]
        return [self.encoder.tokenize(premises), self.encoder.tokenize(hypotheses)]

    @final
    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Represent this rank's share, exchange with the other ranks, and take the loss of the global batch."""
        representation, targets = self._gather(self.represent(batch.inputs), batch)
        with torch.autocast(representation.device.type, enabled=False):  # distances need the digits that bf16 drops
            loss = self.loss(representation, targets)
            self.accuracy(self.predict_batch(representation.detach(), targets), targets)
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))
        self.log("train/accuracy", self.accuracy, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))
        return loss

    @final
    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with a warm-up and a schedule over the steps of this training."""
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        others = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}],
                                      lr=self.learning_rate)
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = get_scheduler(self.schedule, optimizer, num_warmup_steps=round(self.warmup * steps), num_training_steps=steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _gather(self, representation: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The global batch on every rank, with gradients: each rank then holds the same loss, and DDP's mean over ranks is the
        gradient of one process. The shares have equal shapes (padded); padding is masked out here."""
        targets, mask = batch.targets, batch.mask
        if self._trainer is not None and self.trainer.world_size > 1:
            representation = self.all_gather(representation, sync_grads=True).flatten(0, 1)
            targets, mask = self.all_gather(targets).flatten(), self.all_gather(mask).flatten()
        return representation[mask], targets[mask]
