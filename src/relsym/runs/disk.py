"""Errors of disks, told alike whichever library was writing: what, where, and how much room there is.

Python names no file where writing fails, and libraries in Rust or C++ give neither file nor number: some say
"I/O error: No space left on device (os error 28)", some nothing of it. So what an error says is looked for in
its text, and where it says nothing the disk itself is asked.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

# What a disk says that takes nothing more: it is full, the user's share of it is, the file is as long as one
# may be, or nothing may be written there at all.
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# How libraries write the number of an error: Rust's, and those of Arrow.
_NUMBER = re.compile(r"(?:os error|errno) (\d+)", re.IGNORECASE)
# What to do about each, by the system's words for it.
_REMEDIES = {
    os.strerror(errno.ENOSPC): "Make room",
    os.strerror(errno.EDQUOT): "Make room",
    os.strerror(errno.EFBIG): "Raise that limit",
    os.strerror(errno.EROFS): "Make it writable",
}
_SQLITE_FULL = "database or disk is full"
# Less is left where writing has failed for want of room: file systems keep a little for themselves.
_NEARLY_NOTHING = 64 * 1024


class NoRoom(OSError):
    """A disk takes no more of what is written: where, why, and how much room there is."""


def message_of(error: BaseException) -> str:
    """What an error says of itself, stripped; that it says nothing where its own code for that fails."""
    try:
        return str(error).strip()
    except Exception:  # a class of the user's may raise anything there, or give what is no text
        return "(its message cannot be shown)"


def told(error: OSError) -> str:
    """An error of the operating system as ``PATH: No such file or directory``, without its number."""
    if error.strerror is None:
        return message_of(error)
    return ": ".join([*files_of(error), error.strerror])


def files_of(error: BaseException) -> list[str]:
    """The files that an error names: none, one, or of a copy the source and then the target."""
    names = (getattr(error, "filename", None), getattr(error, "filename2", None))
    return [os.fsdecode(name) for name in names if isinstance(name, str | bytes | os.PathLike)]


def causes_of(error: BaseException) -> Iterator[BaseException]:
    """An error, the one that it was raised from, and so on."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def check_regular(path: Path) -> None:
    """Refuse a pipe, socket or device: to open one may wait for ever.

    Raises:
        OSError: it is one, or the system does not let it be seen.
    """
    kind = path.stat().st_mode
    # That a folder is one, opening it says.
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OSError(errno.EINVAL, "not a regular file, but a pipe, socket or device", str(path))


def lack_of_room(error: BaseException) -> str | None:
    """Why a disk takes nothing more, in the system's words; None if the error, or its cause, is another."""
    for cause in causes_of(error):
        reason = _reason_in(cause)
        if reason is not None:
            return reason
    return None


