"""The files of runs below folders, with every place that could not be looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple


class FilesBelow(NamedTuple):
    """What lies below some folders.

    paths: name -> the files of that name, each once with links resolved, sorted.
    unreachable: each folder that cannot be listed and each file that is a link to nowhere, with the system's
        error.
    """

    paths: dict[str, list[Path]]
    unreachable: list[tuple[Path, OSError]]


def files_below(folders: Iterable[Path], names: Collection[str]) -> FilesBelow:
    """Every file of some names below the folders.

    Links to folders are followed. A folder that is reached twice is looked at once, so that a circle of links
    ends; so is one that lies in another of the folders.

    Args:
        folders: that are there.
        names: of files, such as ``results.json``.
    """
    by_name: dict[str, set[Path]] = {name: set() for name in names}
    unreachable: dict[Path, OSError] = {}

    def note(error: OSError) -> None:
        unreachable.setdefault(Path(os.path.realpath(error.filename)), error)

    seen: set[str] = set()
    for folder in folders:
        for path in _named_below(folder, names, seen, note):
            error = _leads_nowhere(path)
            if error is None:
                by_name[path.name].add(Path(os.path.realpath(path)))
            else:
                unreachable.setdefault(path, error)
    paths = {name: sorted(places) for name, places in by_name.items()}
    return FilesBelow(paths, [(path, unreachable[path]) for path in sorted(unreachable)])


def _named_below(
    folder: Path, names: Collection[str], seen: set[str], note: Callable[[OSError], None]
) -> Iterator[Path]:
    """The paths below a folder whose last part is one of the names; what was seen is passed over."""
    # In its real place, so that below it nothing but a link has another name than its own.
    for parent, folders, files in os.walk(os.path.realpath(folder), onerror=note, followlinks=True):
        place = os.path.realpath(parent)
        if place in seen:
            folders.clear()  # os.walk would go into them
            continue
        seen.add(place)
        for name in names:
            if name in files or name in folders:
                yield Path(parent, name)


def _leads_nowhere(path: Path) -> OSError | None:
    """The system's error about a link to something that is not there, or to itself; None of all else."""
    try:
        path.stat()
    except OSError as error:
        # Of what is no link, whatever reads it will say why it cannot.
        return error if path.is_symlink() else None
    return None


def is_there(path: Path) -> bool:
    """Whether there is a file, or may be one: where it may not be looked at, reading it says so."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True
