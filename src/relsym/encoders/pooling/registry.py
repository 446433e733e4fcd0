"""Poolings by name."""

from __future__ import annotations

from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.cls import Cls
from relsym.encoders.pooling.last_token import LastToken
from relsym.encoders.pooling.max import Max
from relsym.encoders.pooling.mean import Mean
from relsym.encoders.pooling.mean_sqrt_length import MeanSqrtLength
from relsym.encoders.pooling.weighted_mean import WeightedMean

# A pooling of one's own is one more line here.
POOLINGS: dict[str, type[Pooling]] = {
    pooling.name: pooling for pooling in (Mean, Cls, Max, WeightedMean, LastToken, MeanSqrtLength)
}
# By the words of sentence-transformers' files, which some people know better.
PUBLISHED_POOLINGS: dict[str, type[Pooling]] = {pooling.published: pooling for pooling in POOLINGS.values()}


def pooling_named(name: str) -> Pooling:
    """A new pooling.

    Args:
        name: relsym's word for it, or sentence-transformers'.

    Raises:
        ValueError: there is no such pooling.
    """
    kind = POOLINGS.get(name) or PUBLISHED_POOLINGS.get(name)
    if kind is None:
        known = ", ".join(POOLINGS)
        raise ValueError(f"model.pooling={name}: expected one of {known}, or null for the model's own.")
    return kind()
