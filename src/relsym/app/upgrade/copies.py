"""Folders that are upgraded, each with the place of its copy and what is to be done with what it holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from relsym.runs.layout import MANIFEST, PARTIAL, RESULTS, SWEEP
from relsym.runs.sweeps import SweepFile

# Written first and deleted last, with the name of the folder that is copied: what lies beside it was left by
# a broken attempt.
MARK = f"{PARTIAL}upgrade"
# Each says that the folder around it is whole, so they are written behind all other files. The format of a
# manifest has not changed.
RECORDS = {RESULTS: "run", SWEEP: "sweep", MANIFEST: "benchmark"}
UPGRADED, COPIED, NOT_COPIED = "upgraded", "copied as it is", "left out"


@dataclass
class CopyOutcome:
    """What became of one part of a folder.

    kind: run, sweep, benchmark, folder, link or other.
    outcome: upgraded, copied as it is, or left out.
    why: it is left out, or what else is to be known of it.
    """

    kind: str
    outcome: str
    why: str = ""


@dataclass
class Copy:
    """One folder and its copy; all paths below are relative to both.

    files: copied as they are.
    links: symbolic ones, copied as links.
    records: copied as they are, after all other files.
    sweeps: lists of jobs, as they were read.
    texts: records that are written anew.
    lines: of the table that is printed at the end.
    """

    source: Path
    out: Path
    folders: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    records: list[Path] = field(default_factory=list)
    sweeps: dict[Path, SweepFile] = field(default_factory=dict)
    texts: dict[Path, str] = field(default_factory=dict)
    lines: dict[Path, CopyOutcome] = field(default_factory=dict)

    @property
    def usable(self) -> bool:
        """Whether it holds a run, a sweep or a benchmark that this version can read."""
        return bool(self.records or self.texts or self.sweeps)


def copies_of(folders: Sequence[str], outs: Sequence[str]) -> list[Copy]:
    """Each folder with the place of its copy.

    Args:
        folders: as they were typed.
        outs: the places that ``out=`` names.

    Raises:
        ValueError: there is no folder, or ``out=`` does not name one place for one folder.
    """
    if not folders:
        raise ValueError("relsym upgrade needs a folder: relsym upgrade FOLDER [out=OUT].")
    sources = list(dict.fromkeys(absolute(folder) for folder in folders))  # each once
    if not outs:
        return [Copy(source, source.with_name(f"{source.name}-upgraded")) for source in sources]
    if len(outs) > 1 or len(sources) > 1:
        raise ValueError(
            "out= is the place of one copy, so it goes with one folder. Leave it out: each copy "
            "then lies beside its folder."
        )
    if not outs[0]:
        raise ValueError("out= names no folder. Pass out=OUT, or leave it out: then it is FOLDER-upgraded.")
    return [Copy(sources[0], absolute(outs[0]))]


def absolute(folder: str) -> Path:
    """The whole path, without ``..``; links in it stay, so that what a person typed stays recognisable."""
    try:
        return Path(os.path.abspath(Path(folder).expanduser()))
    except RuntimeError as error:  # no such user
        raise ValueError(f"{folder}: {error} Pass the folder's whole path.") from error


def check(copy: Copy, sources: Sequence[Path]) -> None:
    """Refuse a folder that is not there, and a copy that would write over something or into what is upgraded.

    Args:
        copy: the folder and the place of its copy.
        sources: all folders that are upgraded.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: it is a file.
        FileExistsError: something is at the place of the copy.
        ValueError: the copy would lie in a folder that is upgraded.
    """
    if not copy.source.exists():
        raise FileNotFoundError(
            f"{copy.source}: no such folder. Pass the folder of a run, a sweep or a benchmark, or one above "
            "them."
        )
    if not copy.source.is_dir():
        raise NotADirectoryError(f"{copy.source} is a file. Pass the folder that it lies in.")
    for source in sources:
        if copy.out.resolve().is_relative_to(source.resolve()):
            raise ValueError(
                f"{copy.out}: the copy would lie in {source}, which is upgraded itself and never changed. "
                "Pass out=OUT, another place for the copy."
            )
    if not os.path.lexists(copy.out):  # a link that leads nowhere is something too
        return
    if not copy.out.is_dir():
        raise FileExistsError(f"{copy.out} is there, and is no folder. Pass out=OUT, another place.")
    if any(copy.out.iterdir()) and not is_broken_attempt(copy):
        raise FileExistsError(
            f"{copy.out} is there, and is not empty. Pass out=OUT, another place for the copy, or delete it."
        )


def is_broken_attempt(copy: Copy) -> bool:
    """Whether the copy's place holds what an upgrade of the same folder left that did not end."""
    mark = copy.out / MARK
    return mark.is_file() and mark.read_text(encoding="utf-8") == str(copy.source)
