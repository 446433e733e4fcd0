"""Majority of the k nearest training samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cosine_similarity, one_hot

from relsym.metrics.base import Metric, parts
from relsym.probes.base import Closest, Probe, ReadOff
from relsym.probes.search import nearest
from relsym.ranges import PositiveInt


@final
class Knn(Probe):
    """Majority vote of the k training samples whose implied label embeddings are nearest by cosine.

    Of tied labels the one with the nearest neighbour wins.

    Args:
        k: neighbours; at most the number of training samples.
    """

    needs_memory: ClassVar[bool] = True
    has_closest: ClassVar[bool] = True

    def __init__(self, k: PositiveInt) -> None:
        if k < 1:
            raise ValueError(f"probe.k={k}: at least 1.")
        self.k = k

    def check_memory(self, rows: int) -> None:
        """k neighbours need k rows.

        Raises:
            ValueError: there are fewer.
        """
        if self.k > rows:
            raise ValueError(
                f"probe.k={self.k}: the memory has only {rows} rows. Lower probe.k or raise data.samples."
            )

    def ignores_order(self, metric: Metric) -> bool:
        """The label that a pair implies is all that is compared."""
        return metric.label_ignores_order

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Store the label embeddings that the training rows imply [m dim] and their class indices [m]."""
        self.check_memory(len(memory))
        self.metric = metric
        self.memory = metric.label_of(*parts(memory))
        self.targets = targets

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Store the label embeddings that these rows imply, as ``fit`` does."""
        self.fit(metric, {}, memory, targets)

    def add_class(self, metric: Metric, implied: Float[Tensor, "m dim"], index: int) -> None:
        """The pairs join the memory."""
        added = torch.full((len(implied),), index, dtype=self.targets.dtype)
        self.memory = torch.cat([self.memory, implied.to(self.memory.dtype)])
        self.targets = torch.cat([self.targets, added])

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The majority label of each pair's neighbours."""
        return vote(self._neighbours(representation))

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """The share of each class among the neighbours."""
        return _shares(self._neighbours(representation), classes)

    def account(self, representation: Float[Tensor, "one parts dim"], labels: Sequence[str]) -> str:
        """The votes of the neighbours, nearest first."""
        [neighbours] = self._neighbours(representation).tolist()
        votes = [labels[index] for index in neighbours]
        return f"the {len(votes)} nearest training pairs, nearest first: {', '.join(votes)}"

    def closest(self, representation: Float[Tensor, "n parts dim"]) -> Closest:
        """The k neighbours, and 1 - cos to the nearest one."""
        implied = self._implied(representation)
        rows = nearest(implied, self.memory, self.k)
        distance = 1 - cosine_similarity(implied, self.memory[rows[:, 0]], dim=-1)
        return Closest(distance.clamp_min(0), rows)  # rounding makes it -1e-7 for a training pair itself

    def read_off(self, representation: Float[Tensor, "n parts dim"], classes: int) -> ReadOff:
        """See ``Probe``; one search gives all three."""
        closest = self.closest(representation)
        neighbours = self.targets[closest.rows]
        return ReadOff(vote(neighbours), _shares(neighbours, classes), closest)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Take over the stored memory.

        Raises:
            ValueError: it has fewer rows than k.
        """
        self.metric = metric
        self.memory = tensors["memory"]
        self.targets = tensors["memory_targets"]
        self.check_memory(len(self.memory))

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """One embedding and one class for each stored row."""
        return {"memory": (None, dim), "memory_targets": (len(self.memory),)}

    def tensors(self) -> dict[str, Tensor]:
        """The memory [m dim] and its class indices [m]."""
        return {"memory": self.memory, "memory_targets": self.targets}

    def _neighbours(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, "n k"]:
        """Class indices of each pair's k neighbours, nearest first."""
        rows = nearest(self._implied(representation), self.memory, self.k)
        return self.targets[rows]

    def _implied(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, "n dim"]:
        """The label embedding that each pair implies."""
        return self.metric.label_of(*parts(representation))


def vote(neighbours: Int[Tensor, "n k"]) -> Int[Tensor, " n"]:
    """The commonest class index of each row of neighbours; of tied ones the one that comes first in the row.

    Args:
        neighbours: class indices, nearest first.
    """
    classes = int(neighbours.max()) + 1
    counts = one_hot(neighbours, classes).sum(dim=1)  # [n classes]
    # For each neighbour, whether its class has as many votes as any: the first such neighbour decides.
    votes = counts.gather(1, neighbours)
    is_winner = votes == counts.max(dim=1, keepdim=True).values
    first = is_winner.to(torch.int8).argmax(dim=1, keepdim=True)
    return neighbours.gather(1, first).squeeze(1)


def _shares(neighbours: Int[Tensor, "n k"], classes: int) -> Float[Tensor, "n classes"]:
    """The share of each class in each row of neighbours."""
    votes = one_hot(neighbours, classes)  # [n k classes]
    return votes.float().mean(dim=1)
