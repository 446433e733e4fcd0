"""The nearest label embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric, parts
from relsym.probes.base import Closest, Probe


@final
class NearestLabel(Probe):
    """argmin over labels of metric.distance(p, h, l). Ties take the first label."""

    needs: ClassVar[frozenset[str]] = frozenset({"label_embeddings"})
    probability: ClassVar[bool] = False
    has_closest: ClassVar[bool] = True

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
        """Each label becomes the direction of the mean of what its rows imply.

        l = u(sum_i label_of(p_i, h_i)),   i over the rows of the label
        """
        implied = metric.label_of(*parts(memory))
        classes = int(targets.max()) + 1
        sums = torch.zeros(classes, implied.shape[-1], dtype=implied.dtype)
        sums.index_add_(0, targets, implied)
        self.restore(metric, {"label_embeddings": normalize(sums, dim=-1)})

    def add_class(self, metric: Metric, implied: Float[Tensor, "m dim"], index: int) -> None:
        """The new label is the mean of what its pairs imply, as the metric takes it (``mean_label``)."""
        embedding = metric.mean_label(implied).to(self.label_embeddings.dtype)
        self.label_embeddings = torch.cat([self.label_embeddings, embedding[None]])

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Keep the label embeddings [m dim] of an earlier probe."""
        self.metric = metric
        self.label_embeddings = tensors["label_embeddings"].cpu()

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class index of the label embedding that is nearest to each pair."""
        distance = self.metric.distance(*parts(representation), self.label_embeddings)
        return distance.argmin(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """Minus the distance to each label embedding."""
        return -self.metric.distance(*parts(representation), self.label_embeddings)

    def closest(self, representation: Float[Tensor, "n parts dim"]) -> Closest:
        """The metric's distance to the nearest label embedding."""
        distance = self.metric.distance(*parts(representation), self.label_embeddings)
        return Closest(distance.amin(-1), None)

    def account(self, representation: Float[Tensor, "one parts dim"], labels: Sequence[str]) -> str:
        """The distance to each label embedding, nearest first."""
        [distances] = self.metric.distance(*parts(representation), self.label_embeddings).tolist()
        nearest_first = sorted(zip(distances, labels, strict=True))
        labelled = [f"{label} {distance:.2f}" for distance, label in nearest_first]
        return f"distance to the label embeddings: {', '.join(labelled)}"

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """One embedding for each label."""
        return {"label_embeddings": (classes, dim)}

    def tensors(self) -> dict[str, Tensor]:
        """The label embeddings [m dim]."""
        return {"label_embeddings": self.label_embeddings}
