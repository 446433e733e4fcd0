"""Learning without forgetting, on embeddings."""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar, final

import torch
from jaxtyping import Bool, Float
from pytorch_lightning import LightningModule
from torch import Tensor
from torch.nn.functional import cosine_similarity

from relsym.data.module import Batch
from relsym.objectives.remedies.base import Remedy, Strength, check_positive

ROWS = ("all", "replayed")


@final
class Distill(Remedy):
    """Hold the embeddings of the batch's texts near those of the encoder that the training began with.

        penalty = weight * mean over rows and parts of (1 - cos(e, e0))

    e0 is the vector by the frozen first encoder, without dropout. Source: Li & Hoiem 2016, arXiv:1606.09282,
    who distil the answers of the old task; here its embeddings, which all objectives have.

    Args:
        weight: the strength.
        rows: "all" rows of the batch, or the "replayed" ones alone.
    """

    name: ClassVar[str] = "distill"

    def __init__(self, weight: Strength, rows: str) -> None:
        check_positive("recipe.distill.weight", weight)
        if rows not in ROWS:
            raise ValueError(f"recipe.distill.rows={rows}: expected {' or '.join(ROWS)}.")
        self.weight, self.rows = weight, rows

    def begin(self, objective: LightningModule) -> None:
        """Keep a frozen copy of the encoder."""
        self._first = deepcopy(objective.encoder).eval().requires_grad_(False)

    def row_penalty(self, batch: Batch, vectors: Float[Tensor, "n parts dim"]) -> Float[Tensor, " n"]:
        """One value for each row, the mean over its parts."""
        self._first.to(vectors.device)
        with torch.no_grad():
            first_vectors = batch.vectors(self._first.by_length)
        similarity = cosine_similarity(vectors, first_vectors, dim=-1)
        return self.weight * (1 - similarity).mean(-1)

    def counts_row(self, batch: Batch) -> Bool[Tensor, " n"]:
        """All, or the replayed ones."""
        return batch.replayed if self.rows == "replayed" else batch.mask
