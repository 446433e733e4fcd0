"""The nearest label embedding."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric, parts
from relsym.probes.base import Probe


@final
class NearestLabel(Probe):
    """argmin over labels of metric.distance(p, h, l). Ties take the first label."""

    needs: ClassVar[frozenset[str]] = frozenset({"label_embeddings"})
    probability: ClassVar[bool] = False

    def fit(self, metric: Metric, read_out: dict[str, Tensor], memory: Float[Tensor, "n parts dim"],
            targets: Int[Tensor, " n"]) -> None:
        """Keep the label embeddings [m dim]; the training rows are not read."""
        self.restore(metric, read_out)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """The same."""
        self.metric, self.label_embeddings = metric, tensors["label_embeddings"].cpu()

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The nearest label embedding of each pair."""
        return self.metric.distance(*parts(representation), self.label_embeddings).argmin(-1)

    def scores(self, representation: Float[Tensor, "n parts dim"], classes: int) -> Float[Tensor, "n classes"]:
        """Minus the distance."""
        return -self.metric.distance(*parts(representation), self.label_embeddings)

    def tensors(self) -> dict[str, Tensor]:
        """The label embeddings."""
        return {"label_embeddings": self.label_embeddings}
