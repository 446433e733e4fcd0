"""Which keys ``${...}`` reads anywhere in a configuration, and under which key a value was set."""

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
        node: the configuration, not resolved, as plain values.
        path: where it stands.
    """
    keys = set()
    for place, text in texts_in(node, path):
        match = INNERMOST.search(text)
        while match is not None:
            key = _key(match[1])
            if key is not None:
                keys.add(_absolute(key, place))
            # The one around it is the innermost now.
            text = text[: match.start()] + ANYTHING + text[match.end() :]
            match = INNERMOST.search(text)
    return keys


def is_read(path: Path, read: set[Path]) -> bool:
    """Whether a key, one above it or one below it is among those that are read."""
    # Cut to the length of the shorter one, the two are equal if one lies below the other.
    return any(path[: len(key)] == key[: len(path)] for key in read)


def origin(config: Any, path: Path) -> Path:
    """Where a value was set: ``data.module.samples`` is ``${data.samples}``, so it was ``data.samples``.

    Args:
        config: not resolved, as plain values.
        path: of a value in the resolved configuration.
    """
    node = config
    for depth, part in enumerate(path, start=1):
        if not isinstance(node, dict | list):
            # The part exists in the resolved configuration alone: a resolver gave the mapping that it is in.
            return path[: depth - 1]
        node = _child(node, part)
        match = WHOLE_VALUE.fullmatch(node) if isinstance(node, str) else None
        if match is not None:
            start = _absolute(match[1], path[:depth])
            return origin(config, start + path[depth:])
    return path


def _child(node: Any, part: str) -> Any:
    """What lies below a list or mapping under one part of a path; a key of a mapping may be a number."""
    if isinstance(node, list):
        return node[int(part)]
    if part in node:
        return node[part]
    by_text = {str(key): value for key, value in node.items()}
    return by_text[part]


def texts_in(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text in nested lists and mappings, with its path."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, list):
        for number, item in enumerate(node):
            yield from texts_in(item, (*path, str(number)))
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from texts_in(value, (*path, str(key)))


def _key(content: str) -> str | None:
    """The key that an interpolation names; None for a resolver that reads none."""
    resolver, colon, arguments = content.partition(":")
    if not colon:
        return content
    if resolver.strip() not in KEYS_OF:
        return None
    return arguments.split(",")[0].strip()


def _absolute(key: str, place: Path) -> Path:
    """The whole path of a key that an interpolation names, up to the first part that is not known.

    With dots before it, a key starts from the mapping that the interpolation stands in, or from one above.

    Args:
        key: as it is written, ``a.b[0]`` or ``..b``.
        place: of the interpolation.
    """
    key = key.replace("[", ".").replace("]", "").strip()
    name = key.lstrip(".")
    dots = len(key) - len(name)
    start = place[:-dots] if dots else ()
    parts = []
    for part in name.split("."):
        if ANYTHING in part:
            break
        if part:
            parts.append(part)
    return (*start, *parts)
