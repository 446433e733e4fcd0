"""Whether a value of a configuration fits a declared type, and how that type is told to a person."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

LISTS = (list, tuple, set, frozenset, Sequence, Collection, Iterable)
MAPPINGS = (dict, Mapping)
PLAIN = {str: "text", Path: "a path", int: "a whole number", float: "a number", NoneType: "null"}
LONGEST = 80


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type and within its bounds; types that are no plain values take anything.

    Args:
        value: as a resolved configuration holds it: null, a truth value, a number, text, a list or a mapping.
        hint: a type, bounds included (``Annotated``).
    """
    origin = get_origin(hint)
    if origin is Annotated:
        base, *marks = get_args(hint)
        return fits(value, base) and all(_within(value, mark) for mark in marks)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in get_args(hint))
    if origin is Literal:
        return any(type(value) is type(choice) and value == choice for choice in get_args(hint))
    kind = origin or hint
    if kind is tuple and get_args(hint) and Ellipsis not in get_args(hint):
        return isinstance(value, list) and _each_fits(value, get_args(hint))
    if kind in LISTS:
        return isinstance(value, list) and _all_fit(value, get_args(hint)[:1])
    if kind in MAPPINGS:
        return isinstance(value, dict) and _all_fit(value.values(), get_args(hint)[1:])
    return _is_plain(value, NoneType if kind is None else kind)


def expected(hint: Any) -> str:
    """A type in words: "a whole number, 1 or more, or null"."""
    choices = dict.fromkeys(_choices(hint))
    if PLAIN[int] in choices and PLAIN[float] in choices:
        del choices[PLAIN[int]]
    *others, last = choices
    if not others:
        return last
    comma = "," if any("," in choice for choice in choices) else ""
    return f"{', '.join(others)}{comma} or {last}"


def shown(value: Any) -> str:
    """A value as it is written on the command line, cut where it is long."""
    if isinstance(value, str):
        text = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        text = yaml.safe_dump(
            value, default_flow_style=True, allow_unicode=True, width=math.inf, sort_keys=False
        )
        text = text.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _is_plain(value: Any, kind: Any) -> bool:
    if kind is bool:
        return isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if kind is float:
        return (isinstance(value, int) and not isinstance(value, bool)) or (
            isinstance(value, float) and math.isfinite(value)
        )
    if kind in (str, Path):
        return isinstance(value, str)
    return value is None if kind is NoneType else True


def _each_fits(values: list[Any], hints: tuple[Any, ...]) -> bool:
    """Whether the items of a tuple are of its types, one by one."""
    return len(values) == len(hints) and all(
        fits(value, hint) for value, hint in zip(values, hints, strict=True)
    )


def _all_fit(values: Iterable[Any], hints: tuple[Any, ...]) -> bool:
    return not hints or all(fits(value, hints[0]) for value in values)


def _within(value: Any, mark: Any) -> bool:
    """Whether a number lies within the bounds of a mark such as ``msgspec.Meta(ge=0)``; other marks bound
    nothing.
    """
    bounds = {name: getattr(mark, name, None) for name in ("ge", "gt", "le", "lt")}
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return (
        (bounds["ge"] is None or value >= bounds["ge"])
        and (bounds["gt"] is None or value > bounds["gt"])
        and (bounds["le"] is None or value <= bounds["le"])
        and (bounds["lt"] is None or value < bounds["lt"])
    )


def _choices(hint: Any) -> list[str]:
    """The members of a union in words, null last; a type that is no union has one."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        members = sorted(get_args(hint), key=lambda member: member is NoneType)
        return [words for member in members for words in _choices(member)]
    if origin is Literal:
        return [shown(choice) for choice in get_args(hint)]
    if origin is Annotated:
        base, *marks = get_args(hint)
        bounds = "".join(_bounds(mark) for mark in marks)
        reasons = "".join(f" ({mark.description})" for mark in marks if getattr(mark, "description", None))
        return [f"{expected(base)}{bounds}{reasons}"]
    kind = origin or hint
    if kind in LISTS:
        items = {str: " of text", int: " of whole numbers"}.get(next(iter(get_args(hint)), None), "")
        return [f"a list{items}"]
    if kind in MAPPINGS:
        return ["a mapping"]
    if kind is bool:
        return ["true", "false"]
    return [PLAIN.get(NoneType if kind is None else kind, getattr(kind, "__name__", str(kind)))]


def _bounds(mark: Any) -> str:
    """The bounds of a mark in words: ", 0 or more", " above 0", " from 0 to below 1"."""
    low, above, high, below = (getattr(mark, name, None) for name in ("ge", "gt", "le", "lt"))
    start = f" from {low}" if low is not None else f" above {above}" if above is not None else ""
    end = f"{high}" if high is not None else f"below {below}" if below is not None else ""
    if low is not None and not end:
        return f", {low} or more"
    if start and end:
        return f"{start} to {end}" if low is not None else f"{start} and up to {end}"
    return start or (f", {high} or less" if high is not None else f" {end}" if end else "")
