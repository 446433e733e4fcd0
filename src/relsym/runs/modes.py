"""Who may read what is written: whoever the user's umask says, and of caches the user alone."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISDIR, S_ISLNK, S_IXUSR

READ_BITS = 0o444
PRIVATE = 0o700


def mode_of_new_file(path: Path) -> int:
    """The mode that a file gets which is written to ``path``: by the umask, or the folder's own rules.

    Args:
        path: where nothing is yet; nothing is there afterwards either.
    """
    # Asked of the disk: to ask for the umask is to change it, for all threads of the process.
    path.touch()
    try:
        return path.stat().st_mode & 0o777
    finally:
        path.unlink()


def give_mode(path: Path, mode: int) -> None:
    """Give a file this mode, or every file and folder at and below ``path``; links are left as they are.

    Some libraries write files that only their user can read, such as safetensors. What is run, and folders,
    may also be entered by those who may read.

    Args:
        mode: of a file, as ``mode_of_new_file`` tells it.
    """
    for entry in [path, *path.rglob("*")]:
        old = entry.lstat().st_mode
        if S_ISLNK(old):
            continue
        new = mode
        if S_ISDIR(old) or old & S_IXUSR:
            new |= (mode & READ_BITS) >> 2
        if old & 0o777 != new:
            # Bits such as a folder's, by which its group is that of what is made in it, stay.
            entry.chmod(old & 0o7000 | new)


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for the user alone; one that is there is left.

    Raises:
        OSError: it cannot be made, or is no folder.
    """
    if folder.is_dir():
        return
    if folder.parent != folder:
        make_private(folder.parent)
    folder.mkdir(mode=PRIVATE, exist_ok=True)
