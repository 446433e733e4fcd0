"""The argmax of a classification head."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import linear

from relsym.metrics.base import Metric
from relsym.probes.base import Probe
from relsym.probes.linear import logistic


@final
class Head(Probe):
    """argmax of W e + b, e the vector of the joint input."""

    needs: ClassVar[frozenset[str]] = frozenset({"head.weight", "head.bias"})
    needs_metric: ClassVar[bool] = False

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Keep weight [classes dim] and bias [classes]."""
        self.restore(metric, read_out)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Fit weight and bias by logistic regression."""
        self.weight, self.bias = logistic(memory[:, 0], targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """The same."""
        self.weight, self.bias = tensors["head.weight"].cpu(), tensors["head.bias"].cpu()

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class with the highest logit."""
        return linear(representation[:, 0], self.weight, self.bias).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """softmax of W e + b."""
        return linear(representation[:, 0], self.weight, self.bias).softmax(-1)

    def tensors(self) -> dict[str, Tensor]:
        """Weight and bias."""
        return {"head.weight": self.weight, "head.bias": self.bias}
