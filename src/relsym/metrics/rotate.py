"""RotatE's metric."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric


@final
class Rotate(Metric):
    """Rotate the hypothesis by the label, channel by channel, and compare with the premise.

        d(p, h, l)     = 1 - Re<h * l, p> / (|h| |p|),   |l_i| = 1
        label_of(p, h) = u(p * conj(h)),   u(x) = x / |x| over the whole vector

    Channels [0, dim/2) are real parts, [dim/2, dim) imaginary ones, so dim must be even. Swapping p and h
    conjugates the label they imply: a relation is symmetric exactly when its label is real. Source: Sun et
    al. 2019, arXiv:1902.10197, section 3.
    """

    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"],
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """1 - Re sum_i h_i l_i conj(p_i) / (|h| |p|); labels are taken as they are, of modulus one in each
        channel.
        """
        product = _complex(normalize(hypothesis, dim=-1)) * _complex(normalize(premise, dim=-1)).conj()
        return 1 - (product @ _complex(label).T).real

    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]
    ) -> Float[Tensor, "n dim"]:
        """u(p * conj(h))."""
        product = _complex(normalize(premise, dim=-1)) * _complex(normalize(hypothesis, dim=-1)).conj()
        return normalize(_real(product), dim=-1)

    def random_labels(self, count: int, dim: int, generator: torch.Generator) -> Float[Tensor, "count dim"]:
        """Random phases: every channel has modulus one, as RotatE's relations do."""
        self.check_dim(dim)
        phases = 2 * math.pi * torch.rand(count, dim // 2, generator=generator)
        return torch.cat((phases.cos(), phases.sin()), dim=-1)

    def check_dim(self, dim: int) -> None:
        """Complex channels need an even number of real ones."""
        if dim % 2:
            raise ValueError(
                f"metric=rotate reads {dim} channels as complex numbers, and {dim} is odd. "
                "Choose an encoder with an even hidden size, or metric=hadamard."
            )


def _complex(x: Float[Tensor, "n dim"]) -> Complex[Tensor, "n half"]:
    half = x.shape[-1] // 2
    return torch.complex(x[..., :half], x[..., half:])


def _real(x: Complex[Tensor, "n half"]) -> Float[Tensor, "n dim"]:
    return torch.cat((x.real, x.imag), dim=-1)
