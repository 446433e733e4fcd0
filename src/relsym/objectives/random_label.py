"""Retraining with random label embeddings."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from relsym.metrics.base import parts
from relsym.objectives.base import Objective
from relsym.objectives.losses import contrastive
from relsym.ranges import NonNegativeFloat


@final
class RandomLabelRetraining(Objective):
    """Pull each pair to the random, static embedding of its label and push it from the others.

        loss = mean over pairs and labels of 0.5 (y d^2 + (1 - y) max(0, margin - d)^2),
        d    = metric.distance(p, h, l),   y = 1 where l is the pair's label

    Only the encoder is trained. Source: Yuan & Vlachos 2025, arXiv:2504.16312, section "random label
    embeddings".
    """

    title: ClassVar[str] = "random label embeddings"
    place: ClassVar[int] = 0
    read_out_names: ClassVar[frozenset[str]] = frozenset({"label_embeddings"})

    def __init__(self, *args: Any, margin: NonNegativeFloat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.margin = margin
        generator = torch.Generator().manual_seed(self.seed)
        embeddings = self.metric.random_labels(len(self.labels), self.encoder.dim, generator)
        self.register_buffer("label_embeddings", embeddings)

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean over the n pairs and the m labels."""
        distance = self._to_labels(representation)
        is_label = one_hot(targets, len(self.labels)).bool()
        return contrastive(distance, is_label, self.margin).mean()

    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """The nearest label embedding."""
        return self._to_labels(representation).argmin(-1)

    def _to_labels(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label embedding."""
        return self.metric.distance(*parts(representation), self.label_embeddings)

    def read_out(self) -> dict[str, Tensor]:
        """The label embeddings [classes dim]."""
        return {"label_embeddings": self.label_embeddings}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Keep the label embeddings of the earlier run."""
        super().restore(read_out)
        self.label_embeddings.copy_(read_out["label_embeddings"])
