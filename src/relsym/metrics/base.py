"""What every metric offers. Training, probing and search share one instance of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

# What a metric or an objective reads: premise and hypothesis encoded apart, the pair encoded as one input, or
# no distance at all.
SENTENCES, JOINT, NONE = "sentences", "joint", "none"


class Metric(ABC):
    """Distance between pairs and label embeddings, and the label embedding that a pair implies.

    A pair is a premise and a hypothesis. ``hypothesis`` is None for metrics that read the pair as one input
    (``reads`` is "joint"): the joint vector stands in ``premise``.
    """

    reads: ClassVar[str] = SENTENCES
    # Whether label_of(p, h) = label_of(h, p), whatever the encoder: then k-NN judges (p, h) and (h, p) alike
    # by construction.
    label_ignores_order: ClassVar[bool] = False
    has_identity: ClassVar[bool] = False  # whether it has an ``identity_label``

    @abstractmethod
    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"] | None,
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label embedding, in [0, 2]; lower is closer."""

    @abstractmethod
    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"] | None
    ) -> Float[Tensor, "n dim"]:
        """The unit label embedding that each pair implies: what k-NN compares, by cosine."""

    def mean_label(self, implied: Float[Tensor, "m dim"]) -> Float[Tensor, " dim"]:
        """The label embedding of pairs that imply these: the direction of their mean, u(sum_i l_i)."""
        return normalize(implied.sum(dim=0), dim=-1)

    def between(self, first: Float[Tensor, "n dim"], second: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Distance of each first pair to each second one, from the label embeddings they imply: 1 - cos.

        An override must rank neighbours as the cosine does, for the search looks for them by cosine.
        """
        return 1 - cosine(first, second)

    def random_labels(self, count: int, dim: int, generator: torch.Generator) -> Float[Tensor, "count dim"]:
        """Static random label embeddings: directions drawn uniformly from the unit sphere."""
        return normalize(torch.randn(count, dim, generator=generator), dim=-1)

    def identity_label(self, dim: int) -> Float[Tensor, " dim"]:
        """The label embedding l with h * l = h for every h.

        It and its negative square to the identity, in all channels alike. Under l the distance is
        1 - cos(p, h), under -l it is 1 + cos(p, h). A metric that has one overrides this, and says so in
        ``has_identity``.

        Raises:
            ValueError: the metric has none.
        """
        raise ValueError(
            f"{type(self).__name__} has no label that leaves a vector as it is, which fixed labels need. Use "
            "metric=hadamard or metric=rotate."
        )

    def check_dim(self, dim: int) -> None:  # noqa: B027
        """Raise a ValueError if the metric cannot read vectors of this length. Most read any."""


def cosine(first: Float[Tensor, "n dim"], second: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
    """Cosine of every row of ``first`` with every row of ``second``."""
    return normalize(first, dim=-1) @ normalize(second, dim=-1).T


def parts(representation: Float[Tensor, "n parts dim"]) -> tuple[Tensor, Tensor | None]:
    """Premise and hypothesis of encoded pairs [n 2 dim], or the joint vectors and None of [n 1 dim]."""
    premise = representation[:, 0]
    if representation.shape[1] == 1:
        return premise, None
    return premise, representation[:, 1]
