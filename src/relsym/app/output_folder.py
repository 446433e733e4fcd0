"""The folder that a command fills: refused if it holds anything else, marked while it is filled.

``relsym build`` and ``relsym export`` each write one file last, which says that the folder is finished.
Until then an empty file of that name with ``partial.`` before it marks the folder: what lies beside the mark
was left by a call that was stopped. Writing the last file atomically moves the mark away.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from relsym.runs.files import remove
from relsym.runs.layout import PARTIAL


def check_output_folder(folder: Path, last_file: str, command: str, product: str) -> None:
    """Refuse a folder with finished work in it, or with files that the command did not leave.

    Args:
        folder: to be filled; it exists.
        last_file: name of the file that is written last.
        command, product: what fills the folder and what it makes, for messages (build, benchmark).

    Raises:
        FileExistsError: naming what is in the folder.
    """
    if (folder / last_file).exists():
        raise FileExistsError(
            f"{folder} holds a finished {product} ({last_file}). Choose another hydra.run.dir, or delete the "
            "folder."
        )
    names = sorted(path.name for path in folder.iterdir())
    if names and _mark(folder, last_file).name not in names:
        first_names = ", ".join(names[:5])
        raise FileExistsError(
            f"{folder} holds files that no {command} left: {first_names}. Choose another hydra.run.dir."
        )


def claim_output_folder(folder: Path, last_file: str, leftovers: Sequence[Path]) -> None:
    """Mark the folder as being filled, after clearing what a stopped call left.

    Args:
        folder, last_file: as in ``check_output_folder``.
        leftovers: paths to delete, but only where a stopped call has left its mark.
    """
    mark = _mark(folder, last_file)
    if mark.exists():
        for path in leftovers:
            remove(path)
    mark.touch()


def _mark(folder: Path, last_file: str) -> Path:
    """The file that marks the folder: ``write_atomically`` moves it when it writes the last file."""
    return folder / f"{PARTIAL}{last_file}"
