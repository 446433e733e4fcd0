"""Rows -> frozen representations; every distinct text is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from relsym.data.pairs import Row
from relsym.encoders.encoder import Encoder
from relsym.metrics.base import JOINT


def distinct_texts(rows: Sequence[Row], reads: str) -> int:
    """How many texts ``represent`` will encode."""
    return len(_distinct(rows, reads))


def represent(
    encoder: Encoder, rows: Sequence[Row], reads: str, advance: Callable[[int], None] = lambda count: None
) -> Float[Tensor, "n parts dim"]:
    """Premise and hypothesis of each row apart [n 2 dim], or the pair as one input [n 1 dim].

    Args:
        reads: "sentences" or "joint".  advance: called with the number of texts done.
    """
    position = _distinct(rows, reads)
    keys = list(position)
    if reads == JOINT:
        vectors = encoder.encode([p for p, _ in keys], [h for _, h in keys], advance=advance)
        return vectors[[position[row.premise, row.hypothesis] for row in rows]].unsqueeze(1)
    vectors = encoder.encode(keys, advance=advance)
    return torch.stack(
        [
            vectors[[position[row.premise] for row in rows]],
            vectors[[position[row.hypothesis] for row in rows]],
        ],
        dim=1,
    )


def _distinct(rows: Sequence[Row], reads: str) -> dict:
    if reads == JOINT:
        texts = ((row.premise, row.hypothesis) for row in rows)
    else:
        texts = (text for row in rows for text in (row.premise, row.hypothesis))
    return {text: index for index, text in enumerate(dict.fromkeys(texts))}
