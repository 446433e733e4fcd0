"""The sign of the form, with two cut points for what is neutral."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.data.relations import NEUTRAL
from relsym.metrics.base import Metric
from relsym.metrics.signed_form import LOWER, UPPER, class_scores, form_of
from relsym.probes.base import Probe


@final
class CutPoints(Probe):
    """Entailment where the form is high, contradiction where it is low, neutral between two cut points.

        form(p, h) = (d(p, h, -l) - d(p, h, l)) / 2 = cos(p, h),   l the metric's identity
        z          = (form - (upper + lower) / 2) / ((upper - lower) / 2)
        scores     = z (entailment), -z (contradiction), 1 (neutral)

    Where rows cannot be neutral, z is the form: its sign decides, and nothing is chosen. Else the cut points
    start at -0.5 and 0.5, and ``choose`` puts them where they part validation rows best. No training row and
    no head is needed.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"signs"})
    probability: ClassVar[bool] = False
    closed: ClassVar[str] = "it reads one number, the cosine of the two texts"

    def __init__(self) -> None:
        self.neutral_asked = True

    @property
    def needs_validation(self) -> bool:
        """Without neutral rows there is nothing to choose."""
        return self.neutral_asked

    def ignores_order(self, metric: Metric) -> bool:
        """Cosine is symmetric."""
        return True

    def answer_among(self, labels: Sequence[str]) -> None:
        """Never answer a neutral that no row can have."""
        self.neutral_asked = NEUTRAL in labels

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Keep the form that each class asks for [m]; the training rows are not read."""
        self.restore(metric, {**read_out, "cut_points": torch.tensor([LOWER, UPPER])})

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Choose the cut points on labelled rows; all else is fixed."""
        self.choose(memory, targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Keep the forms that classes ask for [m] and the cut points [2] of an earlier probe."""
        self.metric = metric
        self.signs = tensors["signs"].cpu()
        self.cut_points = tensors["cut_points"].cpu()

    def choose(self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Put each cut point where it parts neutral from what lies beyond it best, both counting alike.

        Without rows of each of the three classes the cut points stay.

        Args:
            representation: of labelled rows that are not scored.
            targets: their class indices.
        """
        signs = self.signs[targets]
        if {-1.0, 0.0, 1.0} - set(signs.tolist()):
            return
        form = form_of(self.metric, representation)
        neutral = form[signs == 0]
        upper = best_cut(form[signs > 0], neutral, UPPER)
        # Upside down, so that the lower cut point is found as the upper one is.
        lower = -best_cut(-form[signs < 0], -neutral, -LOWER)
        if lower < upper:  # rows that nothing parts can put them the other way round
            self.cut_points = torch.tensor([lower, upper])

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class index with the highest score of each pair."""
        return self.scores(representation, len(self.signs)).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """z, -z and 1, in the order of the classes; less than both for neutral where no row can be that."""
        form = form_of(self.metric, representation)
        return class_scores(form, self.signs, self.cut_points, self.neutral_asked)

    def account(self, representation: Float[Tensor, "one parts dim"], labels: Sequence[str]) -> str:
        """The form, and where it is cut."""
        form = float(form_of(self.metric, representation))
        if not self.neutral_asked:
            return f"cosine {form:.2f}, read by its sign: entailment above 0, contradiction below"
        lower, upper = self.cut_points.tolist()
        return f"cosine {form:.2f}: entailment above {upper:.2f}, contradiction below {lower:.2f}"

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """One form for each label, and two cut points."""
        return {"signs": (classes,), "cut_points": (2,)}

    def tensors(self) -> dict[str, Tensor]:
        """The form that each class asks for [m], and the cut points, lower and upper [2]."""
        return {"signs": self.signs, "cut_points": self.cut_points}


def best_cut(above: Float[Tensor, " n"], below: Float[Tensor, " m"], start: float) -> float:
    """The number that parts two samples best, each counting alike.

    Candidates are ``start`` and the middles between neighbouring values; of equally good ones the nearest to
    ``start`` is taken.
    """
    values = torch.cat((above, below)).double().unique()
    middles = (values[1:] + values[:-1]) / 2
    candidates = torch.cat((torch.tensor([start], dtype=torch.float64), middles))
    share_above = 1 - _share_below(above, candidates)
    right = share_above + _share_below(below, candidates)
    best = candidates[right >= right.max() - 1e-9]
    nearest = (best - start).abs().argmin()
    return float(best[nearest])


def _share_below(sample: Float[Tensor, " n"], candidates: Float[Tensor, " c"]) -> Float[Tensor, " c"]:
    """The share of a sample that lies below each candidate."""
    ordered = sample.double().sort().values
    return torch.searchsorted(ordered, candidates) / len(sample)
