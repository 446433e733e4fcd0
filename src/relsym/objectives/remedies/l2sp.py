"""A pull back to the weights that the training began with."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float
from pytorch_lightning import LightningModule
from torch import Tensor

from relsym.objectives.remedies.base import Remedy, Strength, check_positive
from relsym.objectives.remedies.weights import copy_of


@final
class L2SP(Remedy):
    """Penalise the distance of every trained weight from its starting point.

        penalty = weight / 2 * sum over trained weights of (w - w0)^2

    w0 is kept in fp32. The head of fine-tuning counts as the encoder does: in a run with ``init`` it was
    trained before too. Source: Li, Grandvalet & Davoine 2018, arXiv:1802.01483, equation 3.

    Args:
        weight: the strength, lambda of the formula.
    """

    name: ClassVar[str] = "l2sp"

    def __init__(self, weight: Strength) -> None:
        check_positive("recipe.l2sp.weight", weight)
        self.weight = weight
        self._start: dict[str, Tensor] = {}

    def begin(self, objective: LightningModule) -> None:
        """Keep the weights before the training, w0."""
        self._start = copy_of(objective)

    def weight_penalty(self, objective: LightningModule) -> Float[Tensor, ""]:
        """Half the weighted sum of squares over the weights that are trained."""
        squares = []
        for name, parameter in objective.named_parameters():
            if parameter.requires_grad:
                moved = parameter - self._start_on(name, parameter.device)
                squares.append(moved.square().sum())
        return self.weight / 2 * torch.stack(squares).sum()

    def _start_on(self, name: str, device: torch.device) -> Tensor:
        """The starting point of a weight, moved once to where the training is."""
        if self._start[name].device != device:
            self._start[name] = self._start[name].to(device)
        return self._start[name]
