"""The steps of ``relsym upgrade``: look at everything, write the copies, print what became of each part."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
from rich.table import Table

from relsym.app.upgrade.copies import (
    COPIED,
    MARK,
    NOT_COPIED,
    RECORDS,
    UPGRADED,
    Copy,
    CopyOutcome,
    check,
    copies_of,
    read_mark,
)
from relsym.app.upgrade.look import look
from relsym.report.one_run.terminal import console
from relsym.runs.files import naming_room, remove, write_atomically, write_text_atomically
from relsym.runs.layout import PARTIAL, RESULTS, SWEEP
from relsym.runs.lock import holding
from relsym.runs.results import results_or_none
from relsym.runs.sweeps import Entry, sweep_json


def upgrade(folders: Sequence[str], outs: Sequence[str]) -> None:
    """Upgrade every folder into a copy of its own.

    Args:
        folders: as they were typed.
        outs: the places that ``out=`` names; none: each copy lies beside its folder.

    Raises:
        OSError: a folder is not there or cannot be read, or a copy cannot be written.
        ValueError: there is nothing to upgrade; or something was left out, and everything else is written.
    """
    copies = copies_of(folders, outs)
    # All are looked at before anything is written: an error then leaves no copy, and the jobs of one folder
    # can point into the copy of another.
    for copy in copies:
        check(copy, [other.source for other in copies])
        look(copy)
    for copy in copies:
        relocate_jobs(copy, copies)
        if copy.usable:
            with holding(copy.out, "place: out=OUT"):
                # Again: another process may have written there since.
                check(copy, [other.source for other in copies])
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


def relocate_jobs(copy: Copy, copies: Sequence[Copy]) -> None:
    """Let the jobs of every sweep point to their results: in a copy, or where they are if not copied."""
    for path, sweep in copy.sweeps.items():
        jobs: list[Entry] = []
        outside: set[str] = set()
        for job in sweep.jobs:
            folder = Path(os.path.normpath(copy.source / path.parent / job.folder))
            new_folder = place_of(folder, copies)
            relative = os.path.relpath(new_folder, copy.out / path.parent)
            jobs.append(msgspec.structs.replace(job, folder=relative))
            if new_folder == folder and _is_unreadable(folder / RESULTS):
                outside.add(str(folder))
        copy.texts[path] = sweep_json(msgspec.structs.replace(sweep, jobs=jobs))
        if outside:
            above = os.path.commonpath([copy.source, *outside])
            places = ", ".join(sorted(outside))
            copy.lines[path].why = (
                f"it takes jobs from outside, which stay as they are: {places}. To upgrade them too: "
                f"relsym upgrade {above}"
            )


def _is_unreadable(results: Path) -> bool:
    """Whether results are there that this version cannot read: most likely those of an earlier one."""
    return results.exists() and results_or_none(results) is None


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
        # Content alone: with its permissions, the copy of a read-only file could not be changed.
        with naming_room(copy.out / path, copy.out / path):
            shutil.copyfile(copy.source / path, copy.out / path)
    for path in copy.records:
        write_atomically(copy.out / path, partial(shutil.copyfile, copy.source / path))
    # Lists of jobs stand behind the results of the jobs.
    for path in sorted(copy.texts, key=lambda path: path.name == SWEEP):
        write_text_atomically(copy.out / path, copy.texts[path])
    (copy.out / MARK).unlink()


def claim_copies(copy: Copy) -> None:
    """Clear what a broken attempt left, and mark the place as this copy's; what is the user's there stays."""
    for folder in copy.folders[1:]:  # the first one is the place itself
        if (copy.out / folder).is_symlink():  # what is written below would go to where it leads
            (copy.out / folder).unlink()
    _, former_paths = read_mark(copy)
    top = copy.out.resolve()
    # What lies deeper first, so that a folder is empty when it comes to it.
    for path in sorted({*former_paths, *copy.paths}, reverse=True):
        place = copy.out / path
        if place.is_dir() and not place.is_symlink():
            with suppress(OSError):  # something of the user's is in it
                place.rmdir()
        elif place.parent.resolve().is_relative_to(top):
            remove(place)
            remove(place.with_name(f"{PARTIAL}{place.name}"))
    paths = [str(path) for path in copy.paths]
    write_text_atomically(copy.out / MARK, json.dumps({"source": str(copy.source), "paths": paths}))


def print_outcome(copy: Copy) -> None:
    """What was upgraded, copied and left out, as a table and a sentence."""
    table = Table(title=f"{copy.source}")
    for heading in ("folder", "what", "outcome", "why"):
        table.add_column(heading, overflow="fold")
    for path, line in copy.lines.items():
        # A record stands for the folder around it.
        place = path.parent if path.name in RECORDS else path
        table.add_row(str(place), line.kind, line.outcome, line.why)
    out = console()
    out.print(table)
    if not copy.usable:
        out.print(f"No copy is written: nothing in {copy.source} can be upgraded.", soft_wrap=True)
        return
    counts = Counter(line.outcome for line in copy.lines.values())
    counted = []
    for outcome in (UPGRADED, COPIED, NOT_COPIED):
        if counts[outcome]:
            counted.append(f"{counts[outcome]} {outcome}")
    summary = ", ".join(counted)
    out.print(f"Written to {copy.out}: {summary}. {copy.source} is unchanged.", soft_wrap=True)
