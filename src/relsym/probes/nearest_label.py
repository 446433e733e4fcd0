"""The nearest label embedding."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric, parts
from relsym.probes.base import Probe


@final
class NearestLabel(Probe):
    """argmin over labels of metric.distance(p, h, l). Ties take the first label."""

    needs: ClassVar[frozenset[str]] = frozenset({"label_embeddings"})
    probability: ClassVar[bool] = False

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Keep the label embeddings [m dim]; the training rows are not read."""
        self.restore(metric, read_out)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Each label becomes the direction of the mean of what its rows imply: u(sum_i
        label_of(p_i, h_i)).
        """
        implied = metric.label_of(*parts(memory))
        means = torch.zeros(int(targets.max()) + 1, implied.shape[-1], dtype=implied.dtype).index_add_(
            0, targets, implied
        )
        self.restore(metric, {"label_embeddings": normalize(means, dim=-1)})

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """The same."""
        self.metric, self.label_embeddings = metric, tensors["label_embeddings"].cpu()

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The nearest label embedding of each pair."""
        return self.metric.distance(*parts(representation), self.label_embeddings).argmin(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """Minus the distance."""
        return -self.metric.distance(*parts(representation), self.label_embeddings)

    def tensors(self) -> dict[str, Tensor]:
        """The label embeddings."""
        return {"label_embeddings": self.label_embeddings}
