"""Write files and folders so that each is whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from relsym.runs.disk import NoRoom, lack_of_room, lack_of_room_at, no_room, size_below
from relsym.runs.lock import option_of
from relsym.runs.modes import give_mode, mode_of_new_file


def write_atomically(target: Path, writer: Callable[[Path], Any]) -> Path:
    """Let ``writer`` write a file or folder under a temporary name beside the target, then move it there.

    Who may read it, the umask says, whatever the writer does.

    Args:
        target: where it is to be; what lies there is replaced.
        writer: called with the temporary path.

    Returns:
        The target.

    Raises:
        NoRoom: the disk is full, or the file would be longer than one may be; see ``naming_room``.
    """
    # Beside the target, and so on the same disk: only there is moving it one step.
    partial = target.with_name(f"partial.{target.name}")
    remove(partial)
    try:
        with naming_room(target, partial):
            mode = mode_of_new_file(partial)
            writer(partial)
            give_mode(partial, mode)
    except BaseException:  # Ctrl-C too
        remove(partial)
        raise
    if target.is_dir():  # a file is replaced in one step, a folder cannot be
        remove(target)
    os.replace(partial, target)
    return target


@contextmanager
def naming_room(target: Path, partial: Path) -> Iterator[None]:
    """Within the ``with``, errors of a full disk name the target and the room there is.

    It goes for whatever writes: what a library says of the error is of no use to the user, if it says
    anything.

    Args:
        target: the file or folder that is to be there in the end.
        partial: where it is written until then.

    Raises:
        NoRoom: nothing more can be written there.
    """
    try:
        yield
    except NoRoom:
        raise
    except Exception as error:
        reason = lack_of_room(error)
        # Values that cannot be written are no fault of the disk, however full it is.
        if reason is None and not isinstance(error, ValueError):
            reason = lack_of_room_at(partial)
        if reason is None:
            raise
        raise no_room(target, reason, option_of(target), size_below(partial)) from error


def write_text_atomically(target: Path, text: str) -> Path:
    """Write a text file in UTF-8, as ``write_atomically`` does."""
    return write_atomically(target, lambda partial: partial.write_text(text, encoding="utf-8"))


def size_of(path: Path) -> int:
    """Bytes in a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def remove(path: Path) -> None:
    """Delete a file or folder if it is there; of a link the link alone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
