"""The trilinear form under two opposite labels, and the classes that are read off it."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from relsym.metrics.base import Metric, parts

# Where reading starts: half-way between the targets -1, 0 and 1 of the form.
LOWER, UPPER = -0.5, 0.5


def form_of(
    metric: Metric, representation: Float[Tensor, "n parts dim"], label_embeddings: Float[Tensor, "two dim"]
) -> Float[Tensor, " n"]:
    """The form <h * l, p> / (|h| |p|) of each pair, l the first of two opposite label embeddings.

    Half the difference of the two distances, 1 + form and 1 - form.
    """
    distance = metric.distance(*parts(representation), label_embeddings)
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
    between the cut points. Without a class of sign 0, z is the form itself.

    Args:
        form: of the pairs.
        signs: 1, -1 or 0 for each class, as it is entailment, contradiction or neutral.
        cut_points: lower and upper.
        neutral_asked: whether the class of sign 0 may be answered.
    """
    if (signs == 0).any():
        lower, upper = cut_points.tolist()
        z = (form - (upper + lower) / 2) / ((upper - lower) / 2)
        neutral = 1.0 if neutral_asked else -torch.inf
    else:
        z, neutral = form, 0.0  # without a neutral class the sign decides, and no column takes the constant
    columns = z[:, None] * signs[None, :]
    return torch.where(signs == 0, torch.full_like(columns, neutral), columns)
