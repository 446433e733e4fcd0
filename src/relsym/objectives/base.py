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
from relsym.objectives.remedies.base import Remedy
from relsym.ranges import NonNegativeFloat, Seed, Share
from relsym.runs.results import LAST


class Objective(LightningModule):
    """Retrains an encoder on labelled premise / hypothesis pairs.

    Subclasses say what a report calls them (``title``; "": as the option) and where they stand in a table
    (``place``), how a pair is read (``reads``), which metrics they take (``reads_metric``), what they hold
    beside the encoder (``read_out_names``), their loss and their prediction; the step, the exchange between
    ranks and the optimiser are here and final. Remedies against forgetting, if any, add their penalties to
    the loss in the same step:

        loss of a step = loss(representation, targets) + sum over remedies of their penalties

    Args:
        encoder: is trained in place.
        metric: shared with the probe.
        labels: class names; targets index into them.
        learning_rate, weight_decay: of AdamW (no decay on biases and layer norms).
        schedule: "linear", "cosine" or "constant", after ``warmup`` (share of the steps in which the rate
        rises from 0). seed: of random label embeddings or the head.
    """

    title: ClassVar[str] = ""
    place: ClassVar[int] = LAST
    reads: ClassVar[str] = SENTENCES
    reads_metric: ClassVar[str] = SENTENCES
    read_out_names: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        encoder: Encoder,
        metric: Metric,
        labels: Sequence[str],
        learning_rate: NonNegativeFloat,
        weight_decay: NonNegativeFloat,
        schedule: str,
        warmup: Share,
        seed: Seed,
    ) -> None:
        super().__init__()
        self.encoder, self.metric, self.labels, self.seed = encoder, metric, tuple(labels), seed
        self.learning_rate, self.weight_decay, self.schedule, self.warmup = (
            learning_rate,
            weight_decay,
            schedule,
            warmup,
        )
        self.accuracy = MulticlassAccuracy(len(self.labels), average="micro", sync_on_compute=False)
        self.accuracy_replayed = self.accuracy.clone()
        self.remedies: tuple[Remedy, ...] = ()
        metric.check_dim(encoder.dim)

    @abstractmethod
    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean loss of the global batch."""

    @abstractmethod
    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """Class indices for the training accuracy; objectives without labels of their own may look at the
        other rows' targets.
        """

    @final
    def represent(self, inputs: tuple[dict[str, Tensor], ...]) -> Float[Tensor, "n parts dim"]:
        """One vector per encoded text.

        Replayed rows are of other lengths than those that they stand beside.
        """
        encode = self.encoder.by_length if any(remedy.needs_nli for remedy in self.remedies) else self.encoder
        return torch.stack([encode(tokens) for tokens in inputs], dim=1)

    def project(self, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n parts channels"]:
        """What the loss reads, from the encoder's vectors: the vectors themselves, unless the objective has a
        head.
        """
        return vectors

    def read_out(self) -> dict[str, Tensor]:
        """What this objective learnt or fixed beside the encoder, by name: label embeddings or a head."""
        return {}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Take over what ``read_out`` of an earlier run gave."""
        if missing := self.read_out_names - read_out.keys():
            raise ValueError(
                f"init: the earlier run holds no {', '.join(sorted(missing))}, which {type(self).__name__} "
                "goes on from. "
                "Go on with the objective of that run."
            )

    @final
    def tokenize(self, rows: Sequence[Row]) -> list[Features]:
        """Token lists of the rows, one list per encoded text."""
        premises, hypotheses = [row.premise for row in rows], [row.hypothesis for row in rows]
        if self.reads == JOINT:
            return [self.encoder.tokenize(premises, hypotheses)]
        return [self.encoder.tokenize(premises), self.encoder.tokenize(hypotheses)]

    @final
    def begin_with(self, remedies: Sequence[Remedy]) -> None:
        """Train under these remedies.

        Those that rebuild the encoder begin last and finish first: the others see it as it is saved.
        """
        self.remedies = tuple(sorted(remedies, key=lambda remedy: remedy.rebuilds_encoder))
        for remedy in self.remedies:
            remedy.begin(self)

    @final
    def finish_remedies(self) -> None:
        """After the training: leave the weights that are to be saved and scored."""
        for remedy in reversed(self.remedies):
            remedy.end(self)

    @final
    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Represent this rank's share, exchange with the other ranks, and take the loss of the
        global batch.
        """
        vectors = self.represent(batch.inputs)
        mask = self._of_all_ranks(batch.mask)
        representation = self._of_all_ranks(self.project(vectors), gradients=True)[mask]
        targets, replayed = self._of_all_ranks(batch.targets)[mask], self._of_all_ranks(batch.replayed)[mask]
        penalties = {
            remedy.name: penalty
            for remedy in self.remedies
            if (penalty := self._penalty(remedy, batch, vectors)) is not None
        }
        with torch.autocast(
            representation.device.type, enabled=False
        ):  # distances need the digits that bf16 drops
            loss = self.loss(representation, targets)
            predicted = self.predict_batch(representation.detach(), targets)
        total = sum(penalties.values(), loss)
        for name, value in {"loss": total, **penalties}.items():
            self.log(
                f"train/{name}",
                value,
                on_step=False,
                on_epoch=True,
                prog_bar=name == "loss",
                batch_size=len(targets),
            )
        self._log_accuracy("train/accuracy", self.accuracy, predicted[~replayed], targets[~replayed])
        self._log_accuracy(
            "train/accuracy/replayed", self.accuracy_replayed, predicted[replayed], targets[replayed]
        )
        return total

    @final
    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with a warm-up and a schedule over the steps of this training."""
        decayed = [p for p in self.parameters() if p.requires_grad and p.ndim > 1]
        others = [p for p in self.parameters() if p.requires_grad and p.ndim <= 1]
        optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": self.weight_decay}, {"params": others, "weight_decay": 0.0}],
            lr=self.learning_rate,
        )
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = get_scheduler(
            self.schedule, optimizer, num_warmup_steps=round(self.warmup * steps), num_training_steps=steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _log_accuracy(
        self, name: str, accuracy: MulticlassAccuracy, predicted: Tensor, targets: Tensor
    ) -> None:
        """Replayed rows apart from the others; a batch may hold none of either."""
        if len(targets):
            accuracy(predicted, targets)
            self.log(name, accuracy, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))

    def _penalty(self, remedy: Remedy, batch: Batch, vectors: Tensor) -> Tensor | None:
        """The mean over rows is that of the global batch; the value of the weights is the same on
        every rank.
        """
        rows, weights = remedy.row_penalty(batch, vectors), remedy.weight_penalty(self)
        if rows is None:
            return weights
        counted = self._of_all_ranks(batch.mask & remedy.counts_row(batch))
        mean = self._of_all_ranks(rows, gradients=True)[counted].sum() / counted.sum().clamp_min(1)
        return mean if weights is None else mean + weights

    def _of_all_ranks(self, share: Tensor, gradients: bool = False) -> Tensor:
        """The rows of the global batch on every rank, padding included: the shares have equal shapes. With
        gradients, each rank then holds the same loss, and DDP's mean over ranks is the gradient of one
        process.
        """
        if self._trainer is None or self.trainer.world_size == 1:
            return share
        return self.all_gather(share, sync_grads=gradients).flatten(0, 1)
