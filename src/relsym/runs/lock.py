"""One process at a time writes to a folder, or to a file that several commands share.

A process holds a folder by a lock of the operating system on the file ``relsym.lock`` in it, which ends with
the process, however that goes. The file is removed when a folder is released; one that a killed process left
locks nothing.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import lock_descriptor, unlock_descriptor

from relsym.runs.disk import NO_ROOM, no_room
from relsym.runs.layout import FORMER_LOCK, LOCK

log = logging.getLogger(__name__)
PAUSE_S = 0.2  # between two looks at a lock that another process has
# What a file system answers that has no locks: NFS without its lock service, Lustre mounted without flock.
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
# The folders that this process holds -> the open lock file; None where the file system has no locks.
_held: dict[str, int | None] = {}
# The same folders -> the option that chooses each.
_options: dict[str, str] = {}


class FolderInUse(BlockingIOError):
    """Another process writes to the folder."""


def hold(folder: Path, option: str, patience_s: float | int = 0) -> bool:
    """Keep every other process from writing to a folder until it is released, or this process ends.

    Where the file system has no locks a warning says so, and the command goes on: it is alone there or not,
    nobody can tell.

    Args:
        folder: made if it is not there.
        option: what a user sets to choose another one, for messages.
        patience_s: seconds to wait for another process that writes there.

    Returns:
        Whether the folder is newly held: False where this process holds it already.

    Raises:
        FolderInUse: another process writes there; nothing was changed.
        OSError: the folder cannot be made, or not be written to; of a full disk ``NoRoom``.
    """
    key = os.path.realpath(folder)
    if key in _held:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = _acquired(folder / LOCK, time.monotonic() + patience_s)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            if error.errno in NO_ROOM:
                raise no_room(folder, os.strerror(error.errno), option) from error
            raise type(error)(
                f"{folder}: cannot write there ({error.strerror}). Choose another {option}."
            ) from error
        log.warning(
            "%s: this file system has no locks (%s), so nothing keeps another command from writing to the "
            "same folder. See to it that none does.",
            folder,
            error.strerror,
        )
        (folder / LOCK).unlink(missing_ok=True)
        _held[key] = None
        _options[key] = option
        return True
    if descriptor is None:
        raise FolderInUse(
            f"{folder}: another process writes there. Wait until it has ended, end it, or choose another "
            f"{option}."
        )
    _held[key] = descriptor
    _options[key] = option
    return True


def held_folders() -> list[Path]:
    """The folders that this process holds."""
    return [Path(key) for key in _held]


def option_of(path: Path) -> str | None:
    """The option that chooses the folder in which a path lies; None if this process holds no such folder."""
    real_path = Path(os.path.realpath(path))
    for key in _held:
        if real_path.is_relative_to(key):
            return _options[key]
    return None


def release(folder: Path) -> None:
    """Let others write to a folder that this process holds; one that it does not hold is left as it is."""
    key = os.path.realpath(folder)
    if key in _held:
        descriptor = _held.pop(key)
        if descriptor is not None:
            _let_go(descriptor, Path(key, LOCK))


def release_all() -> None:
    """Release every folder that this process holds."""
    for folder in list(_held):
        release(Path(folder))


@contextmanager
def holding(folder: Path, option: str) -> Iterator[None]:
    """Hold a folder within a ``with``; see ``hold``."""
    is_new = hold(folder, option)
    try:
        yield
    finally:
        if is_new:
            release(folder)


def check_at_rest(folder: Path) -> None:
    """Refuse a folder to which another process writes. Nothing is written: it may be read-only.

    Raises:
        FolderInUse: another process writes there.
    """
    for name in (LOCK, FORMER_LOCK):
        try:
            descriptor = os.open(folder / name, os.O_RDONLY)
        except OSError:  # there is none, or it is another user's, who alone may ask
            continue
        try:
            is_free = lock_descriptor(descriptor, blocking=False)
        except OSError:  # no locks there; NFS has none for a file that is open for reading alone
            is_free = True
        finally:
            os.close(descriptor)
        if not is_free:
            raise FolderInUse(
                f"{folder}: another process writes there. Wait until it has ended, or end it, then run this "
                "again."
            )


@contextmanager
def one_at_a_time(path: Path, reason: str) -> Iterator[None]:
    """Wait until no other process is within the same ``with``, however long that takes.

    Args:
        path: of the lock file, in a folder that is there; removed in the end.
        reason: what the others do, logged if they have to be waited for.
    """
    try:
        descriptor = _acquired(path, time.monotonic())
        if descriptor is None:
            log.info("%s: waiting for another process that %s", path.parent, reason)
            descriptor = _acquired(path, float("inf"))
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        descriptor = None
    try:
        yield
    finally:
        if descriptor is not None:
            _let_go(descriptor, path)


def _acquired(path: Path, deadline: float) -> int | None:
    """The descriptor of the lock file, locked; None if another process has it beyond the deadline."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            is_locked = lock_descriptor(descriptor, blocking=False)
        except BaseException:
            os.close(descriptor)
            raise
        if is_locked and _lies_at(descriptor, path):
            return descriptor
        os.close(descriptor)
        # Locked, but removed by who had it before: whoever comes next makes a new one, so that this one
        # would keep out nobody.
        if is_locked:
            continue
        if time.monotonic() >= deadline:
            return None
        time.sleep(PAUSE_S)


def _let_go(descriptor: int, path: Path) -> None:
    """Remove the lock file, and only then unlock it: who waits for it sees that it is gone."""
    if _lies_at(descriptor, path):
        with suppress(OSError):  # Windows removes no open file; one that stays locks nothing
            path.unlink()
    # Not by closing alone: a forked child may have a copy of the descriptor.
    with suppress(OSError):
        unlock_descriptor(descriptor)
    os.close(descriptor)


def _lies_at(descriptor: int, path: Path) -> bool:
    """Whether the open file is the one at the path."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False
