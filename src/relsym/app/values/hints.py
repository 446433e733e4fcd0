"""Whether a value of a configuration fits a declared type, and how that type is told to a person."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml

LISTS = (list, tuple, set, frozenset, Sequence, Collection, Iterable)
MAPPINGS = (dict, Mapping)
PLAIN = {str: "text", Path: "a path", int: "a whole number", float: "a number", NoneType: "null"}
# What the items of a list are called; items of other types are not mentioned.
_ITEMS = {str: " of text", int: " of whole numbers"}
# The bounds that a mark may have, by the names of its attributes, and what has to hold of value and bound.
_COMPARISONS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}
LONGEST = 80  # characters of a value in a message


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type and within its bounds; a type that is no plain value takes anything.

    Args:
        value: as a resolved configuration holds it: null, a truth value, a number, text, a list or a mapping.
        hint: a type, bounds included (``Annotated``).
    """
    origin = get_origin(hint)
    arguments = get_args(hint)
    if origin is Annotated:
        base, *marks = arguments
        return fits(value, base) and all(_within(value, mark) for mark in marks)
    if origin in (Union, UnionType):
        return any(fits(value, choice) for choice in arguments)
    if origin is Literal:
        # Types are compared too, as True == 1 in Python.
        return any(type(value) is type(choice) and value == choice for choice in arguments)
    kind = origin or hint
    if kind is tuple and arguments and Ellipsis not in arguments:
        return isinstance(value, list) and _each_fits(value, arguments)
    if kind in LISTS:
        return isinstance(value, list) and _all_fit(value, arguments[:1])
    if kind in MAPPINGS:
        # Keys are not checked: YAML may have read a key as a number that was meant as text.
        return isinstance(value, dict) and _all_fit(value.values(), arguments[1:])
    if kind is None:
        kind = NoneType
    return _is_plain(value, kind)


def is_too_long(value: Any) -> bool:
    """Whether a value is a whole number that neither a tensor nor a file of ours can hold."""
    return isinstance(value, int) and not -(2**63) <= value < 2**63


def expected(hint: Any) -> str:
    """A type in words: "a whole number, 1 or more, or null"."""
    choices = dict.fromkeys(_choices(hint))  # each once, in order
    if PLAIN[int] in choices and PLAIN[float] in choices:
        del choices[PLAIN[int]]  # "a number" says it
    *others, last = choices
    if not others:
        return last
    text = ", ".join(others)
    if any("," in choice for choice in choices):
        return f"{text}, or {last}"  # with a comma, to show where a choice ends that has commas itself
    return f"{text} or {last}"


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
        # YAML ends a document that is one plain value, such as null, with a line of dots.
        text = text.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _is_plain(value: Any, kind: Any) -> bool:
    """Whether a value is a truth value, number, text or null, as its type says; other types take anything."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)  # Python counts True among the ints
    if kind is bool:
        return isinstance(value, bool)
    if is_whole and is_too_long(value):
        return False
    if kind is int:
        return is_whole
    if kind is float:
        return is_whole or (isinstance(value, float) and math.isfinite(value))
    if kind in (str, Path):
        return isinstance(value, str)
    if kind is NoneType:
        return value is None
    return True


def _each_fits(values: list[Any], hints: tuple[Any, ...]) -> bool:
    """Whether the items of a tuple are of its types, one by one."""
    if len(values) != len(hints):
        return False
    return all(fits(value, hint) for value, hint in zip(values, hints, strict=True))


def _all_fit(values: Iterable[Any], hints: tuple[Any, ...]) -> bool:
    """Whether all items are of the one type that ``hints`` holds; if it holds none, they may be anything."""
    return not hints or all(fits(value, hints[0]) for value in values)


def _within(value: Any, mark: Any) -> bool:
    """Whether a number lies within the bounds of a mark such as ``msgspec.Meta(ge=0)``, or a text fits its
    pattern.

    Other marks have neither, and a value of another type is within all of them.
    """
    if isinstance(value, str):
        pattern = getattr(mark, "pattern", None)
        return pattern is None or re.search(pattern, value) is not None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    for name, holds in _COMPARISONS.items():
        bound = getattr(mark, name, None)
        # Asked as what has to hold: NaN, for which no comparison holds, is outside of all bounds.
        if bound is not None and not holds(value, bound):
            return False
    return True


def _choices(hint: Any) -> list[str]:
    """The members of a union in words, null last; a type that is no union is the only one."""
    origin = get_origin(hint)
    arguments = get_args(hint)
    if origin in (Union, UnionType):
        words = []
        for member in sorted(arguments, key=lambda member: member is NoneType):
            words += _choices(member)
        return words
    if origin is Literal:
        return [shown(choice) for choice in arguments]
    if origin is Annotated:
        base, *marks = arguments
        return [expected(base) + _marks(marks)]
    kind = origin or hint
    if kind in LISTS:
        items = ""
        if arguments and get_origin(arguments[0]) is Literal:
            items = f" of {expected(arguments[0])}"
        elif arguments:
            items = _ITEMS.get(arguments[0], "")
        return [f"a list{items}"]
    if kind in MAPPINGS:
        return ["a mapping"]
    if kind is bool:
        return ["true", "false"]
    return [_plain(kind)]


def _plain(kind: Any) -> str:
    """A plain type in words; any other one by its name."""
    if kind is None:
        kind = NoneType
    if kind in PLAIN:
        return PLAIN[kind]
    return getattr(kind, "__name__", str(kind))


def _marks(marks: Iterable[Any]) -> str:
    """The bounds of all marks, then their descriptions in brackets."""
    bounds, descriptions = "", ""
    for mark in marks:
        bounds += _bounds(mark)
        description = getattr(mark, "description", None)
        if description:
            descriptions += f" ({description})"
    return bounds + descriptions


def _bounds(mark: Any) -> str:
    """The bounds of a mark in words: ", 0 or more", " above 0", " from 0 to below 1"."""
    low = getattr(mark, "ge", None)
    above = getattr(mark, "gt", None)
    high = getattr(mark, "le", None)
    below = getattr(mark, "lt", None)
    end = ""
    if high is not None:
        end = f"{high}"
    elif below is not None:
        end = f"below {below}"
    if low is not None:
        return f" from {low} to {end}" if end else f", {low} or more"
    if above is not None:
        return f" above {above} and up to {end}" if end else f" above {above}"
    if high is not None:
        return f", {high} or less"
    return f" {end}" if end else ""
