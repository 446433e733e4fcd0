"""Retraining with k-NN, under a fixed or a learnt metric."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import JOINT, parts
from relsym.objectives.base import Objective
from relsym.objectives.losses import contrastive
from relsym.ranges import NonNegativeFloat


class NeighbourRetraining(Objective):
    """Pull samples with the same label together and push samples with different labels apart.

        loss = mean over the pairs i < j of the global batch of 0.5 (y d^2 + (1 - y) max(0, margin - d)^2),
        d    = metric.between(label_of(p_i, h_i), label_of(p_j, h_j)),   y = 1 where the labels are the same

    Only the encoder is trained; labels are represented by their samples.
    """

    def __init__(self, *args: Any, margin: NonNegativeFloat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.margin = margin

    @final
    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean over all n (n - 1) / 2 pairs of samples; zero for a batch of one, which has none."""
        if len(targets) < 2:
            return 0.0 * representation.sum()
        distance = self._between(representation)
        same = targets[:, None] == targets[None, :]
        upper = torch.ones_like(same).triu(diagonal=1)
        return contrastive(distance[upper], same[upper], self.margin).mean()

    @final
    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """The label of the nearest other sample of the batch."""
        distance = self._between(representation)
        distance.fill_diagonal_(torch.inf)  # a sample is no neighbour of itself
        return targets[distance.argmin(-1)]

    def _between(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n n"]:
        """Distance of every two samples of the batch."""
        labels = self.metric.label_of(*parts(representation))
        return self.metric.between(labels, labels)


@final
class KnnRetraining(NeighbourRetraining):
    """k-NN under a fixed symmetry-aware metric; premise and hypothesis are encoded apart.

    Source: Yuan & Vlachos 2025, arXiv:2504.16312, section "k-NN".
    """

    title: ClassVar[str] = "k-NN"
    place: ClassVar[int] = 1


@final
class LearntMetricRetraining(NeighbourRetraining):
    """k-NN under a metric that the encoder learns.

    The pair is encoded as one input, and its vector is the label embedding.

    Source: Yuan & Vlachos 2025, arXiv:2504.16312, section "k-NN with learnt distance metric".
    """

    title: ClassVar[str] = "k-NN with learnt metric"
    place: ClassVar[int] = 2
    reads: ClassVar[str] = JOINT
    reads_metric: ClassVar[str] = JOINT
