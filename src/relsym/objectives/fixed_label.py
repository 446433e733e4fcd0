"""Retraining with the two labels that square to the identity."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.metrics.base import cosine, parts
from relsym.metrics.signed_form import form_of, read_form
from relsym.objectives.base import Objective
from relsym.ranges import NonNegativeFloat

# The form <h * l, p> / (|h| |p|) under the identity that each label asks for.
SIGN = {ENTAILMENT: 1.0, CONTRADICTION: -1.0, NEUTRAL: 0.0}


@final
class FixedLabelRetraining(Objective):
    """Teach the encoder one function f of one sentence, whose sign says what follows and what is excluded.

        loss      = mean over pairs of (form(p, h) - s)^2
        form      = <f(h) * l, f(p)> / (|f(h)| |f(p)|) = cos(f(p), f(h)),   l the identity
        s         = 1 (entailment), -1 (contradiction), 0 (neutral)
        unrelated = weight * mean over the texts i, j of the global batch that speak of different facts
                    of cos(f(i), f(j))^2

    The label embeddings are neither random nor learnt: entailment is l, contradiction -l, the rotations by 0
    and by pi. RotatE's symmetric relations are the rotations that square to the identity, and these two do so
    in all channels alike. With them the trilinear form is plus or minus the cosine of two sentences, so this
    is a cosine-similarity loss with signed targets, and hadamard and rotate are one model under it. What is
    learnt is

        f(r(y, x)) = f(r(x, y)) for symmetric r, -f(r(x, y)) for antisymmetric r,
        f(not s) = -f(s),   f(paraphrase of s) = f(converse of s) = f(s),

    and form 0 for what is neutral: no rotation stands for it. The unrelated term keeps facts from falling on
    a few axes, where signs would be right and a search useless. Reading takes no memory and no head: the
    sign of the form, and two cut points where there are neutral rows.

    Cosine is symmetric in p and h: that one sentence entails another and not the reverse cannot be said.

    Sources: the form and the rotations, Sun et al. 2019, arXiv:1902.10197, section 3; fixed label embeddings,
    Yuan & Vlachos 2025, arXiv:2504.16312; the loss with targets in [0, 1], Reimers & Gurevych 2019,
    arXiv:1908.10084, section 3.

    Args:
        unrelated_weight: of the unrelated term; 0 leaves it out.

    Raises:
        ValueError: the metric has no identity, or a label is none of the three.
    """

    title: ClassVar[str] = "fixed labels"
    place: ClassVar[int] = 4
    read_out_names: ClassVar[frozenset[str]] = frozenset({"label_embeddings", "signs"})
    needs_identity: ClassVar[bool] = True
    encodes_once: ClassVar[bool] = True

    def __init__(self, *args: Any, unrelated_weight: NonNegativeFloat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unrelated_weight = unrelated_weight
        unknown = [label for label in self.labels if label not in SIGN]
        if unknown:
            raise ValueError(
                f"objective=fixed_label knows the labels {', '.join(SIGN)}; the data have "
                f"{', '.join(unknown)} too. Train on them with another objective."
            )
        identity = self.metric.identity_label(self.encoder.dim)
        if identity is None:
            raise ValueError(
                f"objective=fixed_label needs a metric with an identity (hadamard or rotate); "
                f"{type(self.metric).__name__} has none. Leave metric unset to get the right one."
            )
        self.register_buffer("label_embeddings", torch.stack((identity, -identity)))
        self.register_buffer("signs", torch.tensor([SIGN[label] for label in self.labels]))

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean squared difference of the form from its target over the n pairs."""
        return (self._form(representation) - self.signs[targets]).square().mean()

    def unrelated_loss(
        self, representation: Float[Tensor, "n parts dim"], about: Int[Tensor, " n"]
    ) -> Float[Tensor, ""] | None:
        """Mean squared cosine over all texts of the batch that speak of different facts.

        A batch of one fact has none, and a loss of 0.
        """
        if self.unrelated_weight == 0:
            return None
        texts = representation.flatten(0, 1)  # [n * parts, dim]
        about = about.repeat_interleave(representation.shape[1])
        unrelated = about[:, None] != about[None, :]
        squares = cosine(texts, texts).square() * unrelated
        return self.unrelated_weight * squares.sum() / unrelated.sum().clamp_min(1)

    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """The sign of the form, or neutral between the cut points that reading starts with."""
        return read_form(self._form(representation), self.signs)

    def _form(self, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, " n"]:
        """The form of each pair under the identity."""
        return form_of(self.metric, representation, self.label_embeddings)

    def read_out(self) -> dict[str, Tensor]:
        """The embeddings of entailment and of contradiction [2 dim], and the target of each class [m]."""
        return {"label_embeddings": self.label_embeddings, "signs": self.signs}
