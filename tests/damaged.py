"""Files with one value changed, and what is said when they are read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Keys = tuple[str | int, ...]


def values(content: Any, at: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value in a file, with the keys that lead to it."""
    children = content.items() if isinstance(content, dict) else ()
    if isinstance(content, list):
        children = enumerate(content)
    for key, child in children:
        yield (*at, key), child
        yield from values(child, (*at, key))


def replaced(content: Any, keys: Keys, value: Any) -> Any:
    """A copy with another value in one place."""
    copy = json.loads(json.dumps(content))
    place = copy
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return copy


def without(content: Any, keys: Keys) -> Any:
    """A copy without one of its values."""
    copy = json.loads(json.dumps(content))
    place = copy
    for key in keys[:-1]:
        place = place[key]
    del place[keys[-1]]
    return copy


def another_type(value: Any) -> Any:
    """A value that no field which holds ``value`` may hold."""
    if isinstance(value, str):
        return 1
    return [[]] if value is None else "text"


def refusal(path: Path, content: Any, read: Callable[[Path], Any]) -> str:
    """What is said when a file with this content is read: text as it is, else JSON."""
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=re.escape(str(path))) as told:
        read(path)
    return str(told.value)
