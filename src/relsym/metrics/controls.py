"""Controls: metrics that know nothing of RotatE.

What they reach as well cannot be credited to the trilinear form.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric, cosine


def _sum(premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """u(u(p) + u(h)), u(x) = x / |x|: symmetric in p and h, so blind to direction."""
    unit_premise = normalize(premise, dim=-1)
    unit_hypothesis = normalize(hypothesis, dim=-1)
    return normalize(unit_premise + unit_hypothesis, dim=-1)


@final
class Cosine(Metric):
    """The plain sum of the two unit vectors.

    d(p, h, l)     = 1 - cos(u(p) + u(h), l)
    label_of(p, h) = u(u(p) + u(h))
    """

    label_ignores_order: ClassVar[bool] = True

    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"],
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label embedding, 1 - cos(u(p) + u(h), l)."""
        return 1 - cosine(_sum(premise, hypothesis), label)

    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]
    ) -> Float[Tensor, "n dim"]:
        """The unit sum of the unit vectors, u(u(p) + u(h)): the same for both orders."""
        return _sum(premise, hypothesis)


@final
class Euclidean(Metric):
    """The same sum, compared by length of the difference.

        d(p, h, l)     = |u(u(p) + u(h)) - u(l)|
        label_of(p, h) = u(u(p) + u(h))

    Between unit vectors |a - b|^2 = 2 (1 - cos), so neighbours rank as under the cosine; the losses differ.
    """

    label_ignores_order: ClassVar[bool] = True

    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"],
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label embedding, |u(u(p) + u(h)) - u(l)|."""
        return self.between(_sum(premise, hypothesis), label)

    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]
    ) -> Float[Tensor, "n dim"]:
        """The unit sum of the unit vectors, u(u(p) + u(h)): the same for both orders."""
        return _sum(premise, hypothesis)

    def between(self, first: Float[Tensor, "n dim"], second: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Distance of two pairs, |u(a) - u(b)|."""
        unit_first = normalize(first, dim=-1)
        unit_second = normalize(second, dim=-1)
        # By matrix products, a short distance would be the difference of two large numbers.
        return torch.cdist(unit_first, unit_second, compute_mode="donot_use_mm_for_euclid_dist")
