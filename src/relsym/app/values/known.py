"""The keys, groups and options that there are, as the files of the configuration have them.

The files are read one by one and nothing is composed, which is quick enough for an error message.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import relsym.conf
from relsym.app.cli import TASKS
from relsym.runs.plain_yaml import load_yaml, yaml_text

CONF = Path(relsym.conf.__file__).parent
# Commands that read a configuration.
CONFIGURED_TASKS = tuple(task for task in TASKS if (CONF / f"{task}.yaml").exists())
# The kinds of models that files can tell (model=auto); each is the name of an option, whose settings such
# a model takes.
MODEL_KINDS = ("encoder", "nli", "causal_lm", "masked_lm", "run")
PACKAGE = re.compile(r"# @package (\S+)")
CONFIG_DIR = re.compile(r"(?:^|\s)(?:--config-dir|-cd)[=\s](\S+)")
# A whole value that is another key's: no resolver, which has a colon.
COPY = re.compile(r"\$\{[^:]*\}")
# Folders of files that options are made of; they are none themselves.
BASE = "base"


def is_own_group(group: str) -> bool:
    """Whether a group is one that users choose in: neither Hydra's own nor a base of other options."""
    return "hydra" not in group and "/" not in group


def known_keys() -> dict[str, tuple[str, ...]]:
    """Every dotted key and every group, with the commands that have it, or else the options that bring it."""
    owners: dict[str, list[str]] = {}
    for task in CONFIGURED_TASKS:
        own_keys = dotted(without_copies(_root(task)))
        for key in [*_groups_of(task), *own_keys]:
            owners.setdefault(key, []).append(f"relsym {task}")
    of_commands = set(owners)
    for path in option_files():
        option = "=".join(_group_and_option(path))
        for key in _keys_of(path):
            if key not in of_commands:
                owners.setdefault(key, []).append(option)
    return {key: tuple(names) for key, names in owners.items()}


def free_mappings() -> frozenset[str]:
    """The dotted keys that are {} in some file: any key may be added there.

    A group that is {} is left out: its options fill it.
    """
    groups = {_group_and_option(path)[0] for path in option_files()}
    empty: set[str] = set()
    for task in CONFIGURED_TASKS:
        empty.update(_empty(_root(task)))
    for path in option_files():
        place = _place(path)
        empty.update(f"{place}{key}" for key in _empty(_content(path)))
    return frozenset(empty - groups)


def option_files() -> tuple[Path, ...]:
    """The file of every option of every group, relative to the folder of options that holds it."""
    paths: dict[Path, None] = {}  # each once and in order: two folders may have an option of the same name
    for folder in option_folders():
        for path in sorted(folder.rglob("*/*.yaml")):
            paths[path.relative_to(folder)] = None
    return tuple(path for path in paths if BASE not in path.parts)


def option_folders() -> list[Path]:
    """relsym's own, and the one that ``--config-dir`` of this process's command line names."""
    words = " ".join(sys.argv[1:])
    config_dir = CONFIG_DIR.search(words)
    if config_dir is None:
        return [CONF]
    return [CONF, Path(config_dir[1])]


def dotted(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a nested mapping with those above it: ``training``, ``training.epochs``."""
    for key, value in node.items():
        yield f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{key}.")


def without_copies(node: Mapping[str, Any]) -> dict[str, Any]:
    """A nested mapping without the keys that are ``${another key}``: nobody sets those."""
    own = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            own[key] = without_copies(value)
        elif not (isinstance(value, str) and COPY.fullmatch(value)):
            own[key] = value
    return own


def _root(task: str) -> dict[str, Any]:
    """A command's own keys."""
    return _content(Path(f"{task}.yaml"))


def _groups_of(task: str) -> list[str]:
    """The groups that a command chooses from."""
    groups = []
    for entry in _read(Path(f"{task}.yaml"))["defaults"]:
        if isinstance(entry, dict):  # group: option; other entries name a file
            groups += [name for name in entry if not name.startswith("override ")]
    return groups


def _keys_of(path: Path) -> set[str]:
    """The dotted keys that an option's file brings, with those of the files that it is made of."""
    place = _place(path)
    keys = {f"{place}{key}" for key in dotted(without_copies(_content(path)))}
    for base in _bases_of(path):
        keys |= _keys_of(base)
    # Keys with an underscore in front, such as _target_, are Hydra's.
    return {key for key in keys if not key.rpartition(".")[2].startswith("_")}


def _bases_of(path: Path) -> list[Path]:
    """The files that an option's file is made of and that are there: its defaults without a group."""
    bases = []
    for entry in _read(path).get("defaults", []):
        if not isinstance(entry, str) or entry == "_self_" or entry.startswith("override "):
            continue
        name = f"{entry.partition('@')[0]}.yaml"
        # With a slash in front from the top of the folder of options, else from the file's own folder.
        base = Path(name.lstrip("/")) if name.startswith("/") else path.parent / name
        if any((folder / base).exists() for folder in option_folders()):
            bases.append(base)
    return bases


def _empty(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The dotted keys whose value is {}."""
    for key, value in node.items():
        if value == {}:
            yield f"{prefix}{key}"
        elif isinstance(value, Mapping):
            yield from _empty(value, f"{prefix}{key}.")


def _place(path: Path) -> str:
    """Where the keys of an option's file are put: a dotted key with a dot behind it; nothing for the top."""
    package = PACKAGE.search(_text(path))
    if package is not None:
        place = package[1]
    else:
        group, _ = _group_and_option(path)
        place = group.replace("/", ".")
    return "" if place == "_global_" else f"{place}."


def _group_and_option(path: Path) -> tuple[str, str]:
    """``model/shortcut/majority.yaml`` -> model, shortcut/majority; Hydra's own groups have two words."""
    depth = 2 if path.parts[0] == "hydra" else 1
    group = "/".join(path.parts[:depth])
    option = "/".join(path.with_suffix("").parts[depth:])
    return group, option


def _content(path: Path) -> dict[str, Any]:
    """The keys and values of a file, but for those that are Hydra's: its defaults and the node ``hydra``."""
    return {key: value for key, value in _read(path).items() if key not in ("defaults", "hydra")}


def _read(path: Path) -> Mapping[str, Any]:
    """A file of options as plain values; {} for one that is empty, or holds comments alone."""
    return _values_of(_text(path), str(path))


# Every file is read many times in one message: for its keys, its place and its defaults.
@cache
def _values_of(text: str, origin: str) -> Mapping[str, Any]:
    content = load_yaml(text, origin)
    return content if isinstance(content, dict) else {}


def _text(path: Path) -> str:
    """The text of a file, from the first folder of options that has it.

    Raises:
        FileNotFoundError: none has it.
    """
    for folder in option_folders():
        if (folder / path).exists():
            return _content_of(folder / path)
    raise FileNotFoundError(f"{path} is in none of the folders of options.")


@cache
def _content_of(path: Path) -> str:
    return yaml_text(path)
