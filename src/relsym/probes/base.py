"""What every probe offers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple, final

from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric


class Closest(NamedTuple):
    """What lies closest to each pair among that which a probe compares it with.

    distance: to the closest one.
    rows: numbers of the training pairs among which it voted, closest first; None where it compares with label
        embeddings.
    """

    distance: Float[Tensor, " n"]
    rows: Int[Tensor, "n k"] | None


class ReadOff(NamedTuple):
    """All that a probe reads off some pairs.

    predicted: as ``Probe.predict`` gives it.
    scores: as ``Probe.scores``.
    closest: as ``Probe.closest``; None for a probe that compares with nothing.
    """

    predicted: Int[Tensor, " n"]
    scores: Float[Tensor, "n classes"]
    closest: Closest | None


class Probe(ABC):
    """Reads class indices off frozen representations.

    ``needs`` names the tensors a probe reads from the objective's read-out; ``needs_memory`` says whether it
    stores the training rows; ``needs_metric`` whether it measures distance; ``probability`` whether its
    scores are probabilities; ``has_closest`` whether it compares pairs with something (``closest``);
    ``closed`` why no class can be added after training, where ``add_class`` is not overridden.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    needs_memory: ClassVar[bool] = False
    needs_metric: ClassVar[bool] = True
    probability: ClassVar[bool] = True
    has_closest: ClassVar[bool] = False
    closed: ClassVar[str] = "it keeps nothing that a pair could be added to"

    @property
    def needs_validation(self) -> bool:
        """Whether ``choose`` chooses something on validation rows. Most probes choose nothing."""
        return False

    def ignores_order(self, metric: Metric) -> bool:
        """Whether (p, h) and (h, p) get the same answer by construction, whatever the encoder."""
        return False

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

    def choose(  # noqa: B027
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> None:
        """Choose what reading depends on, on labelled validation rows. Most probes choose nothing."""

    def answer_among(self, labels: Sequence[str]) -> None:  # noqa: B027
        """Be told the labels that rows can have. Most probes answer any of their classes."""

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

    def add_class(self, metric: Metric, implied: Float[Tensor, "m dim"], index: int) -> None:
        """Take a further class from the label embeddings that some pairs of it imply.

        An override replaces what it keeps and changes nothing in place, so that a copy of the probe can be
        tried out.

        Args:
            metric: that the pairs were measured with.
            implied: of each pair.
            index: of the class, one more than the last.

        Raises:
            ValueError: the probe has no place for a class that was not trained.
        """
        raise ValueError(
            f"{type(self).__name__} has no place for a further label: {self.closed}. Train again with rows "
            "of that label, or with a probe that has: nearest_label or knn."
        )

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """The shape that each of ``tensors`` has to have; None for a size that depends on the training rows.

        What is not named is not checked.

        Args:
            dim: of the encoder's vectors.
            classes: how many labels there are.
        """
        return {}

    @final
    def check_fits(self, dim: int, classes: int) -> None:
        """Refuse what was restored if it belongs to another encoder or to other labels.

        Raises:
            ValueError: with the name of the tensor, its shape and the one it has to have.
        """
        tensors = self.tensors()
        for name, wanted in self.shapes(dim, classes).items():
            stored = tuple(tensors[name].shape)
            fits = len(stored) == len(wanted)
            for size, wanted_size in zip(stored, wanted, strict=False):
                fits = fits and wanted_size in (None, size)
            if not fits:
                sizes = ["any number" if size is None else str(size) for size in wanted]
                raise ValueError(
                    f"{name} has the shape {list(stored)}, and vectors of length {dim} with {classes} labels "
                    f"need [{', '.join(sizes)}]."
                )

    @abstractmethod
    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """How much speaks for each class: higher is more.

        ``predict`` takes the class with the highest score; of several, a probe has its own rule.
        """

    def account(self, representation: Float[Tensor, "one parts dim"], labels: Sequence[str]) -> str:
        """What the answer to one pair is read off, in words for a person.

        Args:
            representation: of the pair.
            labels: the names of the classes.
        """
        [scores] = self.scores(representation, len(labels)).tolist()
        highest_first = sorted(zip(scores, labels, strict=True), reverse=True)
        shares = [f"{label} {score:.2f}" for score, label in highest_first]
        return f"scores: {', '.join(shares)}"

    def closest(self, representation: Float[Tensor, "n parts dim"]) -> Closest:
        """What lies closest to each pair, where ``has_closest``."""
        raise NotImplementedError(f"{type(self).__name__} compares pairs with nothing.")

    def read_off(self, representation: Float[Tensor, "n parts dim"], classes: int) -> ReadOff:
        """Answers, scores and what lies closest, for those who need more than one of them."""
        closest = self.closest(representation) if self.has_closest else None
        return ReadOff(self.predict(representation), self.scores(representation, classes), closest)

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What has to be kept to read out again, by name."""
