"""Which keys of a configuration are read by ``${...}`` elsewhere in it, and under which key a
value was set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

# The innermost ${...} of a text: what is nested in it has been taken out before.
INNERMOST = re.compile(r"\$\{([^${}]*)\}")
WHOLE_VALUE = re.compile(r"\$\{([\w.\[\]-]+)\}")
# Resolvers of omegaconf whose first argument is a key.
KEYS_OF = ("oc.select", "oc.dict.keys", "oc.dict.values")
# In place of what another interpolation gives: known only once it is resolved.
ANYTHING = "*"
Path = tuple[str, ...]


def references(node: Any, path: Path = ()) -> set[Path]:
    """The keys that interpolations anywhere in a configuration refer to.

    Args:
        node: the configuration, not resolved, as plain values.  path: where it stands.
    """
    found = set()
    for place, text in _texts(node, path):
        while match := INNERMOST.search(text):
            if (key := _key(match[1])) is not None:
                found.add(_absolute(key, place))
            text = f"{text[: match.start()]}{ANYTHING}{text[match.end() :]}"
    return found


def is_read(path: Path, read: set[Path]) -> bool:
    """Whether a key, one above it or one below it is among those that are read."""
    return any(path[: len(key)] == key[: len(path)] for key in read)


def origin(config: Any, path: Path) -> Path:
    """Where a value was set: ``data.module.samples`` is ``${data.samples}``, so it was ``data.samples``.

    Args:
        config: not resolved.  path: of a value in it.
    """
    node = config
    for depth, part in enumerate(path, start=1):
        if not isinstance(node, dict | list):  # what a resolver gave
            return path[: depth - 1]
        node = _child(node, part)
        if isinstance(node, str) and (match := WHOLE_VALUE.fullmatch(node)):
            return origin(config, _absolute(match[1], path[:depth]) + path[depth:])
    return path


def _child(node: Any, part: str) -> Any:
    """A key of a mapping may be a number."""
    if isinstance(node, list):
        return node[int(part)]
    return node[part] if part in node else next(value for key, value in node.items() if str(key) == part)


def _texts(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(node, str):
        yield path, node
        return
    items = enumerate(node) if isinstance(node, list) else node.items() if isinstance(node, dict) else ()
    for key, value in items:
        yield from _texts(value, (*path, str(key)))


def _key(content: str) -> str | None:
    """The key that an interpolation names; None for a resolver that reads none."""
    resolver, colon, arguments = content.partition(":")
    if not colon:
        return content
    return arguments.split(",")[0].strip() if resolver.strip() in KEYS_OF else None


def _absolute(key: str, place: Path) -> Path:
    """A key as written at a place: with dots before it, it starts from the mapping that the place stands in,
    or from one above.
    """
    key = key.replace("[", ".").replace("]", "").strip()
    name = key.lstrip(".")
    dots = len(key) - len(name)
    start = place[:-dots] if dots else ()
    parts = [part for part in name.split(".") if part]
    known = parts[: next((number for number, part in enumerate(parts) if ANYTHING in part), len(parts))]
    return (*start, *known)
