"""RotatE's metric."""

from __future__ import annotations

import math
from typing import ClassVar, final

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.nn.functional import normalize

from relsym.metrics.base import Metric

TINY = 1e-12  # a channel of the sum that is 0 has no phase


@final
class Rotate(Metric):
    """Rotate the hypothesis by the label, channel by channel, and compare with the premise.

        d(p, h, l)     = 1 - Re<h * l, p> / (|h| |p|),   |l_i| = 1
        label_of(p, h) = u(p * conj(h)),   u(x) = x / |x| over the whole vector

    Channels [0, dim/2) are real parts, [dim/2, dim) imaginary ones, so dim must be even. Swapping p and h
    conjugates the label they imply: a relation is symmetric exactly when its label is real. Source: Sun et
    al. 2019, arXiv:1902.10197, section 3.
    """

    has_identity: ClassVar[bool] = True

    def distance(
        self,
        premise: Float[Tensor, "n dim"],
        hypothesis: Float[Tensor, "n dim"],
        label: Float[Tensor, "m dim"],
    ) -> Float[Tensor, "n m"]:
        """Distance of each pair to each label, 1 - Re sum_i h_i l_i conj(p_i) / (|h| |p|).

        Labels are taken as they are: each channel is supposed to have modulus one.
        """
        p = _complex(normalize(premise, dim=-1))
        h = _complex(normalize(hypothesis, dim=-1))
        form = (h * p.conj()) @ _complex(label).T
        return 1 - form.real

    def label_of(
        self, premise: Float[Tensor, "n dim"], hypothesis: Float[Tensor, "n dim"]
    ) -> Float[Tensor, "n dim"]:
        """The unit rotation from h to p, u(p * conj(h)): swapping p and h conjugates it."""
        p = _complex(normalize(premise, dim=-1))
        h = _complex(normalize(hypothesis, dim=-1))
        implied = _real(p * h.conj())
        return normalize(implied, dim=-1)

    def mean_label(self, implied: Float[Tensor, "m dim"]) -> Float[Tensor, " dim"]:
        """The mean rotation: each channel of the sum turned to modulus one, as ``distance`` supposes."""
        channels = _complex(implied.sum(dim=0, keepdim=True))
        return _real(channels / channels.abs().clamp_min(TINY)).squeeze(0)

    def random_labels(self, count: int, dim: int, generator: torch.Generator) -> Float[Tensor, "count dim"]:
        """Random phases: every channel has modulus one, as RotatE's relations do."""
        self.check_dim(dim)
        phases = 2 * math.pi * torch.rand(count, dim // 2, generator=generator)
        return torch.cat((phases.cos(), phases.sin()), dim=-1)

    def identity_label(self, dim: int) -> Float[Tensor, " dim"]:
        """Phase 0 in every channel: real parts 1, imaginary parts 0."""
        self.check_dim(dim)
        half = dim // 2
        return torch.cat((torch.ones(half), torch.zeros(half)))

    def check_dim(self, dim: int) -> None:
        """Complex channels need an even number of real ones.

        Raises:
            ValueError: the number is odd.
        """
        if dim % 2:
            raise ValueError(
                f"metric=rotate reads {dim} channels as complex numbers, and {dim} is odd. "
                "Choose an encoder with an even hidden size, or metric=hadamard."
            )


def _complex(vectors: Float[Tensor, "n dim"]) -> Complex[Tensor, "n half"]:
    """The first half of the channels as real parts, the second half as imaginary parts."""
    half = vectors.shape[-1] // 2
    real, imaginary = vectors[..., :half], vectors[..., half:]
    return torch.complex(real, imaginary)


def _real(channels: Complex[Tensor, "n half"]) -> Float[Tensor, "n dim"]:
    """The inverse of ``_complex``."""
    return torch.cat((channels.real, channels.imag), dim=-1)
