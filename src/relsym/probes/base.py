"""What every probe offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric


class Probe(ABC):
    """Reads class indices off frozen representations.

    ``needs`` names the tensors a probe reads from the objective's read-out; ``needs_memory`` says whether it
    stores the training rows; ``needs_metric`` whether it measures distance; ``probability`` whether its
    scores are probabilities.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    needs_memory: ClassVar[bool] = False
    needs_metric: ClassVar[bool] = True
    probability: ClassVar[bool] = True

    def check_memory(self, rows: int) -> None:  # noqa: B027
        """Raise a ValueError if so many training rows are not enough. Most probes need none."""

    @abstractmethod
    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Take what the objective learnt, or the training rows' representations and class indices."""

    @abstractmethod
    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class index of each pair."""

    @abstractmethod
    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Learn from labelled rows alone what the objective had learnt or fixed.

        Every class must be among the targets.
        """

    @abstractmethod
    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Take over what ``tensors`` of an earlier probe returned, instead of ``fit``."""

    @abstractmethod
    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """How much speaks for each class: higher is more.

        ``predict`` takes the class with the highest score; of several, a probe has its own rule.
        """

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept to read out again, by name."""
