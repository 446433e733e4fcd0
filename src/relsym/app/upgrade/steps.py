"""The steps of ``relsym upgrade``: look at everything, claim_copies the copies, write them, results last."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec
from rich.table import Table

from relsym.report.one_run.terminal import console
from relsym.runs.files import remove, write_atomically
from relsym.runs.layout import LOCK, MANIFEST, PARTIAL, RESULTS, SWEEP
from relsym.runs.results import results_json, results_or_none
from relsym.runs.sweeps import SweepFile, read_sweep, sweep_json
from relsym.runs.upgrade import upgraded_results, upgraded_sweep

# Written first and deleted last, with the name of the folder that is copied: what lies beside it was left by
# a broken attempt.
MARK = f"{PARTIAL}upgrade"
# Each says that the folder around it is whole, so they are written behind all other files. The format of a
# manifest has not changed.
RECORDS = {RESULTS: "run", SWEEP: "sweep", MANIFEST: "benchmark"}
UPGRADED, COPIED, NOT_COPIED = "upgraded", "copied as it is", "left out"


@dataclass
class CopyOutcome:
    """What became of one part of a folder. why: it is left out, or what else is to be known of it."""

    kind: str
    outcome: str
    why: str = ""


@dataclass
class Copy:
    """One folder and its copy; all paths below are relative to both.

    files: copied as they are.  links: symbolic ones, copied as links.
    records: copied as they are, after all other files.  texts: records that are written anew.
    sweeps: lists of jobs, as they were read.  lines: of the table.
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
        """Whether there is a upgrade, a sweep or a benchmark that this version can read."""
        return bool(self.records or self.texts or self.sweeps)


def upgrade(folders: Sequence[str], outs: Sequence[str]) -> None:
    """Upgrade every folder into a copy of its own.

    Raises:
        OSError: a folder is not there or cannot be read, or a copy cannot be written.
        ValueError: there is nothing to upgrade; or something was left out, and everything else is written.
    """
    copies = copies_of(folders, outs)
    for copy in copies:
        check(copy, [other.source for other in copies])
        look(copy)
    for copy in copies:
        relocate_jobs(copy, copies)
        if copy.usable:
            write(copy)
    for copy in copies:
        print_outcome(copy)
    lines: list[CopyOutcome] = []
    for copy in copies:
        lines += copy.lines.values()
    left_out = [line for line in lines if line.outcome == NOT_COPIED]
    if left_out:
        more = "" if len(left_out) == 1 else " The table has the other reasons."
        raise ValueError(f"{len(left_out)} of {len(lines)} left out of the copy: {left_out[0].why}{more}")


