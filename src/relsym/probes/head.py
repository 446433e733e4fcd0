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
    closed: ClassVar[str] = "its head was trained with a weight for each label"

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Keep weight [classes dim] and bias [classes] of the objective; the training rows are not read."""
        self.restore(metric, read_out)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Fit weight and bias by logistic regression."""
        self.weight, self.bias = logistic(memory[:, 0], targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Keep weight [classes dim] and bias [classes] of an earlier probe."""
        self.weight = tensors["head.weight"].cpu()
        self.bias = tensors["head.bias"].cpu()

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class with the highest logit."""
        return self._logits(representation).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """softmax of W e + b."""
        return self._logits(representation).softmax(-1)

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """One row of weights and one bias for each label."""
        return {"head.weight": (classes, dim), "head.bias": (classes,)}

    def tensors(self) -> dict[str, Tensor]:
        """Weight [classes dim] and bias [classes]."""
        return {"head.weight": self.weight, "head.bias": self.bias}

    def _logits(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n classes"]:
        """W e + b."""
        joint = representation[:, 0]
        return linear(joint, self.weight, self.bias)
