"""The sign of the form, with two cut points for what is neutral."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric
from relsym.metrics.signed_form import LOWER, UPPER, class_scores, form_of
from relsym.probes.base import Probe


@final
class CutPoints(Probe):
    """Entailment where the form is high, contradiction where it is low, neutral between two cut points.

        form(p, h) = (d(p, h, -l) - d(p, h, l)) / 2,   l the embedding of entailment, -l of contradiction
        z          = (form - (upper + lower) / 2) / ((upper - lower) / 2)
        scores     = z (entailment), -z (contradiction), 1 (neutral)

    Under fixed labels the form is the cosine of premise and hypothesis. Without neutral rows its sign
    decides, and nothing is chosen. With them the cut points begin at -0.5 and 0.5, and ``choose`` puts them
    where they part validation rows best. No training row and no head is needed.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"label_embeddings", "signs"})
    needs_validation: ClassVar[bool] = True
    probability: ClassVar[bool] = False

    def fit(
        self,
        metric: Metric,
        read_out: dict[str, Tensor],
        memory: Float[Tensor, "n parts dim"],
        targets: Int[Tensor, " n"],
    ) -> None:
        """Keep the label embeddings [2 dim] and the target of each class [m]; training rows are not read."""
        self.restore(metric, read_out)

    def refit(self, metric: Metric, memory: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Choose the cut points on labelled rows; labels and their embeddings are fixed."""
        self.choose(memory, targets)

    def restore(self, metric: Metric, tensors: dict[str, Tensor]) -> None:
        """Keep what an earlier probe kept; without cut points they are where reading starts."""
        self.metric = metric
        self.label_embeddings = tensors["label_embeddings"].cpu()
        self.signs = tensors["signs"].cpu()
        self.neutral_asked = True
        self.cut_points = torch.tensor([LOWER, UPPER])
        if "cut_points" in tensors:
            self.cut_points = tensors["cut_points"].cpu()

    def choose(self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]) -> None:
        """Put each cut point where it parts the rows on its two sides best, all classes counting alike.

        Without rows of each class, or where neutral is no class, the cut points stay.

        Args:
            representation: of validation rows.
            targets: their class indices.
        """
        signs = self.signs[targets]
        if {-1.0, 0.0, 1.0} - set(signs.tolist()):
            return
        form = self._form(representation)
        neutral = form[signs == 0]
        upper = best_cut(form[signs > 0], neutral, UPPER)
        # Upside down, so that the lower cut point is found as the upper one is.
        lower = -best_cut(-form[signs < 0], -neutral, -LOWER)
        if lower < upper:  # rows that nothing parts can put them the other way round
            self.cut_points = torch.tensor([lower, upper])

    def answer_among(self, asked: Sequence[bool]) -> None:
        """Never answer a neutral that no row can have: then the sign of z decides."""
        is_neutral = self.signs == 0
        self.neutral_asked = bool((is_neutral & torch.tensor(asked)).any())

    def predict(self, representation: Float[Tensor, "n parts dim"]) -> Int[Tensor, " n"]:
        """The class index with the highest score of each pair."""
        return self.scores(representation, len(self.signs)).argmax(-1)

    def scores(
        self, representation: Float[Tensor, "n parts dim"], classes: int
    ) -> Float[Tensor, "n classes"]:
        """z, -z and 1, in the order of the classes."""
        return class_scores(self._form(representation), self.signs, self.cut_points, self.neutral_asked)

    def shapes(self, dim: int, classes: int) -> dict[str, tuple[int | None, ...]]:
        """Two embeddings, two cut points, and a target for each label."""
        return {"label_embeddings": (2, dim), "signs": (classes,), "cut_points": (2,)}

    def tensors(self) -> dict[str, Tensor]:
        """The label embeddings [2 dim], the targets of the classes [m], and the cut points [2]."""
        return {"label_embeddings": self.label_embeddings, "signs": self.signs, "cut_points": self.cut_points}

    def _form(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, " n"]:
        return form_of(self.metric, representation, self.label_embeddings)


def best_cut(above: Float[Tensor, " n"], below: Float[Tensor, " m"], start: float) -> float:
    """The number that parts two samples best, each counting alike; of equally good ones that nearest ``start``.

    Candidates are ``start`` and the middles between neighbouring values.
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
