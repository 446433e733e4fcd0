"""Options that name a file, a folder or the like, and got no text: a variable of the shell was not set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from relsym.app.values.interpolations import Path, origin

# Last parts of the keys of such options, in relsym's own configuration. Where empty text means something (a
# separator, a prefix, a word for nothing), a key is not among them.
NAMING = frozenset(
    (
        "bank",
        "benchmark",
        "cache_dir",
        "config",
        "control",
        "dir",
        "dump",
        "embeddings",
        "endpoint",
        "entities",
        "entity_ids",
        "file",
        "folder",
        "gguf_file",
        "hub",
        "init",
        "inputs",
        "labels",
        "name",
        "path",
        "project",
        "prompts",
        "properties",
        "property_table",
        "relation_ids",
        "revision",
        "test",
        "train",
        "triples",
        "url",
        "urls",
        "validation",
    )
)


def empty_names(config: dict[str, Any], written: Any) -> dict[Path, str]:
    """What to say of each option that names something and is empty, by its path.

    Args:
        config: with its interpolations resolved.
        written: the same as it was written, which says where a value that is copied was set.
    """
    problems: dict[Path, str] = {}
    for path, is_item in _empty_at(config, (), is_own=True):
        set_at = origin(written, path)
        key = ".".join(set_at)
        what = "has an empty item" if is_item else "is empty"
        problems.setdefault(set_at, f"{key} {what}: pass {key}=NAME, or leave it out.")
    return problems


def _empty_at(node: dict[str, Any], path: Path, is_own: bool) -> Iterator[tuple[Path, bool]]:
    """Each path of such an option, and whether it is a list with an empty item.

    Args:
        node: a mapping of the configuration.
        path: of it.
        is_own: whether its keys are relsym's: a class of the user's may take empty text for something.
    """
    target = node.get("_target_")
    if isinstance(target, str):
        is_own = target.startswith("relsym.")
    for key, value in node.items():
        place = (*path, str(key))
        if isinstance(value, dict):
            yield from _empty_at(value, place, is_own)
        elif is_own and key in NAMING:
            if _is_blank(value):
                yield place, False
            elif isinstance(value, list) and any(_is_blank(item) for item in value):
                yield place, True


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()
