"""The files of QuickStatements, and the memory of what was written before."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from relsym.checking.additions import batches
from relsym.runs.files import write_text_atomically
from relsym.visible import printable

LINE = re.compile(r"Q[1-9]\d*\tP[1-9]\d*\tQ[1-9]\d*")


def write_batches(lines: Sequence[str], folder: Path) -> None:
    """Write a folder of files, ``001.txt`` and so on; without lines it is empty."""
    folder.mkdir()
    for number, text in enumerate(batches(lines), 1):
        (folder / f"{number:03}.txt").write_text(text, encoding="ascii", newline="")


def read_written(memory: Path) -> list[str]:
    """The lines that were written before; none where there is no such file yet.

    Raises:
        ValueError: the file holds something else, which would be lost.
        FileNotFoundError: there is no folder for it.
    """
    if not memory.parent.is_dir():
        raise FileNotFoundError(f"check.memory={memory}: there is no folder {memory.parent}. Make it first.")
    if not memory.exists():
        return []
    lines = memory.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not LINE.fullmatch(line):
            raise ValueError(
                f"line {number} of {memory}: expected subject, property and object with tabs between, got "
                f"{printable(line)!r}. Is this a memory that relsym check wrote?"
            )
    return lines


def remember(memory: Path, lines: Sequence[str]) -> None:
    """Add lines to the memory, which is read again: another check may have added to it meanwhile."""
    known = dict.fromkeys([*read_written(memory), *lines])
    write_text_atomically(memory, "".join(f"{line}\n" for line in known))
