"""The keys, groups and options that there are, from the files of the configuration: nothing is composed, so
it is quick.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

import relsym.conf
from relsym.app.cli import TASKS

CONF = Path(relsym.conf.__file__).parent
# Those that read a configuration.
CONFIGURED_TASKS = tuple(task for task in TASKS if (CONF / f"{task}.yaml").exists())
PACKAGE = re.compile(r"# @package (\S+)")
CONFIG_DIR = re.compile(r"(?:^|\s)(?:--config-dir|-cd)[=\s](\S+)")
COPY = re.compile(r"\$\{[^:]*\}")
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Folders of files that options are made of; they are none themselves.
BASE = "base"


def known_keys() -> dict[str, tuple[str, ...]]:
    """Every dotted key and every group, with the commands that have it, or else the options that bring it."""
    owners: dict[str, list[str]] = {}
    for task in CONFIGURED_TASKS:
        for key in [*_groups_of(task), *dotted(without_copies(_root(task)))]:
            owners.setdefault(key, []).append(f"relsym {task}")
    of_commands = set(owners)
    for path in option_files():
        for key in _keys_of(path):
            if key not in of_commands:
                owners.setdefault(key, []).append("=".join(_group_and_option(path)))
    return {key: tuple(names) for key, names in owners.items()}


def free_mappings() -> frozenset[str]:
    """The dotted keys that are {} in some file: any key may be added there.

    A group's is filled by its options.
    """
    groups = {_group_and_option(path)[0] for path in option_files()}
    found = {key for task in CONFIGURED_TASKS for key in _empty(_root(task))}
    for path in option_files():
        found.update(f"{_place(path)}{key}" for key in _empty(_content(path)))
    return frozenset(found - groups)


def option_files() -> tuple[Path, ...]:
    """The file of every option of every group, relative to the folder of options that holds it."""
    paths = {
        path.relative_to(folder): None
        for folder in option_folders()
        for path in sorted(folder.rglob("*/*.yaml"))
    }
    return tuple(path for path in paths if BASE not in path.parts)


def option_folders() -> list[Path]:
    """relsym's own, and the one that ``--config-dir`` of this process's command line names."""
    words = " ".join(sys.argv[1:])
    named = CONFIG_DIR.search(words)
    return [CONF] if named is None else [CONF, Path(named[1])]


def dotted(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a nested mapping with those above it: ``training``, ``training.epochs``."""
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")


def without_copies(node: Mapping[str, Any]) -> dict[str, Any]:
    """A nested mapping without the keys that are ``${another key}``: nobody sets those."""
    kept = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            kept[key] = without_copies(value)
        elif not (isinstance(value, str) and COPY.fullmatch(value)):
            kept[key] = value
    return kept


def _root(task: str) -> dict[str, Any]:
    """A command's own keys."""
    return _content(Path(f"{task}.yaml"))


def _groups_of(task: str) -> list[str]:
    """The groups that a command chooses from."""
    entries = [entry for entry in _read(Path(f"{task}.yaml"))["defaults"] if isinstance(entry, dict)]
    names = [name for entry in entries for name in entry]
    return [name for name in names if not name.startswith("override ")]


def _keys_of(path: Path) -> set[str]:
    """The dotted keys that a file brings, with those of the files beside it that it is made of."""
    keys = {f"{_place(path)}{key}" for key in dotted(without_copies(_content(path)))}
    for entry in _read(path).get("defaults", []):
        if isinstance(entry, str) and entry != "_self_" and not entry.startswith("override "):
            name = f"{entry.partition('@')[0]}.yaml"
            beside = Path(name.lstrip("/")) if name.startswith("/") else path.parent / name
            if any((folder / beside).exists() for folder in option_folders()):
                keys |= _keys_of(beside)
    return {key for key in keys if not key.rpartition(".")[2].startswith("_")}


def _empty(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in node.items():
        if value == {}:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping):
            yield from _empty(value, f"{prefix}{key}.")


def _place(path: Path) -> str:
    """Where the keys of an option's file are put: a dotted key with a dot behind it; nothing for the top."""
    package = PACKAGE.search(_text(path))
    place = package[1] if package else _group_and_option(path)[0].replace("/", ".")
    return "" if place == "_global_" else f"{place}."


def _group_and_option(path: Path) -> tuple[str, str]:
    """``model/shortcut/majority.yaml`` -> model, shortcut/majority; Hydra's own groups have two words."""
    depth = 2 if path.parts[0] == "hydra" else 1
    return "/".join(path.parts[:depth]), "/".join(path.with_suffix("").parts[depth:])


def _content(path: Path) -> dict[str, Any]:
    """What a file says of a command's own keys: neither what it is made of, nor Hydra's part."""
    return {key: value for key, value in _read(path).items() if key not in ("defaults", "hydra")}


def _read(path: Path) -> dict[str, Any]:
    content = yaml.load(_text(path), Loader=YAML_LOADER)
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    """Of a file in the first folder of options that has it."""
    for folder in option_folders():
        if (folder / path).exists():
            return _content_of(folder / path)
    raise FileNotFoundError(f"{path} is in none of the folders of options.")


@lru_cache
def _content_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")
