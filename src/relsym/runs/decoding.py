"""Files of a run, decoded into frozen structs.

Types and ranges are checked once, here, and an error names file and key.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec

from relsym.runs.disk import check_regular

Decoded = TypeVar("Decoded")
REPORT_IT = "This is an error of relsym: please report it."
Proportion = Annotated[float, msgspec.Meta(ge=0, le=1)]
Difference = Annotated[float, msgspec.Meta(ge=-1, le=1)]  # of two proportions
Count = Annotated[int, msgspec.Meta(ge=0)]
Amount = Annotated[float, msgspec.Meta(ge=0)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class DamagedFile(ValueError):
    """A file that is not JSON at all: what was written there is lost."""


class Format(msgspec.Struct, frozen=True):
    """The one key that is read before all others; a file without it was written before files had it."""

    format: int = 1


def decode(path: Path, kind: type[Decoded] | UnionType, newest: int, advice: str) -> Decoded:
    """The content of a JSON file.

    Args:
        path: of the file.
        kind: the struct that the file holds, or a union of tagged structs.
        newest: the format that this version writes and reads.
        advice: what to do about a file that cannot be read, a sentence.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, has another format, or a key is missing, unknown, of another type or out
        of range.
    """
    content = parse_json(path, advice)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a JSON object, got a {type(content).__name__}. {advice}")
    # The format comes first: in a file of another one, keys that seem to be missing would mislead.
    check_format(path, content, newest, advice)
    return convert(path, content, kind, advice)


def parse_json(path: Path, advice: str) -> Any:
    """The plain values of a JSON file; a number that is not finite is an error.

    Raises:
        OSError: the file cannot be read.
        DamagedFile: it is not JSON.
    """
    check_regular(path)
    try:
        return msgspec.json.decode(path.read_bytes())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DamagedFile(f"{path}: not JSON ({error}). {advice}") from error


def check_format(path: Path, content: dict[str, Any], newest: int, advice: str) -> None:
    """Refuse a file of another format: an older one can be upgraded, a newer one needs a newer relsym.

    Raises:
        ValueError: with file, both formats and what to do.
    """
    try:
        written = msgspec.convert(content, Format).format
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: format: {_reason(error)}. {advice}") from error
    if written < newest:
        raise ValueError(
            f"{path}: format {written}, written by an earlier version; this one reads format {newest}. "
            f"relsym upgrade {path.parent} writes a copy that it can read."
        )
    if written > newest:
        raise ValueError(
            f"{path}: format {written}, written by a later version; this one reads format {newest}. Use that "
            "version."
        )


def convert(path: Path, content: Any, kind: type[Decoded] | UnionType, advice: str) -> Decoded:
    """Plain values as a struct, strictly: no text for a number. Raises as ``decode``."""
    try:
        return msgspec.convert(content, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        key = _key_of(content, kind)
        place = f"{path}: {key}" if key else f"{path}"
        raise ValueError(f"{place}: {_reason(error)}. {advice}") from error


def encode(value: msgspec.Struct, leave_out: Sequence[str] = (), indent: int = 2) -> str:
    """A struct as indented JSON, checked as it would be on reading.

    Args:
        value: the struct.
        leave_out: top-level keys that are not stored.
        indent: spaces for each level.

    Raises:
        ValueError: a value of another type than declared, out of its range, or not finite; the message names
        its key.
    """
    content = msgspec.to_builtins(value)
    for key in leave_out:
        del content[key]
    # Structs are checked by msgspec where they are read, not where they are made.
    check_finite(content, "")
    convert(Path("what is to be written"), content, type(value), REPORT_IT)
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n"


def check_finite(content: Any, key: str) -> None:
    """Refuse NaN and infinities, which JSON has no words for.

    Args:
        content: plain values, nested to any depth.
        key: dotted, of the content; "" for the whole.

    Raises:
        ValueError: with the key.
    """
    if isinstance(content, float) and not math.isfinite(content):
        raise ValueError(f"what is to be written: {key}: {content} is not a finite number. {REPORT_IT}")
    children: Iterable[tuple[Any, Any]] = ()
    if isinstance(content, dict):
        children = content.items()
    elif isinstance(content, list | tuple):
        children = enumerate(content)
    for name, child in children:
        check_finite(child, f"{key}.{name}" if key else str(name))


def _reason(error: Exception) -> str:
    """The message of msgspec without the place at its end, which our messages name as a dotted key."""
    return str(error).partition(" - at ")[0]


def _key_of(content: Any, kind: Any) -> str:
    """The dotted key of the first value that does not fit; "" where it is the content itself.

    msgspec's own message names keys of structs, but not those of mappings.
    """
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    # msgspec is asked of each child by itself, which only happens where an error is known to be.
    for key, value, expected in _children(content, kind):
        try:
            msgspec.convert(value, expected)
        except (msgspec.ValidationError, RecursionError):
            below = _key_of(value, expected)
            return f"{key}.{below}" if below else key
    return ""


def _children(content: Any, kind: Any) -> list[tuple[str, Any, Any]]:
    """Key, value and expected type of each value one level below; empty where nothing is nested."""
    is_union = get_origin(kind) in (Union, UnionType)
    members = get_args(kind) if is_union else (kind,)
    if isinstance(content, dict):
        return _children_of_mapping(content, members)
    if isinstance(content, list):
        for member in members:
            if get_origin(member) in (list, tuple):
                item_type = get_args(member)[0]  # items of our tuples are all of one type
                return [(str(number), item, item_type) for number, item in enumerate(content)]
    return []


def _children_of_mapping(content: dict[Any, Any], members: Sequence[Any]) -> list[tuple[str, Any, Any]]:
    """``_children`` of a mapping, which is expected to be one of several structs or dictionaries."""
    structs = []
    for member in members:
        if isinstance(member, type) and issubclass(member, msgspec.Struct):
            structs.append(member)
    if structs:
        types = get_type_hints(_tagged(content, structs), include_extras=True)
        return [(key, value, types[key]) for key, value in content.items() if key in types]
    for member in members:
        if get_origin(member) is dict:
            value_type = get_args(member)[1]
            return [(str(key), value, value_type) for key, value in content.items()]
    return []


def _tagged(content: dict[Any, Any], structs: list[type[msgspec.Struct]]) -> type[msgspec.Struct]:
    """The struct of a union that the content's tag names; the first one where it names none."""
    for struct in structs:
        config = struct.__struct_config__
        if config.tag_field is not None and content.get(config.tag_field) == config.tag:
            return struct
    return structs[0]
