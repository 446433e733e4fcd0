"""Logistic regression on frozen representations."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import linear

from relsym.metrics.base import Metric, parts
from relsym.probes.base import Probe


def logistic(
    features: Float[Tensor, "n features"], targets: Int[Tensor, " n"]
) -> tuple[Float[Tensor, "classes features"], Tensor]:
    """Weight and bias of a multinomial logistic regression (scikit-learn, C = 1); the targets hold at least
    three classes, from 0 on.
    """
    found = LogisticRegression(max_iter=1000).fit(features.numpy(), targets.numpy())
    return torch.from_numpy(found.coef_).to(features.dtype), torch.from_numpy(found.intercept_).to(
        features.dtype
    )


def features_of(representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n features"]:
    """The joint vector e, or [p, h, |p - h|, p * h] of sentences encoded apart (Conneau et al. 2017,
    arXiv:1705.02364, section 3.1).
    """
    premise, hypothesis = parts(representation)
    if hypothesis is None:
        return premise
    return torch.cat([premise, hypothesis, (premise - hypothesis).abs(), premise * hypothesis], dim=-1)


@final
class Linear(Probe):
    """argmax of a logistic regression on ``features_of`` the training rows: what can be read off an encoder
    whatever trained it.
    """

    needs_memory: ClassVar[bool] = True
    needs_metric: ClassVar[bool] = False

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Fit the regression."""
        self.weight, self.bias = logistic(features_of(memory), targets)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """The same."""
        self.fit(metric, {}, memory, targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Take over weight and bias."""
        self.weight, self.bias = tensors["linear.weight"], tensors["linear.bias"]

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The likeliest class."""
        return self.scores(representation, len(self.bias)).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """softmax of W f + b."""
        return linear(features_of(representation), self.weight, self.bias).softmax(-1)

    def tensors(self) -> dict[str, Tensor]:
        """Weight [classes features] and bias [classes]."""
        return {"linear.weight": self.weight, "linear.bias": self.bias}