def copies_of(folders: Sequence[str], outs: Sequence[str]) -> list[Copy]:
    """Each folder with the place of its copy."""
    if not folders:
        raise ValueError("relsym upgrade needs a folder: relsym upgrade FOLDER [out=OUT].")
    sources = list(dict.fromkeys(absolute(folder) for folder in folders))
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

    Raises:
        FileNotFoundError, NotADirectoryError, FileExistsError: with what is there.
        ValueError: the copy would lie in a folder that is upgraded.
    """
    if not copy.source.exists():
        raise FileNotFoundError(
            f"{copy.source}: no such folder. Pass the folder of a run, a sweep or a "
            "benchmark, or one above them."
        )
    if not copy.source.is_dir():
        raise NotADirectoryError(f"{copy.source} is a file. Pass the folder that it lies in.")
    for source in sources:
        if copy.out.resolve().is_relative_to(source.resolve()):
            raise ValueError(
                f"{copy.out}: the copy would lie in {source}, which is upgraded itself and "
                "never changed. Pass out=OUT, another place for the copy."
            )
    if not os.path.lexists(copy.out):
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


def look(copy: Copy) -> None:
    """List what the folder holds, and read every record of it; nothing is written.

    Raises:
        OSError: something cannot be read.  ValueError: no record is there.
    """
    for parent, folders, files in os.walk(copy.source, onerror=_raise):
        here = Path(parent).relative_to(copy.source)
        if MARK in files:
            copy.lines[here] = CopyOutcome(
                "folder", NOT_COPIED, "an upgrade that did not end: run its command again"
            )
            folders.clear()  # os.walk would go into them
            continue
        copy.folders.append(here)
        folders.sort()
        for name in sorted(folders + files):
            look_at(copy, here / name)
    if not copy.usable and not copy.lines:
        raise ValueError(
            f"{copy.source}: nothing of relsym's there: no {', '.join(RECORDS)}. Pass the "
            "folder of a run, a sweep or a benchmark, or one above them."
        )


def _raise(error: OSError) -> None:
    """``os.walk`` would leave out what it cannot read."""
    raise error


def look_at(copy: Copy, path: Path) -> None:
    """Note what is to be done with one file or link; folders are walked anyway."""
    source = copy.source / path
    if source.is_symlink():
        look_at_link(copy, path)
    elif source.is_dir():
        return
    elif not source.is_file():
        copy.lines[path] = CopyOutcome("other", NOT_COPIED, "no file, folder or link")
    elif path.name in RECORDS:
        look_at_record(copy, path)
    elif path.name.startswith(PARTIAL):
        return  # of a write that was broken off, or goes on
    else:
        if path.name == LOCK:
            check_at_rest(source)
        copy.files.append(path)


def check_at_rest(lock: Path) -> None:
    """Refuse a sweep that runs: its copy would be neither what it was nor what it will be.

    Raises:
        BlockingIOError: it runs.
    """
    with open(lock, "rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BlockingIOError(
                f"{lock.parent}: a sweep runs there. Wait for it, or end it, then upgrade."
            ) from error


def look_at_link(copy: Copy, path: Path) -> None:
    """A link within the folder is kept.

    What another leads to is not this folder's, and seen from the copy it may be something else.
    """
    target = os.readlink(copy.source / path)
    leads_to = Path(os.path.normpath(copy.source / path.parent / target))
    if os.path.isabs(target) or not leads_to.is_relative_to(copy.source):
        why = f"{path} leads out of the folder, to {target}: upgrade that by itself"
        copy.lines[path] = CopyOutcome("link", NOT_COPIED, why)
    else:
        copy.links.append(path)


def look_at_record(copy: Copy, path: Path) -> None:
    """Upgrade one record, or note why that is impossible."""
    try:
        outcome = read_record(copy, path)
    except ValueError as error:
        copy.lines[path] = CopyOutcome(RECORDS[path.name], NOT_COPIED, str(error))
    else:
        copy.lines[path] = CopyOutcome(RECORDS[path.name], outcome)


def read_record(copy: Copy, path: Path) -> str:
    """Keep one record as it is to be written, and say what became of it.

    Raises:
        ValueError: it is of no use.
    """
    source = copy.source / path
    if path.name == SWEEP:
        sweep = upgraded_sweep(source)
        copy.sweeps[path] = sweep or read_sweep(source)
        return UPGRADED if sweep else COPIED
    results = upgraded_results(source) if path.name == RESULTS else None
    if results is None:
        copy.records.append(path)
        return COPIED
    copy.texts[path] = results_json(results)
    return UPGRADED


def relocate_jobs(copy: Copy, copies: Sequence[Copy]) -> None:
    """Let the jobs of every sweep point to their results: in a copy, or where they are if not copied."""
    for path, sweep in copy.sweeps.items():
        jobs, outside = [], set()
        for job in sweep.jobs:
            folder = Path(os.path.normpath(copy.source / path.parent / job.folder))
            new = place_of(folder, copies)
            relative = os.path.relpath(new, copy.out / path.parent)
            jobs.append(msgspec.structs.replace(job, folder=relative))
            # What cannot be read there is of an earlier version.
            if new == folder and (folder / RESULTS).exists() and results_or_none(folder / RESULTS) is None:
                outside.add(str(folder))
        copy.texts[path] = sweep_json(msgspec.structs.replace(sweep, jobs=jobs))
        if outside:
            above = os.path.commonpath([copy.source, *outside])
            places = ", ".join(sorted(outside))
            copy.lines[path].why = (
                f"it takes jobs from outside, which stay as they are: {places}. To "
                f"upgrade them too: relsym upgrade {above}"
            )


def place_of(folder: Path, copies: Sequence[Copy]) -> Path:
    """Where a folder lies afterwards."""
    for copy in copies:
        if copy.usable and folder.is_relative_to(copy.source):
            return copy.out / folder.relative_to(copy.source)
    return folder


def write(copy: Copy) -> None:
    """Write the copy, what says that its folders are whole last."""
    claim_copies(copy)
    for folder in copy.folders:
        (copy.out / folder).mkdir(exist_ok=True)
    for path in copy.links:
        os.symlink(os.readlink(copy.source / path), copy.out / path)
    for path in copy.files:
        shutil.copyfile(copy.source / path, copy.out / path)
    for path in copy.records:
        write_atomically(copy.out / path, partial(shutil.copyfile, copy.source / path))
    # Lists of jobs stand behind the results of the jobs.
    for path in sorted(copy.texts, key=lambda path: path.name == SWEEP):
        write_atomically(copy.out / path, partial(write_text, copy.texts[path]))
    (copy.out / MARK).unlink()


def claim_copies(copy: Copy) -> None:
    """Mark the place as this copy's, and clear what a broken attempt left."""
    copy.out.mkdir(parents=True, exist_ok=True)
    mark = copy.out / MARK
    mark.write_text(str(copy.source), encoding="utf-8")
    for left in copy.out.iterdir():
        if left != mark:
            remove(left)


def write_text(text: str, target: Path) -> None:
    """As ``Path.write_text``, with the text first."""
    target.write_text(text, encoding="utf-8")


def print_outcome(copy: Copy) -> None:
    """What was upgraded, copied and left out, as a table and a sentence."""
    table = Table(title=f"{copy.source}")
    for heading in ("folder", "what", "outcome", "why"):
        table.add_column(heading, overflow="fold")
    for path, line in copy.lines.items():
        place = path.parent if path.name in RECORDS else path
        table.add_row(str(place), line.kind, line.outcome, line.why)
    counts = Counter(line.outcome for line in copy.lines.values())
    outcomes = [outcome for outcome in (UPGRADED, COPIED, NOT_COPIED) if counts[outcome]]
    counted = ", ".join(f"{counts[outcome]} {outcome}" for outcome in outcomes)
    out = console()
    out.print(table)
    if not copy.usable:
        out.print(f"No copy is written: nothing in {copy.source} can be upgraded.", soft_wrap=True)
        return
    out.print(f"Written to {copy.out}: {counted}. {copy.source} is unchanged.", soft_wrap=True)
