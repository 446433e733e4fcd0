"""Folders that are upgraded, each with the place of its copy and what is to be done with what it holds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from relsym.runs.layout import LOCK, MANIFEST, PARTIAL, RESULTS, SWEEP
from relsym.runs.sweeps import SweepFile

# Written first and deleted last, with the name of the folder that is copied and of all that is written: where
# it lies, a broken attempt left them.
MARK = f"{PARTIAL}upgrade"
# Each says that the folder around it is whole, so they are written behind all other files. The format of a
# manifest has not changed.
RECORDS = {RESULTS: "run", SWEEP: "sweep", MANIFEST: "benchmark"}
UPGRADED, COPIED, NOT_COPIED = "upgraded", "copied as it is", "left out"


class Mark(msgspec.Struct, frozen=True):
    """The content of ``MARK``: the folder that is copied, and what is written, relative to the copy."""

    source: str
    paths: list[str]


@dataclass
class CopyOutcome:
    """What became of one part of a folder.

    kind: run, sweep, benchmark, folder, file, link or other.
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
    def paths(self) -> list[Path]:
        """All that is written into the copy."""
        return [*self.folders, *self.files, *self.links, *self.records, *self.texts]

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
    # The lock, and what an upgrade leaves that was stopped while it wrote its mark.
    own = {LOCK, f"{PARTIAL}{MARK}"}
    foreign = [entry for entry in copy.out.iterdir() if entry.name not in own]
    if foreign and not is_broken_attempt(copy):
        raise FileExistsError(
            f"{copy.out} is there, and is not empty. Pass out=OUT, another place for the copy, or delete it."
        )


def is_broken_attempt(copy: Copy) -> bool:
    """Whether the copy's place holds what an upgrade of the same folder left that did not end."""
    source, _ = read_mark(copy)
    return source == str(copy.source)


def read_mark(copy: Copy) -> tuple[str | None, list[Path]]:
    """What the mark in the copy's place says: which folder is copied, and all paths that were to be written.

    Without a mark the folder is None. Marks of earlier versions say the folder alone.
    """
    mark = copy.out / MARK
    if not mark.is_file():
        return None, []
    text = mark.read_text(encoding="utf-8", errors="replace")
    try:
        said = msgspec.json.decode(text, type=Mark)
    except msgspec.MsgspecError:
        return text, []
    paths = [Path(path) for path in said.paths]
    return said.source, [path for path in paths if not path.is_absolute() and ".." not in path.parts]
