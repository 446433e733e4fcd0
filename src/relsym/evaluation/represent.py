"""Rows -> frozen representations; every distinct text is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from relsym.data.pairs import Row
from relsym.metrics.base import JOINT


@runtime_checkable
class VectorSource(Protocol):
    """An encoder, or a cache before one."""

    def raw_vectors(
        self,
        texts: Sequence[str],
        seconds: Sequence[str] | None = None,
        *,
        advance: Callable[[int], None] = ...,
    ) -> Float[Tensor, "n dim"]:
        """See ``Encoder.raw_vectors``."""


def distinct_texts(rows: Sequence[Row], reads: str) -> int:
    """How many texts ``represent`` will encode."""
    return len(_distinct(rows, reads))


def represent(
    encoder: VectorSource,
    rows: Sequence[Row],
    reads: str,
    advance: Callable[[int], None] = lambda count: None,
) -> Float[Tensor, "n parts dim"]:
    """Premise and hypothesis of each row apart [n 2 dim], or the pair as one input [n 1 dim].

    Args:
        encoder: makes a vector [dim] of each text.
        rows: in any order, with any number of repetitions.
        reads: "sentences" or "joint".
        advance: is called with the number of texts done.

    Raises:
        ValueError: a vector holds NaN or infinite numbers.
    """
    place_of = _distinct(rows, reads)
    texts = list(place_of)  # pairs of texts where they are read as one input
    if reads == JOINT:
        premises = [premise for premise, _ in texts]
        hypotheses = [hypothesis for _, hypothesis in texts]
        vectors = _finite(encoder.raw_vectors(premises, hypotheses, advance=advance))
        places = [place_of[row.premise, row.hypothesis] for row in rows]
        return vectors[places].unsqueeze(1)
    vectors = _finite(encoder.raw_vectors(texts, advance=advance))
    premise_places = [place_of[row.premise] for row in rows]
    hypothesis_places = [place_of[row.hypothesis] for row in rows]
    return torch.stack([vectors[premise_places], vectors[hypothesis_places]], dim=1)


def _finite(vectors: Float[Tensor, "n dim"]) -> Float[Tensor, "n dim"]:
    """The vectors, unless a number in them is not finite: any comparison would turn it into some answer."""
    broken = int((~torch.isfinite(vectors)).any(dim=1).sum())
    if broken:
        raise ValueError(
            f"the encoder gives {broken} of {len(vectors)} texts a vector with NaN or infinite numbers. In "
            "low precision numbers can overflow: pass precision=fp32; otherwise its weights are broken."
        )
    return vectors


def _distinct(rows: Sequence[Row], reads: str) -> dict:
    """What is encoded of these rows, texts or pairs of texts, with its place in the order of appearance."""
    place_of: dict = {}
    for row in rows:
        if reads == JOINT:
            place_of.setdefault((row.premise, row.hypothesis), len(place_of))
        else:
            place_of.setdefault(row.premise, len(place_of))
            place_of.setdefault(row.hypothesis, len(place_of))
    return place_of
