"""Poolings by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relsym.encoders.pooling.base import Pooling
from relsym.encoders.pooling.cls import Cls
from relsym.encoders.pooling.last_token import LastToken
from relsym.encoders.pooling.max import Max
from relsym.encoders.pooling.mean import Mean
from relsym.encoders.pooling.mean_sqrt_length import MeanSqrtLength
from relsym.encoders.pooling.moment import Moment
from relsym.encoders.pooling.weighted_mean import WeightedMean
from relsym.visible import printable

OPTIONS_KEY = "model.pooling_options"
# A pooling of one's own is one more line here.
POOLINGS: dict[str, type[Pooling]] = {
    pooling.name: pooling for pooling in (Mean, Cls, Max, WeightedMean, LastToken, MeanSqrtLength, Moment)
}
# By the words of sentence-transformers' files, which some people know better.
PUBLISHED_POOLINGS: dict[str, type[Pooling]] = {
    pooling.published: pooling for pooling in POOLINGS.values() if pooling.published is not None
}
# By what a folder says of a pooling that sentence-transformers lacks; nothing of that name is imported.
OWN_TYPES: dict[str, type[Pooling]] = {
    pooling.module: pooling for pooling in POOLINGS.values() if pooling.module is not None
}
OWN_TYPES["relsym.encoders.pooling.moment.Moment"] = Moment  # in folders of earlier versions


def pooling_named(name: str, options: Mapping[str, Any] | None = None) -> Pooling:
    """A new pooling.

    Args:
        name: relsym's word for it, or sentence-transformers'.
        options: arguments of its class; None takes the defaults.

    Raises:
        ValueError: there is no such pooling, or it has no such option, or not this value of it.
    """
    kind = POOLINGS.get(name) or PUBLISHED_POOLINGS.get(name)
    if kind is None:
        known = ", ".join(POOLINGS)
        raise ValueError(f"model.pooling={name}: expected one of {known}, or null for the model's own.")
    arguments = dict(options or {})
    if options is not None and not kind.option_names:
        given = printable(str(arguments))
        raise ValueError(f"{OPTIONS_KEY}={given}: {kind.name} has no options. Leave it null.")
    unknown = [key for key in arguments if key not in kind.option_names]
    if unknown:
        word = printable(str(unknown[0]))
        known = " and ".join(kind.option_names)
        raise ValueError(f"{OPTIONS_KEY}: {word} is no option of {kind.name}, which has {known}.")
    return kind(**arguments)
