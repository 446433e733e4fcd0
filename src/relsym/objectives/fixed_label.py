"""Retraining with the two labels that square to the identity."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.data.relations import CONTRADICTION, ENTAILMENT, NEUTRAL
from relsym.metrics.base import cosine
from relsym.metrics.signed_form import form_of, read_form
from relsym.objectives.base import Objective
from relsym.ranges import NonNegativeFloat

# The form <h * l, p> / (|h| |p|) under the identity that each label asks for.
SIGN = {ENTAILMENT: 1.0, CONTRADICTION: -1.0, NEUTRAL: 0.0}


class SignedForm(Objective):
    """What is read off the sign of the form, under whatever loss.

    Reading takes no memory and no head: the labels say which form each asks for.

    Raises:
        ValueError: the metric has no identity, or a label is not among the three of ``SIGN``.
    """

    read_out_names: ClassVar[frozenset[str]] = frozenset({"signs"})
    needs_identity: ClassVar[bool] = True
    encodes_once: ClassVar[bool] = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        unknown = [label for label in self.labels if label not in SIGN]
        if unknown:
            raise ValueError(
                f"objective=fixed_label knows the labels {', '.join(SIGN)}; the data have "
                f"{', '.join(unknown)} too. Train on them with another objective."
            )
        self.metric.identity_label(self.encoder.dim)  # refuses a metric that has none
        self.register_buffer("signs", torch.tensor([SIGN[label] for label in self.labels]))

    def predict_batch(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Int[Tensor, " n"]:
        """The sign of the form, or neutral between the cut points that reading starts with."""
        return read_form(form_of(self.metric, representation), self.signs)

    def read_out(self) -> dict[str, Tensor]:
        """The form that each class asks for [m]."""
        return {"signs": self.signs}

    def restore(self, read_out: dict[str, Tensor]) -> None:
        """Take nothing over: what stands beside the encoder follows from the labels."""


@final
class FixedLabelRetraining(SignedForm):
    """Teach the encoder one function f of one sentence, whose sign says what follows and what is excluded.

        loss      = mean over pairs of (form(p, h) - s)^2
        form      = <f(h) * l, f(p)> / (|f(h)| |f(p)|) = cos(f(p), f(h)),   l the identity
        s         = 1 (entailment), -1 (contradiction), 0 (neutral)
        unrelated = weight * mean over i, j of cos(f(i), f(j))^2,   i, j premises and hypotheses of the global
                    batch whose rows are about different facts

    The label embeddings are neither random nor learnt: entailment is l, contradiction -l, the rotations by 0
    and by pi. RotatE's symmetric relations are the rotations that square to the identity, and these two do so
    in all channels alike. With them the trilinear form is plus or minus the cosine of two sentences, so this
    is a cosine-similarity loss with signed targets, and hadamard and rotate are one model under it. What is
    learnt is

        f(r(y, x)) = f(r(x, y)) for symmetric r, -f(r(x, y)) for antisymmetric r,
        f(not s) = -f(s),   f(paraphrase of s) = f(converse of s) = f(s),

    and form 0 for what is neutral: no rotation stands for it. The unrelated term keeps facts from falling on
    a few axes, where signs would be right and a search useless. Reading takes no memory and no head: the
    sign of the form, and two cut points where there are neutral rows (``CutPoints``). Nothing is learnt
    beside the encoder, so a run goes on (``init``) from one of any objective and metric.

    Cosine is symmetric in p and h: that one sentence entails another and not the reverse cannot be said. A
    contrary is not told from a contradictory either: f(not r(y, x)) = f(r(x, y)) for antisymmetric r follows
    from the above, and it is false the other way round: not r(x, y) does not give r(y, x).

    Sources: the form and the rotations, Sun et al. 2019, arXiv:1902.10197, section 3; fixed label embeddings,
    Yuan & Vlachos 2025, arXiv:2504.16312; the loss with targets in [0, 1], Reimers & Gurevych 2019,
    arXiv:1908.10084, section 3.

    Args:
        unrelated_weight: of the unrelated term; 0 leaves it out.

    Raises:
        ValueError: the metric has no identity, or a label is not among the three of ``SIGN``.
    """

    title: ClassVar[str] = "fixed labels"
    place: ClassVar[int] = 4

    def __init__(self, *args: Any, unrelated_weight: NonNegativeFloat, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.unrelated_weight = unrelated_weight

    def loss(
        self, representation: Float[Tensor, "n parts dim"], targets: Int[Tensor, " n"]
    ) -> Float[Tensor, ""]:
        """Mean squared difference of the form from its target over the n pairs."""
        return (form_of(self.metric, representation) - self.signs[targets]).square().mean()

    def unrelated_loss(
        self, representation: Float[Tensor, "n parts dim"], about: Int[Tensor, " n"]
    ) -> Float[Tensor, ""] | None:
        """Mean squared cosine over all texts of the batch that speak of different facts, times the weight.

        A text counts as often as rows have it. A batch of one fact has no such texts, and a loss of 0. With a
        weight of 0 there is no such loss.
        """
        if self.unrelated_weight == 0:
            return None
        texts = representation.flatten(0, 1)  # [n * parts, dim]
        about = about.repeat_interleave(representation.shape[1])
        unrelated = about[:, None] != about[None, :]
        squares = cosine(texts, texts).square() * unrelated
        return self.unrelated_weight * squares.sum() / unrelated.sum().clamp_min(1)
