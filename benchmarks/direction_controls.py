"""Other losses on the rows of the direction recipe: what others would train a sentence encoder with.

They are objectives as those of one's own are: ``objective._target_=direction_controls.Ranking`` with this
folder on the Python path, and ``trust=[direction_controls]`` where the run is read again. All read the cosine
of the two sentences; only where it is cut differs, for which validation rows are needed.
"""

from __future__ import annotations

from typing import ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy

from relsym.data.relations import ENTAILMENT
from relsym.metrics.base import cosine
from relsym.metrics.signed_form import form_of
from relsym.objectives.fixed_label import SignedForm

SCALE = 20.0  # of cosines, as sentence-transformers has it in both losses


@final
class OneZero(SignedForm):
    """Cosine-similarity loss with targets in [0, 1]: (cos(p, h) - t)^2, t = 1 for entailment, else 0.

    Source: Reimers & Gurevych 2019, arXiv:1908.10084, section 3.
    """

    title: ClassVar[str] = "cosine 1 / 0"

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean over the n pairs."""
        wanted = (targets == self.labels.index(ENTAILMENT)).float()
        return (form_of(self.metric, representation) - wanted).square().mean()


@final
class CoSent(SignedForm):
    """log(1 + sum over pairs i, j with s_i > s_j of exp(scale (cos_j - cos_i))), s 1, 0 or -1 by label.

    Source: the loss of sentence-transformers' CoSENTLoss, after Su 2022 (CoSENT).
    """

    title: ClassVar[str] = "CoSENT"

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Over all pairs of rows of the global batch."""
        cosines = form_of(self.metric, representation)
        signs = self.signs[targets]
        is_misplaced = signs[:, None] > signs[None, :]  # [i, j]: row j should lie below row i
        differences = SCALE * (cosines[None, :] - cosines[:, None])
        of_pairs = differences[is_misplaced]
        return torch.logsumexp(torch.cat([of_pairs.new_zeros(1), of_pairs]), dim=0)


@final
class Ranking(SignedForm):
    """Multiple negatives ranking: the entailed hypothesis before all others of the batch.

        loss = mean over entailed pairs (p, h) of -log softmax of scale * cos(p, .) at h

    Its rivals are the hypotheses of other facts, and of its own fact all that is not entailed: reversals,
    negations, the other relation and the other object. Source: Henderson et al. 2017, arXiv:1705.00652,
    section 4, with hard negatives as in sentence-transformers' MultipleNegativesRankingLoss.
    """

    title: ClassVar[str] = "ranking"

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Nothing yet: which rows are of one fact is told to ``unrelated_loss``, which is called next."""
        self.is_entailed = targets == self.labels.index(ENTAILMENT)
        return representation.sum() * 0

    def unrelated_loss(
        self, representation: Float[Tensor, "n parts dim"], about: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """The whole loss."""
        premises, hypotheses = representation.unbind(dim=1)
        logits = SCALE * cosine(premises, hypotheses)  # [premise, hypothesis]
        is_same_fact = about[:, None] == about[None, :]
        is_also_right = is_same_fact & self.is_entailed[None, :]
        is_also_right.fill_diagonal_(False)
        logits = logits.masked_fill(is_also_right, -torch.inf)[self.is_entailed]
        own = torch.arange(len(about), device=about.device)[self.is_entailed]
        return cross_entropy(logits, own)
