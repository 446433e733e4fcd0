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
    """Weight [classes features] and bias [classes] of a multinomial logistic regression.

    It is scikit-learn's, with C = 1. The targets hold at least three classes, from 0 on: for two of them
    scikit-learn gives one row of weights only.
    """
    regression = LogisticRegression(max_iter=1000).fit(features.numpy(), targets.numpy())
    weight = torch.from_numpy(regression.coef_)
    bias = torch.from_numpy(regression.intercept_)
    return weight.to(features.dtype), bias.to(features.dtype)


def features_of(representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n features"]:
    """The joint vector e, or [p, h, |p - h|, p * h] of sentences encoded apart.

    Source: Conneau et al. 2017, arXiv:1705.02364, section 3.1.
    """
    premise, hypothesis = parts(representation)
    if hypothesis is None:
        return premise  # the joint vector
    difference = (premise - hypothesis).abs()
    product = premise * hypothesis
    return torch.cat([premise, hypothesis, difference, product], dim=-1)


@final
class Linear(Probe):
    """argmax of a logistic regression on ``features_of`` the training rows.

    It shows what can be read off an encoder, whatever objective trained it.
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
        """Fit the regression to the training rows."""
        self.weight, self.bias = logistic(features_of(memory), targets)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Fit the regression to these rows."""
        self.fit(metric, {}, memory, targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Take over weight and bias of an earlier probe."""
        self.weight = tensors["linear.weight"]
        self.bias = tensors["linear.bias"]

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The likeliest class of each row, as its index."""
        return self.scores(representation, len(self.bias)).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """softmax of W f + b, f the features."""
        logits = linear(features_of(representation), self.weight, self.bias)
        return logits.softmax(-1)

    def tensors(self) -> dict[str, Tensor]:
        """Weight [classes features] and bias [classes]."""
        return {"linear.weight": self.weight, "linear.bias": self.bias}
