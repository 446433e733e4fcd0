"""Metrics of the objectives that read the pair as one input."""

from __future__ import annotations

from typing import ClassVar, final

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import JOINT, Metric, cosine


@final
class Pair(Metric):
    """The encoder's vector of the joint input is itself the label embedding.

        d(e, l)     = 1 - cos(e, l)
        label_of(e) = u(e),   u(x) = x / |x|

    So the metric is whatever the encoder learns. Source: Yuan & Vlachos 2025, arXiv:2504.16312, "k-NN with
    learnt distance metric".
    """

    reads: ClassVar[str] = JOINT

    def distance(
        self, premise: Float[Tensor, "n dim"], hypothesis: None, label: Float[Tensor, "m dim"]
    ) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label, 1 - cos(e, l); ``premise`` holds the joint vectors e."""
        return 1 - cosine(premise, label)

    def label_of(self, premise: Float[Tensor, "n dim"], hypothesis: None) -> Float[Tensor, "n dim"]:
        """The joint vector itself, at unit length: u(e)."""
        return normalize(premise, dim=-1)
