"""Folders of options of one's own, looked at before Hydra reads them.

Hydra writes out every alias of a file that it reads, so that a few lines can fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from relsym.app.values.known import CONF
from relsym.runs.plain_yaml import LARGEST_OPTIONS, check_expansion, yaml_text

# Hydra takes an option's name cut short too.
NAMES_A_FOLDER = re.compile(r"(?:--config-d\w*|-cd|--config-p\w*|-cp)(?:=(.*))?")
SEARCH_PATHS = re.compile(r"\+*hydra\.searchpath=(.*)")
# Hydra takes a truth value, a name or a list of names there.
NUMBERED_VERBOSE = re.compile(r"\+*hydra\.verbose=([-+]?[\d.]+(?:[eE][-+]?\d+)?|null|\{.*\})")
PACKAGE_PATH = "pkg://"
KNOWN_PACKAGES = ("hydra", "relsym")  # whose options are no one's own


def check_own_options(words: Sequence[str]) -> None:
    """Refuse a file of options that is longer, or stands for more, than a configuration may.

    So is a value of ``hydra.verbose`` that Hydra would end at without a word.

    Args:
        words: of the command line, without the command.

    Raises:
        ValueError: with file and line, or with the option.
    """
    for word in words:
        number = NUMBERED_VERBOSE.fullmatch(word)
        if number is not None:
            raise ValueError(
                f"hydra.verbose={number[1]}: expected true, false, the name of a logger or a list of names."
            )
    for folder in named_folders(words):
        if folder.is_dir():
            _check_folder(folder, " ".join(words))


def named_folders(words: Sequence[str]) -> Iterator[Path]:
    """The folders of options that a command line names, with ``--config-dir`` or ``hydra.searchpath``."""
    for place, word in enumerate(words):
        option = NAMES_A_FOLDER.fullmatch(word)
        paths = SEARCH_PATHS.fullmatch(word)
        if option is not None:
            name = option[1]
            if name is None:  # the word behind is the folder
                name = " ".join(words[place + 1 : place + 2])
            yield Path(name)
        elif paths is not None:
            for path in paths[1].strip("[]'\"").split(","):
                yield from _searched(path.strip(" '\""))


def _searched(path: str) -> Iterator[Path]:
    """The folders that one of Hydra's search paths stands for: a folder, or ``pkg://PACKAGE.PACKAGE``."""
    if not path.startswith(PACKAGE_PATH):
        yield Path(path.removeprefix("file://"))
        return
    package, *inner = path.removeprefix(PACKAGE_PATH).replace("/", ".").strip(".").split(".")
    if not package or package in KNOWN_PACKAGES:
        return
    try:
        spec = find_spec(package)  # of the outermost package alone: to find an inner one would import it
    except (ImportError, ValueError):
        return
    locations = spec.submodule_search_locations if spec is not None else None
    for location in locations or ():
        yield Path(location, *inner)


def _check_folder(folder: Path, words: str) -> None:
    """Check the files of options that a folder holds.

    It may hold much else, such as a whole project. Files at its top, and all files below it in a folder, are
    options if the command line or another of these files names them, or if the folder is called as a group of
    relsym's.
    """
    unread = []
    for child in sorted(folder.iterdir()):
        if child.is_dir() or child.suffix == ".yaml":
            unread.append(child)
    texts = [words]
    named = _named(unread, texts)
    while named:
        texts = []
        for child in named:
            unread.remove(child)
            texts += _checked(child.rglob("*.yaml") if child.is_dir() else [child])
        named = _named(unread, texts)


def _named(children: Iterable[Path], texts: Sequence[str]) -> list[Path]:
    """The files and folders that are called as a group of relsym's, or that one of the texts names."""
    named = []
    for child in children:
        is_group = (CONF / child.name).is_dir()
        is_named = any(child.stem in text for text in texts)
        if is_group or is_named:
            named.append(child)
    return named


def _checked(paths: Iterable[Path]) -> list[str]:
    """The texts of files of YAML, none of which stands for too much."""
    texts = []
    for path in sorted(paths):
        if path.is_file():
            text = yaml_text(path, LARGEST_OPTIONS)
            check_expansion(text, str(path))
            texts.append(text)
    return texts
