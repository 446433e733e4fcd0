"""What a folder holds, and what is to be done with each part of it; nothing is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from relsym.app.upgrade.copies import COPIED, MARK, NOT_COPIED, RECORDS, UPGRADED, Copy, CopyOutcome
from relsym.runs.disk import told
from relsym.runs.layout import LOCK, PARTIAL, RESULTS, SWEEP
from relsym.runs.lock import check_at_rest
from relsym.runs.results import results_json
from relsym.runs.sweeps import read_sweep
from relsym.runs.upgrade import upgraded_results, upgraded_sweep


def look(copy: Copy) -> None:
    """List what the folder holds, and read every record of it.

    Raises:
        FolderInUse: another process writes to it, or to a folder below it.
        ValueError: no record is there.
    """

    def leave_out(error: OSError) -> None:
        path = Path(error.filename).relative_to(copy.source)
        copy.lines[path] = CopyOutcome("folder", NOT_COPIED, told(error))

    for parent, folders, files in os.walk(copy.source, onerror=leave_out):
        path = Path(parent).relative_to(copy.source)
        if MARK in files:
            why = "an upgrade that did not end: run its command again"
            copy.lines[path] = CopyOutcome("folder", NOT_COPIED, why)
            folders.clear()  # os.walk would go into them
            continue
        # A copy of what goes on being written would be neither what it was nor what it will be.
        check_at_rest(Path(parent))
        copy.folders.append(path)
        folders.sort()  # the order in which os.walk goes on
        for name in sorted(folders + files):
            try:
                look_at(copy, path / name)
            except OSError as error:
                copy.lines[path / name] = CopyOutcome("other", NOT_COPIED, told(error))
    if not copy.usable and not copy.lines:
        records = ", ".join(RECORDS)
        raise ValueError(
            f"{copy.source}: nothing of relsym's there: no {records}. Pass the folder of a run, a sweep or a "
            "benchmark, or one above them."
        )


def look_at(copy: Copy, path: Path) -> None:
    """Note what is to be done with one file or link; folders are walked anyway."""
    source = copy.source / path
    if source.is_symlink():  # first: the other questions are about what it leads to
        look_at_link(copy, path)
    elif source.is_dir():
        return
    elif not source.is_file():
        copy.lines[path] = CopyOutcome("other", NOT_COPIED, "no file, folder or link")
    elif path.name != LOCK and not os.access(source, os.R_OK):
        kind = RECORDS.get(path.name, "file")
        copy.lines[path] = CopyOutcome(kind, NOT_COPIED, f"{source}: {os.strerror(errno.EACCES)}")
    elif path.name in RECORDS:
        look_at_record(copy, path)
    elif path.name == LOCK or path.name.startswith(PARTIAL):
        return  # of a command that was broken off
    else:
        copy.files.append(path)


def look_at_link(copy: Copy, path: Path) -> None:
    """Keep a link that leads to a place within the folder; note any other as left out.

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
    kind = RECORDS[path.name]
    try:
        outcome = read_record(copy, path)
    except OSError as error:
        copy.lines[path] = CopyOutcome(kind, NOT_COPIED, told(error))
    except ValueError as error:
        copy.lines[path] = CopyOutcome(kind, NOT_COPIED, str(error))
    else:
        copy.lines[path] = CopyOutcome(kind, outcome)


def read_record(copy: Copy, path: Path) -> str:
    """Keep one record as it is to be written, and say what became of it: upgraded, or copied as it is.

    Raises:
        ValueError: it cannot be upgraded.
    """
    source = copy.source / path
    if path.name == SWEEP:
        sweep = upgraded_sweep(source)
        if sweep is not None:
            copy.sweeps[path] = sweep
            return UPGRADED
        # Its text is written anew even so: its jobs have to point to their places in the copy.
        copy.sweeps[path] = read_sweep(source)
        return COPIED
    results = upgraded_results(source) if path.name == RESULTS else None
    if results is not None:
        copy.texts[path] = results_json(results)
        return UPGRADED
    copy.records.append(path)
    return COPIED
