"""The step that all retraining objectives share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, final

import torch
from jaxtyping import Float, Int
from pytorch_lightning import LightningModule
from torch import Tensor
from torchmetrics.classification import MulticlassAccuracy
from transformers import get_scheduler

from relsym.data.module import Batch
from relsym.data.pairs import Features, Row
from relsym.encoders.encoder import Encoder
from relsym.metrics.base import JOINT, SENTENCES, Metric
from relsym.objectives.remedies.base import Remedy
from relsym.ranges import NonNegativeFloat, Seed, Share
from relsym.runs.results import LAST

# Those of transformers that need nothing but numbers of steps.
Schedule = Literal[
    "linear",
    "cosine",
    "constant",
    "constant_with_warmup",
    "cosine_with_restarts",
    "polynomial",
    "inverse_sqrt",
]


class Objective(LightningModule):
    """Retrains an encoder on labelled premise / hypothesis pairs.

    A subclass says its loss and its prediction. The step, the exchange between ranks and the optimiser are
    here and final. Remedies against forgetting, if any, add their penalties to the loss in the same step:

        loss of a step = loss(representation, targets) + unrelated_loss(representation, about)
                         + sum over remedies of their penalties

    Shapes: n rows of the global batch; parts is 2 where premise and hypothesis are encoded apart, 1 where
    the pair is encoded as one input; dim channels of the encoder.

    Attributes:
        title: what a report calls it; "": as the option.
        place: where it stands in a table.
        reads: how a pair is read, ``SENTENCES`` or ``JOINT``.
        reads_metric: which metrics it takes: those that read ``SENTENCES`` or ``JOINT``, or ``NONE``.
        read_out_names: the tensors that it holds beside the encoder.
        needs_identity: whether its metric must have an identity label.
        encodes_once: a text that several rows of a batch have is encoded once, with one dropout mask; without
            dropout it is in batches of whole facts, whatever the objective.

    Args:
        encoder: is trained in place.
        metric: shared with the probe.
        labels: class names; targets index into them.
        learning_rate: of AdamW, the highest of the schedule.
        weight_decay: of AdamW; none on biases and layer norms.
        schedule: of the learning rate, after the warm-up.
        warmup: share of the steps in which the rate rises from 0.
        seed: of random label embeddings or the head.

    Raises:
        ValueError: the metric cannot read vectors of the encoder's length.
    """

    title: ClassVar[str] = ""
    place: ClassVar[int] = LAST
    reads: ClassVar[str] = SENTENCES
    reads_metric: ClassVar[str] = SENTENCES
    read_out_names: ClassVar[frozenset[str]] = frozenset()
    needs_identity: ClassVar[bool] = False
    encodes_once: ClassVar[bool] = False

    def __init__(
        self,
        encoder: Encoder,
        metric: Metric,
        labels: Sequence[str],
        learning_rate: NonNegativeFloat,
        weight_decay: NonNegativeFloat,
        schedule: Schedule,
        warmup: Share,
        seed: Seed,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.metric = metric
        self.labels = tuple(labels)
        self.seed = seed
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.schedule = schedule
        self.warmup = warmup
        # The batch is gathered before it is counted, so every rank has the figure of all rows already.
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
        """Class indices for the training accuracy.

        Objectives without labels of their own may look at the other rows' targets.
        """

    def unrelated_loss(
        self, representation: Float[Tensor, "n parts dim"], about: Int[Tensor, " n"]
    ) -> Float[Tensor, ""] | None:
        """What keeps rows of the global batch apart that speak of different facts; None: nothing.

        Args:
            representation: of the rows.
            about: rows with one number speak of one fact, or of facts that imply one another.
        """
        return None

    @final
    def represent(self, batch: Batch) -> Float[Tensor, "n parts dim"]:
        """One vector per encoded text."""
        replays = any(remedy.needs_nli for remedy in self.remedies)
        # Replayed rows are of other lengths than those that they stand beside: padding would cost more.
        encode = self.encoder.by_length if replays else self.encoder
        return batch.vectors(encode)

    def project(self, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n parts channels"]:
        """What the loss reads: the encoder's vectors themselves, unless the objective has a head."""
        return vectors

    def read_out(self) -> dict[str, Tensor]:
        """What this objective learnt or fixed beside the encoder, by name: label embeddings or a head."""
        return {}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Take over what ``read_out`` of an earlier run gave.

        Raises:
            ValueError: it was a run of another objective, and a tensor is missing, or one has another shape.
        """
        missing = self.read_out_names - read_out.keys()
        if missing:
            names = ", ".join(sorted(missing))
            raise ValueError(
                f"init: the earlier run holds no {names}, which {type(self).__name__} goes on from. "
                "Go on with the objective of that run."
            )
        for name, tensor in self.read_out().items():
            stored, wanted = list(read_out[name].shape), list(tensor.shape)
            if stored != wanted:  # a copy would repeat one row silently for all labels
                raise ValueError(
                    f"init: {name} of the earlier run has the shape {stored}; its labels and its encoder "
                    f"make it {wanted}. Run that training again, or pass another run."
                )

    @final
    def tokenize(self, rows: Sequence[Row]) -> list[Features]:
        """Token lists of the rows, one list per encoded text."""
        premises = [row.premise for row in rows]
        hypotheses = [row.hypothesis for row in rows]
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
        """Represent this rank's share, exchange with the other ranks, and return the global batch's loss.

        Raises:
            RuntimeError: a StopIteration was raised below.
        """
        try:
            return self._step(batch)
        except StopIteration as end:
            # Lightning would take it for the end of the epoch, and go on as if all batches had been seen.
            raise RuntimeError("a loss, prediction or remedy raised StopIteration") from end

    def _step(self, batch: Batch) -> Tensor:
        """The loss of the global batch; see ``training_step``."""
        vectors = self.represent(batch)
        projected = self.project(vectors)
        mask = self._of_all_ranks(batch.mask)  # False for rows that only fill up a rank's share
        representation = self._of_all_ranks(projected, gradients=True)[mask]
        targets = self._of_all_ranks(batch.targets)[mask]
        replayed = self._of_all_ranks(batch.replayed)[mask]
        about = self._of_all_ranks(batch.about)[mask]

        penalties = {}
        for remedy in self.remedies:
            penalty = self._penalty(remedy, batch, vectors)
            if penalty is not None:
                penalties[remedy.name] = penalty

        # Distances need the digits that bf16 drops.
        with torch.autocast(representation.device.type, enabled=False):
            loss = self.loss(representation, targets)
            apart = self.unrelated_loss(representation, about)
            predicted = self.predict_batch(representation.detach(), targets)
        if apart is not None:
            penalties["unrelated"] = apart
        total = sum(penalties.values(), loss)

        self._log_mean("loss", total, len(targets), prog_bar=True)
        for name, penalty in penalties.items():
            self._log_mean(name, penalty, len(targets))
        self._log_accuracy("train/accuracy", self.accuracy, predicted[~replayed], targets[~replayed])
        self._log_accuracy(
            "train/accuracy/replayed", self.accuracy_replayed, predicted[replayed], targets[replayed]
        )
        return total

    @final
    def configure_optimizers(self) -> dict[str, Any]:
        """AdamW with a warm-up and a schedule over the steps of this training."""
        trained = [parameter for parameter in self.parameters() if parameter.requires_grad]
        # Biases and the weights of layer norms have one dimension.
        decayed = [parameter for parameter in trained if parameter.ndim > 1]
        others = [parameter for parameter in trained if parameter.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": self.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate)
        steps = int(self.trainer.estimated_stepping_batches)
        warmup_steps = round(self.warmup * steps)
        scheduler = get_scheduler(self.schedule, optimizer, warmup_steps, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def _log_mean(self, name: str, value: Tensor, rows: int, prog_bar: bool = False) -> None:
        """Log ``train/NAME`` as the mean over the rows of an epoch."""
        self.log(f"train/{name}", value, on_step=False, on_epoch=True, prog_bar=prog_bar, batch_size=rows)

    def _log_accuracy(
        self, name: str, accuracy: MulticlassAccuracy, predicted: Tensor, targets: Tensor
    ) -> None:
        """Log the accuracy of the replayed rows of a batch, or of the others; it may hold none of either."""
        if len(targets):
            accuracy(predicted, targets)
            self.log(name, accuracy, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(targets))

    def _penalty(self, remedy: Remedy, batch: Batch, vectors: Tensor) -> Tensor | None:
        """What a remedy adds to the loss; None for nothing.

        The mean over rows is that of the global batch. The value of the weights is the same on every rank.
        """
        of_rows = remedy.row_penalty(batch, vectors)
        of_weights = remedy.weight_penalty(self)
        if of_rows is None:
            return of_weights
        counted = self._of_all_ranks(batch.mask & remedy.counts_row(batch))
        of_rows = self._of_all_ranks(of_rows, gradients=True)
        mean = of_rows[counted].sum() / counted.sum().clamp_min(1)  # a batch may hold no row that counts
        return mean if of_weights is None else mean + of_weights

    def _of_all_ranks(self, share: Tensor, gradients: bool = False) -> Tensor:
        """The rows of the global batch on every rank, padding included: the shares have equal shapes.

        With gradients each rank then holds the same loss, and DDP's mean over ranks is the gradient that one
        process would have.
        """
        if self._trainer is None or self.trainer.world_size == 1:
            return share
        return self.all_gather(share, sync_grads=gradients).flatten(0, 1)