def _reason_in(error: BaseException) -> str | None:
    """``lack_of_room`` of one error, without its cause."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno) if error.errno in NO_ROOM else None
    text = message_of(error)
    numbers = [int(number) for number in _NUMBER.findall(text)]
    for number in NO_ROOM:
        if number in numbers or os.strerror(number).lower() in text.lower():
            return os.strerror(number)
    return os.strerror(errno.ENOSPC) if _SQLITE_FULL in text else None


def lack_of_room_at(path: Path) -> str | None:
    """Why nothing more can be written to a file or folder, found out from the disk; None if it can be.

    Asked where a library has failed to write and does not say why, while what it wrote is still there.
    """
    status = _status(path)
    if status is None:
        return None
    if status.f_flag & os.ST_RDONLY:
        return os.strerror(errno.EROFS)
    limit = largest_file()
    if limit is not None and any(size >= limit for size in _sizes(path)):
        return os.strerror(errno.EFBIG)
    # Some file systems do not know their size, and say that it is 0.
    is_full = status.f_blocks > 0 and _bytes_left(status) == 0
    if is_full or _has_no_inodes(status):
        return os.strerror(errno.ENOSPC)
    return None


def no_room(path: Path, reason: str, option: str | None, written: int = 0) -> NoRoom:
    """The error that names what could not be written, the room there is, and what to do.

    Args:
        path: of the file or folder.
        reason: of the disk, in the system's words.
        option: by which the user chooses another place; None if there is no such option.
        written: bytes of it that there was room for.
    """
    room = room_at(path)
    if written and reason == os.strerror(errno.ENOSPC):
        room += f", and it needs more than the {written:,} bytes that were written"
    return NoRoom(f"{path}: no room to write it ({reason}): {room}. {_advice(reason, option)}")


def check_room(path: Path, needed: int, option: str | None) -> None:
    """Refuse to begin what would end without room for its results.

    Args:
        path: of a file that is to be written.
        needed: bytes of it.
        option: by which the user chooses another place; None if there is no such option.

    Raises:
        NoRoom: it is known now that it cannot be written.
    """
    status = _status(path)
    limit = largest_file()
    if status is not None and status.f_blocks > 0 and _bytes_left(status) < needed:
        reason = errno.ENOSPC
    elif limit is not None and limit < needed:
        reason = errno.EFBIG
    else:
        return
    advice = _advice(os.strerror(reason), option)
    raise NoRoom(f"{path}: no room for it: it needs {needed:,} bytes, and {room_at(path)}. {advice}")


def _advice(reason: str, option: str | None) -> str:
    """What to do where there is no room."""
    remedy = _REMEDIES[reason]
    if option:
        remedy += f", or choose another {option}"
    return f"{remedy}, then give the same command again."


def room_at(path: Path) -> str:
    """How much can still be written to a file or folder, in words that follow a path."""
    status = _status(path)
    if status is None:
        return "how much is left there the system does not say"
    if status.f_flag & os.ST_RDONLY:
        return "nothing may be written on that disk"
    left = f"{_bytes_left(status):,} bytes are left on that disk"
    if _has_no_inodes(status):
        left += " but no more files can be made on it (its inodes are used up)"
    limit = largest_file()
    if limit is not None:
        left += f" and a file may have {limit:,} bytes at most (ulimit -f)"
    return left


def room_of(folders: Iterable[Path]) -> str:
    """How much is left on the disks of these folders, for an error that does not say which of them it was.

    Where some have hardly anything left it was most likely one of those, and the others are not named.
    """
    by_disk: dict[int, Path] = {}
    for folder in folders:
        there = _existing(folder)
        by_disk.setdefault(there.stat().st_dev, there)
    places = list(by_disk.values())
    scarce = [place for place in places if _is_scarce(place)]
    return "; ".join(f"{place}: {room_at(place)}" for place in scarce or places)


def largest_file() -> int | None:
    """Bytes that a file of this process may have; None where there is no limit."""
    try:
        import resource
    except ImportError:  # Windows has none
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit


def size_below(path: Path) -> int:
    """Bytes in a file, or in all files below a folder; 0 where there is nothing."""
    return sum(_sizes(path))


def _sizes(path: Path) -> Iterator[int]:
    """The size of each file at or below a path."""
    for entry in [path, *path.rglob("*")]:
        if entry.is_file():
            yield entry.stat().st_size


def _is_scarce(path: Path) -> bool:
    """Whether hardly anything more can be written there."""
    status = _status(path)
    if status is None:
        return False
    has_few_bytes = status.f_blocks > 0 and _bytes_left(status) < _NEARLY_NOTHING
    return has_few_bytes or _has_no_inodes(status)


def _status(path: Path) -> os.statvfs_result | None:
    """What the system says of the disk that a path is on, or will be on; None where it says nothing."""
    try:
        return os.statvfs(_existing(path))
    except (OSError, AttributeError):  # Windows has no statvfs
        return None


def _existing(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    for place in (path, *path.parents):
        if place.exists():
            return place
    return Path.cwd()


def _bytes_left(status: os.statvfs_result) -> int:
    """Bytes that this user may still write."""
    return status.f_bavail * status.f_frsize


def _has_no_inodes(status: os.statvfs_result) -> bool:
    """Whether no file more can be made; file systems without a fixed number of inodes say they have 0."""
    return status.f_files > 0 and status.f_favail == 0
