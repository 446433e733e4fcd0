"""The trilinear form under the identity, and the classes that are read off it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric, parts

# Where reading starts: half-way between the targets -1, 0 and 1 of the form.
LOWER, UPPER = -0.5, 0.5
# Speaks for a class that no row can be of: less than any form and its negative together.
NEVER = -2.0


def form_of(metric: Metric, representation: Float[Tensor, "n parts dim"]) -> Float[Tensor, " n"]:
    """The form <h * l, p> / (|h| |p|) of each pair under the metric's identity l: cos(p, h).

    Half the difference of the distances to -l and to l, which are 1 + form and 1 - form.

    Raises:
        ValueError: the metric has no identity.
    """
    premise, hypothesis = parts(representation)
    identity = metric.identity_label(premise.shape[-1]).to(premise)
    distance = metric.distance(premise, hypothesis, torch.stack((identity, -identity)))
    return (distance[:, 1] - distance[:, 0]) / 2


def read_form(form: Float[Tensor, " n"], signs: Float[Tensor, " m"]) -> Int[Tensor, " n"]:
    """The class of each form, by the cut points that reading starts with.

    Args:
        form: of the pairs.
        signs: 1, -1 or 0 for each class, as it is entailment, contradiction or neutral.
    """
    starting_points = torch.tensor([LOWER, UPPER], device=form.device)
    return class_scores(form, signs, starting_points).argmax(-1)


def class_scores(
    form: Float[Tensor, " n"],
    signs: Float[Tensor, " m"],
    cut_points: Float[Tensor, " two"],
    neutral_asked: bool = True,
) -> Float[Tensor, "n m"]:
    """What speaks for each class, by the form alone; the highest is the answer.

        z = (form - (upper + lower) / 2) / ((upper - lower) / 2)

    z for the class of sign 1, -z for that of sign -1, and 1 for that of sign 0, which is so the highest
    between the cut points. Where no row can be of sign 0, z is the form itself, so that its sign decides.

    Args:
        form: of the pairs.
        signs: 1, -1 or 0 for each class, as it is entailment, contradiction or neutral.
        cut_points: lower and upper.
        neutral_asked: whether the class of sign 0 may be answered.
    """
    z, of_neutral = form, NEVER
    if neutral_asked and bool((signs == 0).any()):
        lower, upper = cut_points.tolist()
        z = (form - (upper + lower) / 2) / ((upper - lower) / 2)
        of_neutral = 1.0
    columns = z[:, None] * signs[None, :]
    return torch.where(signs == 0, of_neutral, columns)
