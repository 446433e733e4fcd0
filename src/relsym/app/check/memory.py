"""The files of QuickStatements, and the memory of what was written before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from relsym.checking.additions import batches
from relsym.runs.files import write_text_atomically
from relsym.runs.lock import one_at_a_time
from relsym.visible import printable

LINE = re.compile(r"Q[1-9]\d*\tP[1-9]\d*\tQ[1-9]\d*")


def write_batches(lines: Sequence[str], folder: Path) -> None:
    """Write a folder of files, ``001.txt`` and so on; without lines it is empty."""
    folder.mkdir()
    for number, text in enumerate(batches(lines), 1):
        (folder / f"{number:03}.txt").write_text(text, encoding="ascii", newline="")


@contextmanager
def alone_with(memory: Path | None) -> Iterator[None]:
    """Keep other checks with this memory waiting, and refuse one that cannot be written, before anything is.

    Raises:
        FileNotFoundError: there is no folder for it.
        OSError: nothing can be written there.
    """
    if memory is None:
        yield
        return
    if not memory.parent.is_dir():
        raise FileNotFoundError(f"check.memory={memory}: there is no folder {memory.parent}. Make it first.")
    with one_at_a_time(memory.with_name(f"{memory.name}.lock"), "adds to this memory"):
        if not memory.exists():
            write_text_atomically(memory, "")
        yield


def read_written(memory: Path | None, left: Path) -> list[str]:
    """The lines that were written before.

    Args:
        memory: where they stand; None: nowhere.
        left: a folder of a check that was stopped after it had remembered its lines: they were not handed to
            anybody, and come again.

    Raises:
        ValueError: the file holds something else, which would be lost.
    """
    if memory is None:
        return []
    lines = memory.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        if not LINE.fullmatch(line):
            raise ValueError(
                f"line {number} of {memory}: expected subject, property and object with tabs between, got "
                f"{printable(line)!r}. Is this a memory that relsym check wrote?"
            )
    stopped: set[str] = set()
    for path in sorted(left.glob("*.txt")):
        stopped.update(path.read_text(encoding="ascii").splitlines())
    kept = [line for line in lines if line not in stopped]
    if len(kept) < len(lines):
        remember(memory, kept)  # at once: the folder that says so is about to be cleared
    return kept


def remember(memory: Path, lines: Sequence[str]) -> None:
    """Write the memory again, with the lines of this check."""
    write_text_atomically(memory, "".join(f"{line}\n" for line in dict.fromkeys(lines)))
