"""The average of the weights before and after the training."""

from __future__ import annotations

from typing import ClassVar, final

import torch
from pytorch_lightning import LightningModule
from torch import Tensor

from relsym.objectives.remedies.base import Remedy
from relsym.objectives.remedies.weights import copy_of
from relsym.ranges import Share


@final
class WiseFt(Remedy):
    """Go back part of the way, in a straight line through the space of weights.

        w = (1 - alpha) w0 + alpha w1

    Encoder and head; label embeddings never move. Source: Wortsman et al. 2022, arXiv:2109.01903, equation 1.

    Args:
        alpha: 0 gives the weights before the training, 1 those after it.
    """

    name: ClassVar[str] = "wise_ft"

    def __init__(self, alpha: Share) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(
                f"recipe.wise_ft.alpha={alpha}: must be from 0 (as before the training) to 1 (as after it)."
            )
        self.alpha = alpha
        self._start: dict[str, Tensor] = {}

    def begin(self, objective: LightningModule) -> None:
        """Keep the weights before the training, w0."""
        self._start = copy_of(objective)

    @torch.no_grad()
    def end(self, objective: LightningModule) -> None:
        """Put the average of the weights before and after the training in their place."""
        for name, weight in objective.named_parameters():
            start = self._start[name].to(weight)
            weight.copy_(torch.lerp(start, weight, self.alpha))
